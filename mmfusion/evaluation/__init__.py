"""Fusion metrics: pure functions and metrics of the evaluator."""
from mmfusion.functional import SourceContext, compute

__all__ = ['SourceContext', 'compute']
