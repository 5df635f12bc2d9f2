"""Image files: how they are named, found and decoded. Without torch."""
from .images import read_bytes, read_image
from .rules import IMG_SUFFIXES, FileRule, Suffix, natural_key

__all__ = [
    'FileRule', 'IMG_SUFFIXES', 'Suffix', 'natural_key', 'read_bytes',
    'read_image'
]
