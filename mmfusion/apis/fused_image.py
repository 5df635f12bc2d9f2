"""From a fused tensor to an 8-bit image."""
import numpy as np
import torch
from torch import Tensor

from mmfusion.models.layers import luma
from mmfusion.tasks import SAVE_MODES


def to_uint8(fused: Tensor, mode: str = 'round',
             grey: bool = False) -> np.ndarray:
    """Quantize one fused image.

    - ``'round'``: clamp to [0, 1], round to the nearest of 255 steps. Keeps
      brightness; use it for everything that is measured.
    - ``'trunc'``: clamp, truncate, as PSFusion's code does.
    - ``'minmax'``: clamp, stretch the minimum and maximum over all pixels
      and channels to 0 and 255, truncate, as BFFR's code does. Brightness
      and contrast change from image to image. A constant image, which that
      code turns into NaN, is only truncated.

    Args:
        fused (Tensor): (3, H, W) RGB, nominally in [0, 1].
        mode (str): As above.
        grey (bool): Whether to return the luminance alone.

    Returns:
        np.ndarray: (H, W, 3) RGB, or (H, W) where grey; ``uint8``.

    Raises:
        ValueError: On another shape or mode.
    """
    if mode not in SAVE_MODES:
        raise ValueError(
            f'Expected a save mode of {SAVE_MODES}, got {mode!r}.')
    if fused.ndim != 3 or fused.shape[0] != 3:
        raise ValueError('Expected one fused image (3, H, W), got '
                         f'{tuple(fused.shape)}.')
    image = fused.detach().float().clamp(0, 1)
    if grey:
        image = luma(image[None])[0]
    if mode == 'minmax':
        low, high = image.min(), image.max()
        if high > low:
            image = (image - low) / (high - low)
    image = image * 255
    if mode == 'round':
        image = image.round()
    array = image.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return array[..., 0] if grey else np.ascontiguousarray(array)
