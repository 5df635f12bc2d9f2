"""Formulas of colour that published images were made with.

Libraries compute YCbCr in whole numbers, each with roundings of its own. A
formula is named ``SPLIT`` or ``SPLIT+JOIN``:

- ``'project'``: that of :mod:`.colour`, on floats.
- ``'pillow'``, ``'opencv'``: Pillow's and OpenCV's 8-bit conversions; the
  former takes the luminance of grey images.
- To split alone: ``'pillow_planes'`` takes the luminance of Pillow's YCbCr,
  ``'png'`` as OpenCV reads a PNG file as grey, with Pillow's colour.
- To join alone: ``'planes'`` puts 8-bit planes, centred at 127.5, through
  the project's matrix.

Images are float tensors in [0, 1] throughout, which the formulas of 8 bits
round to 256 levels; gradients pass roundings unchanged.
"""
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mmfusion.utils.constants import constant
from mmfusion.utils.errors import check_choice

from .colour import luma, rgb_to_ycbcr, ycbcr_to_rgb

Split = Callable[[Tensor, bool], tuple[Tensor, Tensor]]
Join = Callable[[Tensor, Tensor, bool], Tensor]


def _through(exact: Tensor, x: Tensor) -> Tensor:
    """The value of ``exact`` with the gradient of ``x``."""
    return exact.detach() + (x - x.detach())


def to_levels(image: Tensor, how: str = 'round') -> Tensor:
    """Values in [0, 1] as multiples of 1/255, with the gradient of all.

    Args:
        image (Tensor): Clamped first.
        how (str): ``'round'`` or ``'trunc'``.
    """
    levels = 255 * image.clamp(0, 1)
    whole = levels.round() if how == 'round' else levels.floor()
    return _through(whole / 255, image)


def _bytes(rgb: Tensor) -> list[Tensor]:
    """Whole numbers from 0 to 255, channel by channel."""
    return list((255 * rgb.clamp(0, 1)).round().split(1, dim=1))


def _sixty_fourths(*terms: tuple[float, Tensor]) -> Tensor:
    """Pillow's tables of products in 64ths; their sum is cut."""
    return (sum(
        (64 * factor * x + 0.5).trunc() for factor, x in terms) / 64).floor()


def _descaled(bits: int, *terms: tuple[int, Tensor]) -> Tensor:
    """OpenCV's sums of products in fixed point, rounded."""
    return (sum(factor * x for factor, x in terms) / 2**bits + 0.5).floor()


def _centred(*planes: Tensor) -> Tensor:
    """Planes about 0 as chrominance about 0.5."""
    return torch.cat(planes, 1).clamp(-128, 127) / 255 + 0.5


def split_pillow(rgb: Tensor, clamp: bool = True) -> tuple[Tensor, Tensor]:
    """``convert('YCbCr')``, with the luminance of ``convert('L')``."""
    r, g, b = _bytes(rgb)
    y = ((19595 * r + 38470 * g + 7471 * b + 32768) / 65536).floor() / 255
    cbcr = _centred(_sixty_fourths((-0.16874, r), (-0.33126, g), (0.5, b)),
                    _sixty_fourths((0.5, r), (-0.41869, g), (-0.08131, b)))
    return _with_gradient(rgb, y, cbcr)


def split_pillow_planes(rgb: Tensor,
                        clamp: bool = True) -> tuple[Tensor, Tensor]:
    """``convert('YCbCr')``, with its own luminance, which is cut."""
    r, g, b = _bytes(rgb)
    y = _sixty_fourths((0.299, r), (0.587, g), (0.114, b)) / 255
    smooth, cbcr = split_pillow(rgb)
    return _through(y, smooth), cbcr


def split_png(rgb: Tensor, clamp: bool = True) -> tuple[Tensor, Tensor]:
    """Luminance as OpenCV reads PNG files as grey; colour as Pillow."""
    r, g, b = _bytes(rgb)
    y = ((4899 * r + 9617 * g + 1868 * b) / 2**14).floor() / 255
    smooth, cbcr = split_pillow(rgb)
    return _through(y, smooth), cbcr


def split_opencv(rgb: Tensor, clamp: bool = True) -> tuple[Tensor, Tensor]:
    """``COLOR_BGR2YCrCb``."""
    r, g, b = _bytes(rgb)
    y = _descaled(14, (4899, r), (9617, g), (1868, b))
    cbcr = _centred(_descaled(14, (9241, b - y)),
                    _descaled(14, (11682, r - y)))
    return _with_gradient(rgb, y / 255, cbcr)


def _with_gradient(rgb: Tensor, y: Tensor,
                   cbcr: Tensor) -> tuple[Tensor, Tensor]:
    smooth = rgb_to_ycbcr(rgb)
    return _through(y, smooth[0]), _through(cbcr, smooth[1])


