"""A front end that brings misaligned modalities into register."""
from .correlation_head import RegistrationHead
from .offsets import affine_offsets, matrix_offsets, warp

__all__ = ['RegistrationHead', 'affine_offsets', 'matrix_offsets', 'warp']
