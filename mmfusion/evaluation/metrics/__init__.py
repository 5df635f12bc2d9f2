"""Metrics of mmengine's evaluator."""
from .distill_metric import DistillMetric
from .fusion_metric import FusionMetric

__all__ = ['DistillMetric', 'FusionMetric']
