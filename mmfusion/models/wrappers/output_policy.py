"""From a fuser's output to the image that is shown and measured."""
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import luma
from mmfusion.utils.errors import check_choice

NORMS = ('clamp', 'minmax', 'none')
COLOURS = ('colour', 'grey')


def restore(data: Tensor, metainfo: dict) -> Tensor:
    """Undo padding, flip and resizing of one prediction.

    Args:
        data (Tensor): (C, H, W), as the network saw the image.
        metainfo (dict): Meta information of the sample.

    Returns:
        Tensor: (C, *ori_shape); unchanged where nothing is recorded.
    """
    padding = metainfo.get('img_padding_size',
                           metainfo.get('padding_size', (0, 0, 0, 0)))
    left, right, top, bottom = padding
    height, width = data.shape[-2:]
    data = data[:, top:height - bottom, left:width - right]
    if metainfo.get('flip'):
        direction = metainfo['flip_direction']
        axes = {'horizontal': [2], 'vertical': [1], 'diagonal': [1, 2]}
        data = data.flip(axes[direction])
    size = tuple(metainfo.get('ori_shape', data.shape[-2:]))[:2]
    if size != tuple(data.shape[-2:]):
        data = F.interpolate(data[None], size=size, mode='bilinear',
                             align_corners=False)[0]
    return data


class OutputPolicy:
    """Range and colour of the images a wrapper gives out.

    Args:
        norm (str): ``'clamp'`` to [0, 1]; ``'minmax'`` stretches the lowest
            and highest value of each image, of its luminance where the
            fuser has one, to 0 and 1 (single images alone: frames of a
            video would flicker); ``'none'`` leaves values as they are.
        colour (str): ``'colour'``, or ``'grey'`` for three equal channels
            of luminance.

    Raises:
        ValueError: On another norm or colour.
    """

    def __init__(self, norm: str = 'clamp', colour: str = 'colour') -> None:
        check_choice(NORMS, output_norm=norm)
        check_choice(COLOURS, output_colour=colour)
        self.norm = norm
        self.colour = colour

    @property
    def by_luma(self) -> bool:
        """Whether luminance and chrominance are needed one by one."""
        return self.norm == 'minmax' or self.colour == 'grey'

    def from_rgb(self, fused: Tensor, metainfo: dict) -> Tensor:
        """One fused image at its original size.

        Args:
            fused (Tensor): (3, H, W) RGB.
            metainfo (dict): See :func:`restore`.

        Returns:
            Tensor: (3, H, W).
        """
        image = restore(fused, metainfo)
        if self.colour == 'grey':
            image = luma(image[None])[0]
        return self._normalized(image).expand(3, -1, -1)

    def from_luma(self, y: Tensor, cbcr: Tensor, metainfo: dict,
                  join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """As :meth:`from_rgb`, of fused luminance and the chrominance.

        Args:
            y (Tensor): (1, H, W).
            cbcr (Tensor): (2, H, W).
            metainfo (dict): See :func:`restore`.
            join (callable): RGB (1, 3, H, W) of both.
        """
        y = self._normalized(restore(y, metainfo))
        if self.colour == 'grey':
            return y.expand(3, -1, -1)
        image = join(y[None], restore(cbcr, metainfo)[None])[0]
        return image if self.norm == 'none' else image.clamp(0, 1)

    def _normalized(self, image: Tensor) -> Tensor:
        if self.norm == 'none':
            return image
        if self.norm == 'minmax':
            low, high = image.amin(), image.amax()
            # A constant image has no contrast to stretch.
            scale = torch.where(high > low, high - low, torch.ones_like(low))
            image = (image - torch.where(high > low, low, 0.)) / scale
        return image.clamp(0, 1)
