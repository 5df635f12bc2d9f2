from .base import BaseFuser

__all__ = ['BaseFuser']
