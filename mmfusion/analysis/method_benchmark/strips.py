"""Pictures of a pair and of what methods made of it, with zoomed crops."""
import html
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mmfusion.tasks import caption
from mmfusion.visualization import resize_like, to_rgb_uint8
from mmfusion.visualization.html import data_uri

#: outlines of the crops, RGB; as in report.css
CROP_COLOURS = ((240, 80, 60), (50, 150, 250))
_WIDTH = 340  # of a picture, pixels
_CROP = 200  # of a zoomed crop
_SHARE = 5  # a crop's side is the image's over this

Window = tuple[int, int, int, int]


def choose_crops(vis: np.ndarray, ir: np.ndarray) -> list[Window]:
    """Where the infrared and where the visible image varies most.

    The choice looks at the sources alone, never at a fused image.

    Args:
        vis (np.ndarray): (H, W) or (H, W, 3) ``uint8``.
        ir (np.ndarray): Of the same size.

    Returns:
        list[tuple]: Left, top, width and height of two windows, one fifth
        of the image each way, that do not overlap where there is room.
    """
    height, width = vis.shape[:2]
    size = max(width // _SHARE, 1), max(height // _SHARE, 1)
    windows: list[Window] = []
    for image in (ir, vis):
        grey = to_rgb_uint8(image).mean(-1)
        mean, square = (cv2.boxFilter(values, cv2.CV_64F, size, anchor=(0, 0))
                        for values in (grey, grey * grey))
        # The window that starts at a pixel must end inside the image.
        score = (square - mean * mean)[:height - size[1] + 1, :width -
                                       size[0] + 1]
        free = score.copy()
        for left, top, _, _ in windows:
            free[max(top - size[1] + 1, 0):top + size[1],
                 max(left - size[0] + 1, 0):left + size[0]] = -1
        if free.max() >= 0:
            score = free
        top, left = np.unravel_index(score.argmax(), score.shape)
        windows.append((int(left), int(top), *size))
    return windows


def strip(title: str, tiles: Sequence[tuple[str, np.ndarray]],
          windows: Sequence[Window], methods: int = 0) -> str:
    """One row of captioned pictures, each with its crops below, as HTML.

    Args:
        title (str): Name of the pair.
        tiles (sequence[tuple]): Captions and images, RGB or grey ``uint8``
            of one size.
        windows (sequence[tuple]): Left, top, width and height.
        methods (int): How many of the last tiles are methods', which the
            reader may leave out.

    Returns:
        str: A ``<section>`` with inline JPEGs.
    """
    figures = []
    for place, (name, image) in enumerate(tiles):
        image = to_rgb_uint8(image)
        label = html.escape(name)
        crops = ''.join(
            f'<img class="crop{index}" src="{data_uri(_zoom(image, window))}"'
            f' alt="{label}, crop {index + 1}">'
            for index, window in enumerate(windows))
        chosen = (f' data-name="{label}"' if place >= len(tiles) -
                  methods else '')
        figures.append(f'<figure{chosen}>'
                       f'<img src="{data_uri(_outlined(image, windows), 82)}" '
                       f'alt="{label}"><div class="crops">{crops}</div>'
                       f'<figcaption>{label}</figcaption></figure>')
    return (f'<section><h3>{html.escape(title)}</h3>'
            f'<div class="panel">{"".join(figures)}</div></section>')


def _outlined(image: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """The picture at the page's size, with the crops' outlines."""
    scale = _WIDTH / image.shape[1]
    small = cv2.resize(image, (_WIDTH, max(round(image.shape[0] * scale), 1)),
                       interpolation=cv2.INTER_AREA)
    for window, colour in zip(windows, CROP_COLOURS, strict=False):
        left, top, width, height = (round(scale * part) for part in window)
        cv2.rectangle(small, (left, top), (left + width, top + height), colour,
                      2)
    return small


def _zoom(image: np.ndarray, window: Window) -> np.ndarray:
    """A window at the page's size."""
    left, top, width, height = window
    crop = image[top:top + height, left:left + width]
    return cv2.resize(crop, (_CROP, max(round(_CROP * height / width), 1)),
                      interpolation=cv2.INTER_CUBIC)


def pair_strip(title: str, sources: Mapping[str, np.ndarray],
               fused: Mapping[str, np.ndarray]) -> str:
    """:func:`strip` of a pair and of the images that were made of it.

    Args:
        title (str): Name of the pair.
        sources (mapping): Modality -> RGB or grey ``uint8``, of any size;
            two, the visible image first.
        fused (mapping): Method -> image of any size.
    """
    shape = next(iter(sources.values())).shape[:2]
    first, second = (resize_like(image, shape) for image in sources.values())
    tiles = [(caption(name), image)
             for name, image in zip(sources, (first, second), strict=True)]
    tiles += [(name, resize_like(image, shape))
              for name, image in fused.items()]
    return strip(title, tiles, choose_crops(first, second), len(fused))
