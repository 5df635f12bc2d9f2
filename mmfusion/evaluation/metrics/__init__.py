"""Metrics of mmengine's evaluator."""
from .fusion_metric import FusionMetric

__all__ = ['FusionMetric']
