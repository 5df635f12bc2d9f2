"""Fast forms of fusers, built from trained ones.

Each is registered in ``FAST_FORMS`` under the name of its fuser's class: a
function that rearranges a frozen copy in eval mode, in place, so that it
computes the same in less time and memory.
"""
from .film import fast_film
from .mmdrfuse import fast_student, fast_teacher
from .psfusion import fast_psfusion
from .realtime import fast_realtime
from .transfuser6 import fast_transfuser6

__all__ = [
    'fast_film', 'fast_psfusion', 'fast_realtime', 'fast_student',
    'fast_teacher', 'fast_transfuser6'
]
