"""Synthetic street scenes in two modalities, with MFNet's classes."""
from .scene import generate_scene
from .writer import write_dataset

__all__ = ['generate_scene', 'write_dataset']
