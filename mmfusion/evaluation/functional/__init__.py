"""Fusion metrics as pure functions of images, with named variants."""
from . import information, pixel_statistics, single
from .compute import SourceContext, compute, select_metrics
from .metric import FUSION_METRICS, FusionMetricSpec, fusion_metric, \
    get_metric
from .presets import PRESETS, Preset, get_preset

__all__ = [
    'FUSION_METRICS', 'FusionMetricSpec', 'PRESETS', 'Preset',
    'SourceContext', 'compute', 'fusion_metric', 'get_metric', 'get_preset',
    'information', 'pixel_statistics', 'select_metrics', 'single',
]
