"""Exported networks: what runs them, and the fuser that wraps one."""
from .fuser import BackendFuser, backend_model
from .runtimes import BACKENDS, SUFFIXES, is_exported, open_session

__all__ = [
    'BACKENDS', 'BackendFuser', 'SUFFIXES', 'backend_model', 'is_exported',
    'open_session'
]
