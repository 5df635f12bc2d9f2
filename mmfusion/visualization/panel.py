"""Pictures of a pair and what was made of it, as pure functions on arrays.

Every function takes and gives RGB ``uint8`` arrays (H, W, 3) unless said
otherwise; none touches a file or a plotting library's global state.
"""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from mmfusion.structures import background_of
from mmfusion.utils.errors import check_least, printable

Image = np.ndarray | Tensor
Palette = Sequence[Sequence[int]]
Painter = Callable[[np.ndarray], np.ndarray]

IGNORED_COLOUR = (128, 128, 128)
_BACKGROUND, _INK = (255, 255, 255), (32, 32, 32)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP = 4


def to_rgb_uint8(image: Image) -> np.ndarray:
    """Bring one image into the form this module draws.

    Args:
        image (np.ndarray | Tensor): (H, W) or (H, W, C) array or (C, H, W)
            tensor with C = 1 or 3, RGB order. ``uint8`` is taken as it is,
            ``uint16`` is divided by 257, floats are in [0, 1]; what lies
            outside is clipped, NaN becomes 0.

    Returns:
        np.ndarray: (H, W, 3), ``uint8``; a grey image is repeated.

    Raises:
        ValueError: If the shape or type is none of these.
    """
    if isinstance(image, Tensor):
        image = image.detach().cpu()
        if image.is_floating_point():
            image = image.float()
        if image.ndim == 3:
            image = image.permute(1, 2, 0)
        image = image.numpy()
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(
            'Expected an image (H, W), (H, W, 1), (H, W, 3) or a tensor '
            f'(C, H, W) with 1 or 3 channels, got shape {image.shape}. '
            'Select the channels of one modality first.')
    if image.dtype == np.uint16:
        image = image // 257
    elif np.issubdtype(image.dtype, np.floating):
        image = np.nan_to_num(image.astype(np.float32), posinf=1, neginf=0)
        image = (image * 255).round().clip(0, 255)
    elif image.dtype != np.uint8:
        raise ValueError('Expected uint8, uint16 or float values, got '
                         f'{image.dtype}. Convert with .astype(np.uint8).')
    return np.ascontiguousarray(
        np.broadcast_to(image, image.shape[:2] + (3, )).astype(np.uint8))


def to_label_map(labels: Image, shape: tuple[int, int]) -> np.ndarray:
    """Class indices as (H, W) of ``shape``, resized by nearest neighbour.

    Args:
        labels (np.ndarray | Tensor): (H, W) or (1, H, W), integers.
        shape (tuple[int, int]): Height and width wanted.

    Returns:
        np.ndarray: ``shape``, ``int32``.

    Raises:
        ValueError: If ``labels`` is not one map.
    """
    if isinstance(labels, Tensor):
        labels = labels.detach().cpu().numpy()
    labels = np.asarray(labels)
    if labels.ndim == 3 and labels.shape[0] == 1:
        labels = labels[0]
    if labels.ndim != 2:
        raise ValueError('Expected a label map (H, W) or (1, H, W), got '
                         f'shape {labels.shape}. Take argmax over the '
                         'classes first.')
    labels = labels.astype(np.int32)
    if labels.shape != tuple(shape):
        labels = cv2.resize(labels, (shape[1], shape[0]),
                            interpolation=cv2.INTER_NEAREST)
    return labels


