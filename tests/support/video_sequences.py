"""Short videos made of still pairs, as if a camera moved."""
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np


def camera_path(count: int, size: tuple[int, int], view: tuple[int, int],
                seed: int = 0) -> np.ndarray:
    """Smooth pan, roll and zoom of a view inside an image.

    Args:
        count (int): Number of frames.
        size (tuple[int, int]): (H, W) of the image.
        view (tuple[int, int]): (h, w) of the frames; at most three quarters
            of the image, so that the view stays inside.
        seed (int): Of the path.

    Returns:
        np.ndarray: (count, 2, 3), for ``cv2.warpAffine`` with
        ``WARP_INVERSE_MAP``: from pixels of a frame to those of the image.

    Raises:
        ValueError: If the view is too large.
    """
    if any(4 * v > 3 * s for v, s in zip(view, size, strict=True)):
        raise ValueError(f'Expected a view of at most three quarters of '
                         f'{size}, got {view}.')
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * np.pi, 4)
    t = np.arange(count) / 25
    waves = np.sin(2 * np.pi * t[:, None] * (0.31, 0.23, 0.17, 0.11) + phases)
    room = [(s - v) / 2 for v, s in zip(view, size, strict=True)]
    matrices = np.empty((count, 2, 3))
    for index, (x, y, roll, zoom) in enumerate(waves):
        angle, scale = np.deg2rad(2 * roll), 1 + 0.05 * zoom
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)],
                                 [np.sin(angle), np.cos(angle)]])
        centre = np.array(
            [size[1] / 2 + 0.4 * x * room[1], size[0] / 2 + 0.4 * y * room[0]])
        middle = np.array([view[1] / 2, view[0] / 2])
        matrices[index, :, :2] = turn
        matrices[index, :, 2] = centre - turn @ middle
    return matrices


def moving_views(vis: np.ndarray, ir: np.ndarray, count: int, view: tuple[int,
                                                                          int],
                 seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What a moving camera sees of a still pair.

    Args:
        vis (np.ndarray): (H, W, 3) or (H, W), uint8.
        ir (np.ndarray): Of the same height and width.
        count (int): Number of frames.
        view (tuple[int, int]): (h, w) of the frames.
        seed (int): Of the path.

    Yields:
        tuple[np.ndarray, np.ndarray]: Both images of a frame.
    """
    size = view[::-1]
    for matrix in camera_path(count, vis.shape[:2], view, seed):
        yield tuple(
            cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR
                           | cv2.WARP_INVERSE_MAP,
                           borderMode=cv2.BORDER_REFLECT_101)
            for image in (vis, ir))


def write_sequence(folder: Path, vis: np.ndarray, ir: np.ndarray, count: int,
                   view: tuple[int, int], seed: int = 0) -> tuple[Path, Path]:
    """Write :func:`moving_views` as PNG frames.

    Returns:
        tuple[Path, Path]: Folders ``vis`` and ``ir`` below ``folder``.
    """
    folders = folder / 'vis', folder / 'ir'
    for path in folders:
        path.mkdir(parents=True, exist_ok=True)
    for index, images in enumerate(moving_views(vis, ir, count, view, seed)):
        for path, image in zip(folders, images, strict=True):
            cv2.imwrite(str(path / f'{index:05d}.png'), image)
    return folders