def join_pillow(y: Tensor, cbcr: Tensor, clamp: bool = True) -> Tensor:
    """``convert('RGB')`` of ``y`` in 256 levels and the chrominance."""
    cb, cr = _planes(cbcr)
    return _joined(y, cbcr, _sixty_fourths((1.402, cr)),
                   _sixty_fourths((-0.34414, cb), (-0.71414, cr)),
                   _sixty_fourths((1.772, cb)))


def join_opencv(y: Tensor, cbcr: Tensor, clamp: bool = True) -> Tensor:
    """``COLOR_YCrCb2BGR`` of ``y`` in 256 levels and the chrominance."""
    cb, cr = _planes(cbcr)
    return _joined(y, cbcr, _descaled(14, (22987, cr)),
                   _descaled(14, (-5636, cb), (-11698, cr)),
                   _descaled(14, (29049, cb)))


def _planes(cbcr: Tensor) -> tuple[Tensor, ...]:
    """About 0. A mean of chrominances is cut, as the authors' are."""
    planes = (255 * (cbcr - 0.5) + 128 + 1e-3).clamp(0, 255).floor() - 128
    return planes.split(1, dim=1)


def _joined(y: Tensor, cbcr: Tensor, *shifts: Tensor) -> Tensor:
    levels = (255 * y.clamp(0, 1)).round()
    exact = torch.cat([levels + shift for shift in shifts], 1) / 255
    return _through(exact.clamp(0, 1), ycbcr_to_rgb(y, cbcr))


def join_planes(y: Tensor, cbcr: Tensor, clamp: bool = True) -> Tensor:
    """Planes c/255 through the project's matrix; ``y`` is not rounded."""
    return ycbcr_to_rgb(y, cbcr + 0.5 / 255, clamp)


def split_bt601(rgb: Tensor, clamp: bool = True) -> tuple[Tensor, Tensor]:
    """Full-range BT.601, without rounding."""
    return luma(rgb), 0.5 + _mixed(rgb, (-0.168736, -0.331264, 0.5),
                                   (0.5, -0.418688, -0.081312))


def join_bt601(y: Tensor, cbcr: Tensor, clamp: bool = True) -> Tensor:
    """Inverse of :func:`split_bt601`."""
    rgb = y + _mixed(cbcr - 0.5, (0., 1.402), (-0.344136, -0.714136),
                     (1.772, 0.))
    return rgb.clamp(0, 1) if clamp else rgb


def split_shift(rgb: Tensor, clamp: bool = True) -> tuple[Tensor, Tensor]:
    """Luminance of ``convert('L')``, chrominance as it is."""
    return split_pillow(rgb)[0], rgb_to_ycbcr(rgb)[1]


def join_shift(y: Tensor, cbcr: Tensor, clamp: bool = True) -> Tensor:
    """The image that was split, its luminance ``y`` now."""
    rgb = y + _mixed(cbcr - 0.5, (0., 1 / 0.713),
                     (-0.114 / 0.587 / 0.564, -0.299 / 0.587 / 0.713),
                     (1 / 0.564, 0.))
    return rgb.clamp(0, 1) if clamp else rgb


def _mixed(planes: Tensor, *rows: tuple[float, ...]) -> Tensor:
    """Sums of planes (B, C, H, W), one for each row of C factors."""
    factors = constant(rows, planes)[..., None, None]
    return (planes.unsqueeze(1) * factors).sum(2)


SPLITS: dict[str, Split] = dict(project=rgb_to_ycbcr, pillow=split_pillow,
                                pillow_planes=split_pillow_planes,
                                png=split_png, opencv=split_opencv,
                                bt601=split_bt601, shift=split_shift)
JOINS: dict[str, Join] = dict(project=ycbcr_to_rgb, pillow=join_pillow,
                              opencv=join_opencv, bt601=join_bt601,
                              shift=join_shift, planes=join_planes)


@dataclass(frozen=True)
class ColourFormula:
    """How images are split into luminance and colour, and joined again.

    Attributes:
        name (str): ``SPLIT`` or ``SPLIT+JOIN``.

    Raises:
        ValueError: If there is no such formula.
    """
    name: str

    def __post_init__(self) -> None:
        split, join = self._parts
        check_choice(SPLITS, colour_formula=split)
        check_choice(JOINS, colour_formula=join)

    @property
    def _parts(self) -> tuple[str, str]:
        split, _, join = self.name.partition('+')
        return split, join or split

    @property
    def whole(self) -> bool:
        """Whether images are joined of 256 levels of luminance."""
        return self._parts[1] in ('pillow', 'opencv', 'shift')

    def split(self, rgb: Tensor, clamp: bool) -> tuple[Tensor, Tensor]:
        """See :func:`~.colour.rgb_to_ycbcr`."""
        return SPLITS[self._parts[0]](rgb, clamp)

    def join(self, y: Tensor, cbcr: Tensor, clamp: bool) -> Tensor:
        """See :func:`~.colour.ycbcr_to_rgb`."""
        return JOINS[self._parts[1]](y, cbcr, clamp)