def overlay_labels(image: np.ndarray, labels: Image, palette: Palette,
                   alpha: float = 0.6, ignore_index: int = 255,
                   classes: Sequence[str] | None = None) -> np.ndarray:
    """Colour the pixels of each class.

    The background leaves the image as it is: the class of that name or,
    without ``classes``, what is black in the palette. Ignored pixels and
    indices beyond the palette turn grey.

    Args:
        image (np.ndarray): RGB, (H, W, 3) ``uint8``.
        labels (np.ndarray | Tensor): (H, W) or (1, H, W), resized to the
            image where the size differs.
        palette (sequence): One RGB triple in [0, 255] a class.
        alpha (float): Opacity of the colours in [0, 1].
        ignore_index (int): Label of pixels without a class.
        classes (sequence[str], optional): Class names.

    Returns:
        np.ndarray: (H, W, 3) ``uint8``.

    Raises:
        ValueError: If ``alpha`` or the palette is out of range.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f'Expected alpha in [0, 1], got {alpha}.')
    table = np.asarray(palette, dtype=np.uint8).reshape(-1, 3)
    check_least(0, ignore_index=ignore_index)
    labels = to_label_map(labels, image.shape[:2])
    known = (labels >= 0) & (labels < len(table)) & (labels != ignore_index)
    shown = table.any(axis=1)
    if classes:
        shown[:] = True
        shown[background_of(classes)] = False
    shown = np.append(shown, True)
    table = np.concatenate((table, [IGNORED_COLOUR])).astype(np.uint8)
    index = np.where(known, labels, len(table) - 1)
    colours = table[index]
    blend = cv2.addWeighted(image, 1 - alpha, colours, alpha, 0)
    return np.where(shown[index][..., None], blend, image)


def _font(height: int) -> tuple[float, int]:
    thickness = 1 if height < 18 else 2
    return cv2.getFontScaleFromHeight(_FONT, height, thickness), thickness


def _caption(text: str, width: int, height: int) -> np.ndarray:
    """A strip (2 * height, width, 3) with ``text`` shrunk to fit."""
    text = printable(text)
    strip = np.full((2 * height, width, 3), _BACKGROUND, np.uint8)
    scale, thickness = _font(height)
    size, _ = cv2.getTextSize(text, _FONT, scale, thickness)
    shrink = min(1.0, (width - 4) / max(size[0], 1))
    if shrink < 1:
        scale, thickness = scale * shrink, 1
        size, _ = cv2.getTextSize(text, _FONT, scale, thickness)
    origin = ((width - size[0]) // 2, (2 * height + size[1]) // 2)
    return cv2.putText(strip, text, origin, _FONT, scale, _INK, thickness,
                       cv2.LINE_AA)


def draw_legend(classes: Sequence[str], palette: Palette, width: int,
                text_height: int = 12) -> np.ndarray:
    """Names and colours of the classes, in as many rows as the width needs.

    Args:
        classes (sequence[str]): Class names.
        palette (sequence): One RGB triple a class.
        width (int): Width of the result.
        text_height (int): Height of a capital letter in pixels.

    Returns:
        np.ndarray: (h, ``width``, 3) ``uint8``.

    Raises:
        ValueError: If the numbers of names and colours differ.
    """
    if len(classes) != len(palette):
        raise ValueError(f'Expected one colour a class, got {len(classes)} '
                         f'classes and {len(palette)} colours.')
    scale, thickness = _font(text_height)
    row_height, box = 2 * text_height, text_height
    places, x, row = [], _GAP, 0
    classes = list(map(printable, classes))
    for name in classes:
        size, _ = cv2.getTextSize(name, _FONT, scale, thickness)
        needed = box + _GAP + size[0] + 3 * _GAP
        if x > _GAP and x + needed > width:
            x, row = _GAP, row + 1
        places.append((x, row))
        x += needed
    strip = np.full(((row + 1) * row_height, width, 3), _BACKGROUND, np.uint8)
    for name, colour, (x, row) in zip(classes, palette, places, strict=True):
        top = row * row_height + text_height // 2
        corner = (x + box, top + box)
        cv2.rectangle(strip, (x, top), corner, [int(c) for c in colour], -1)
        cv2.rectangle(strip, (x, top), corner, _INK, 1)
        cv2.putText(strip, name, (x + box + _GAP, top + text_height), _FONT,
                    scale, _INK, thickness, cv2.LINE_AA)
    return strip


def draw_grid(tiles: Mapping[str, Image],
              columns: int | None = None) -> np.ndarray:
    """Captioned images side by side, at their own size.

    Args:
        tiles (mapping[str, image]): Caption to image, see
            :func:`to_rgb_uint8`. Smaller images are centred.
        columns (int, optional): Images a row. None puts all in one row.

    Returns:
        np.ndarray: (h, w, 3) ``uint8``.

    Raises:
        ValueError: If there is nothing to draw or ``columns`` is below 1.
    """
    if not tiles:
        raise ValueError('Expected at least one image to draw, got none.')
    check_least(1, columns=columns)
    images = {name: to_rgb_uint8(image) for name, image in tiles.items()}
    height = max(image.shape[0] for image in images.values())
    width = max(image.shape[1] for image in images.values())
    columns = min(columns or len(images), len(images))
    text_height = int(np.clip(width / 30, 8, 24))
    cell = (height + 2 * text_height + _GAP, width + _GAP)
    rows = -(-len(images) // columns)
    canvas = np.full((rows * cell[0] + _GAP, columns * cell[1] + _GAP, 3),
                     _BACKGROUND, np.uint8)
    for place, (name, image) in enumerate(images.items()):
        top = place // columns * cell[0] + _GAP
        left = place % columns * cell[1] + _GAP
        canvas[top:top + 2 * text_height,
               left:left + width] = _caption(name, width, text_height)
        top += 2 * text_height + (height - image.shape[0]) // 2
        left += (width - image.shape[1]) // 2
        canvas[top:top + image.shape[0], left:left + image.shape[1]] = image
    return canvas


@dataclass(frozen=True)
class PanelStyle:
    """How a panel looks.

    Attributes:
        classes (sequence[str], optional): Class names, for the legend and
            to know the background.
        palette (sequence, optional): One RGB triple a class; needed with
            label maps.
        alpha (float): Opacity of the class colours.
        ignore_index (int): Label of pixels without a class.
        columns (int, optional): Images a row; None for one row.
        legend (bool): Whether to add a legend below label maps.
        captions (sequence[str]): Names of the modalities.
    """
    classes: Sequence[str] | None = None
    palette: Palette | None = None
    alpha: float = 0.6
    ignore_index: int = 255
    columns: int | None = None
    legend: bool = True
    captions: Sequence[str] = ('visible', 'infrared')


def draw_panel(vis: Image, ir: Image | None = None, fused: Image | None = None,
               pred: Image | None = None, gt: Image | None = None, *,
               more: Sequence[Image] = (),
               painters: Mapping[str, Painter] | None = None,
               **style) -> np.ndarray:
    """Visible | infrared | fused | prediction | ground truth.

    What is None is left out. Label maps and boxes are laid over the fused
    image, or over the visible one where there is none.

    Args:
        vis (image): Visible image, RGB, see :func:`to_rgb_uint8`.
        ir (image, optional): Infrared image.
        fused (image, optional): Fused image.
        pred (label map, optional): Predicted classes, (H, W) or (1, H, W).
        gt (label map, optional): True classes.
        more (sequence[image]): Further sources.
        painters (mapping, optional): Further tiles: caption to a function
            that draws on a copy of the fused image, e.g. boxes.
        style: See :class:`PanelStyle`.

    Returns:
        np.ndarray: RGB panel ``uint8``; images keep their pixels.

    Raises:
        ValueError: If label maps come without a palette, or a shape or
            range is wrong.
    """
    look = PanelStyle(**style)
    first, *_ = look.captions
    images = dict(zip(look.captions, (vis, ir, *more), strict=True),
                  fused=fused)
    tiles = {
        name: to_rgb_uint8(image) for name, image in images.items()
        if image is not None
    }
    ground = tiles.get('fused', tiles[first])
    maps = {'prediction': pred, 'ground truth': gt}
    maps = {
        name: labels for name, labels in maps.items() if labels is not None
    }
    if maps and look.palette is None:
        raise ValueError(
            f'Expected a palette to draw {" and ".join(maps)}, got None. '
            'Pass palette=..., or a dataset whose METAINFO has one.')
    for name, labels in maps.items():
        tiles[name] = overlay_labels(ground, labels, look.palette, look.alpha,
                                     look.ignore_index, look.classes)
    for name, paint in (painters or {}).items():
        tiles[name] = paint(ground)
    panel = draw_grid(tiles, look.columns)
    if not (maps and look.legend and look.classes):
        return panel
    strip = draw_legend(look.classes, look.palette, panel.shape[1],
                        int(np.clip(ground.shape[1] / 36, 8, 20)))
    return np.concatenate((panel, strip))


def resize_like(image: Image, shape: tuple[int, int]) -> np.ndarray:
    """``image`` as RGB ``uint8`` of height and width ``shape``."""
    image = to_rgb_uint8(image)
    if image.shape[:2] == tuple(shape):
        return image
    return cv2.resize(image, (shape[1], shape[0]),
                      interpolation=cv2.INTER_LINEAR)


def stacked_to_rgb(stack: Tensor,
                   modalities: Mapping[str, tuple[int, int]]) -> dict:
    """Images of the modalities in one stacked, unnormalised input.

    Args:
        stack (Tensor): (C, H, W) in [0, 255], three-channel modalities in
            BGR order, as ``PackFusionInputs`` gives it.
        modalities (mapping): Modality's name to (first, end) channel.

    Returns:
        dict[str, np.ndarray]: Name to RGB image (H, W, 3) ``uint8``.
    """
    stack = stack.detach().cpu().float().round().clamp(0, 255).byte()
    images = {}
    for name, (first, end) in modalities.items():
        part = stack[first:end]
        images[name] = to_rgb_uint8(part.flip(0) if end - first == 3 else part)
    return images
