"""Straightforward transcriptions of the methods' specifications.

They are the baseline of the speed tables and an independent reference for
tests: plain modules, explicit attention, unfolded BatchNorm, default memory
format. Their state-dict keys are those of the authors' checkpoints.
"""
from .film import NaiveFILM
from .mmdrfuse import NaiveMMDRFuseStudent, NaiveMMDRFuseTeacher
from .psfusion import NaivePSFusion
from .transfuser6 import NaiveTransFuser6

__all__ = [
    'NaiveFILM', 'NaiveMMDRFuseStudent', 'NaiveMMDRFuseTeacher',
    'NaivePSFusion', 'NaiveTransFuser6'
]
