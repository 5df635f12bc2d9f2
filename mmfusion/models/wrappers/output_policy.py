"""From a fuser's output to the image that is shown and measured."""
import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.fusers import BaseFuser
from mmfusion.models.layers import luma, to_levels
from mmfusion.utils.errors import check_choice

NORMS = ('clamp', 'minmax', 'minmax_rgb', 'clahe', 'none')
COLOURS = ('colour', 'grey')
ROUNDINGS = ('none', 'round', 'trunc')


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
    """Range, colour and levels of the images a wrapper gives out.

    Args:
        norm (str): ``'clamp'`` to [0, 1]; ``'minmax'`` stretches the lowest
            and highest value of each image, of its luminance where the
            fuser has one, to 0 and 1 (single images alone: frames of a
            video would flicker); ``'minmax_rgb'`` does so over the colours;
            ``'clahe'`` equalizes the luminance of exposures as IFCNN's
            authors do; ``'none'`` leaves values as they are.
        colour (str): ``'colour'``, or ``'grey'`` for three equal channels
            of luminance.
        rounding (str): ``'round'`` or ``'trunc'`` to 256 levels: of the
            luminance where the fuser's colour formula is one of 8 bits,
            else of the image; ``'none'`` leaves that to who saves it.

    Raises:
        ValueError: On another norm, colour or rounding.
    """

    def __init__(self, norm: str = 'clamp', colour: str = 'colour',
                 rounding: str = 'none') -> None:
        check_choice(NORMS, output_norm=norm)
        check_choice(COLOURS, output_colour=colour)
        check_choice(ROUNDINGS, output_rounding=rounding)
        self.norm = norm
        self.colour = colour
        self.rounding = rounding

    def by_luma(self, fuser: BaseFuser) -> bool:
        """Whether luminance and chrominance are needed one by one."""
        whole = self.rounding != 'none' and fuser.colour_formula.whole
        return self.norm != 'minmax_rgb' and (self.norm in ('minmax', 'clahe')
                                              or self.colour == 'grey'
                                              or whole)

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
        return self._levels(self._normalized(image)).expand(3, -1, -1)

    def from_luma(self, y: Tensor, cbcr: Tensor, metainfo: dict,
                  fuser: BaseFuser) -> Tensor:
        """As :meth:`from_rgb`, of fused luminance and the chrominance.

        Args:
            y (Tensor): (1, H, W).
            cbcr (Tensor): (2, H, W).
            metainfo (dict): See :func:`restore`.
            fuser (BaseFuser): Joins both.
        """
        y = self._normalized(restore(y, metainfo))
        if self.colour == 'grey':
            return self._levels(y).expand(3, -1, -1)
        if fuser.colour_formula.whole:
            y = self._levels(y)
        image = fuser.join_colour(y[None], restore(cbcr, metainfo)[None])[0]
        if self.norm == 'none':
            return image
        image = image.clamp(0, 1)
        return image if fuser.colour_formula.whole else self._levels(image)

    def _normalized(self, image: Tensor) -> Tensor:
        if self.norm == 'none':
            return image
        if self.norm == 'clahe':
            return _equalized(image)
        if self.norm.startswith('minmax'):
            low, high = image.amin(), image.amax()
            # A constant image has no contrast to stretch.
            scale = torch.where(high > low, high - low, torch.ones_like(low))
            image = (image - torch.where(high > low, low, 0.)) / scale
        return image.clamp(0, 1)

    def _levels(self, image: Tensor) -> Tensor:
        if self.rounding == 'none':
            return image
        return to_levels(image, self.rounding)


def _equalized(y: Tensor) -> Tensor:
    """Luminance (1, H, W) brought to 16..235 and through OpenCV's CLAHE."""
    y = to_levels(y)
    levels = (y * 235 + (1 - y) * 16).to(torch.uint8)
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    equal = clahe.apply(levels[0].cpu().numpy())
    return torch.from_numpy(equal)[None].to(y) / 255
