"""Fusion metrics as pure functions of images, with named variants."""
from . import (contrast_quality, detail_quality, feature_mutual_information,
               gradient_similarity, gradient_transfer, information, learned,
               mef_ssim, petrovic, phase_congruency, pixel_statistics,
               quality_index, single, ssim, visual_fidelity)
from .compute import SourceContext, compute, select_metrics
from .metric import FUSION_METRICS, FusionMetricSpec, fusion_metric, get_metric
from .presets import PRESETS, Preset, get_preset

__all__ = [
    'FUSION_METRICS', 'FusionMetricSpec', 'PRESETS', 'Preset', 'SourceContext',
    'compute', 'contrast_quality', 'detail_quality',
    'feature_mutual_information', 'fusion_metric', 'get_metric', 'get_preset',
    'gradient_similarity', 'gradient_transfer', 'information', 'learned',
    'mef_ssim', 'petrovic', 'phase_congruency', 'pixel_statistics',
    'quality_index', 'select_metrics', 'single', 'ssim', 'visual_fidelity'
]
