"""Fusion metrics: pure functions and metrics of the evaluator."""
from .functional import SourceContext, compute

__all__ = ['SourceContext', 'compute']
