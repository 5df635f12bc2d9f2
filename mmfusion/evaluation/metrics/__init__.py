"""Metrics of mmengine's evaluator."""
from .condition_metric import ConditionMetric
from .distill_metric import DistillMetric
from .fusion_metric import FusionMetric
from .iou_metric import IoUMetric
from .miss_rate_metric import MissRateMetric

__all__ = [
    'ConditionMetric', 'DistillMetric', 'FusionMetric', 'IoUMetric',
    'MissRateMetric'
]
