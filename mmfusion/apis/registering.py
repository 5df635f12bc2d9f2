"""Pairs out of register: a matrix, and the second image moved by it."""
import os
from pathlib import Path

import cv2

from mmfusion.fileio import read_image
from mmfusion.fileio.paths import check_outputs
from mmfusion.fileio.registering import Registration, register_images
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_image, write_json

PathLike = str | os.PathLike


def register_pair(vis: PathLike, ir: PathLike, out: PathLike | None = None,
                  matrix: PathLike | None = None, method: str = 'auto',
                  overwrite: bool = False) -> Registration:
    """Find where the infrared image shows what the visible one does.

    Args:
        vis (str | PathLike): Visible image, or the first of a pair.
        ir (str | PathLike): Infrared image, of any size.
        out (str | PathLike, optional): Where the infrared image goes, in
            the visible one's pixels; 16 bits stay in a PNG or TIFF.
        matrix (str | PathLike, optional): Where the matrix goes, JSON that
            ``--register``, ``register=`` of :class:`LoadFusionPair` and
            ``tools/video_demo.py`` read.
        method (str): See
            :func:`~mmfusion.fileio.registering.register_images`.
        overwrite (bool): Whether to replace an image that this package has
            not written. Sources are never replaced.

    Returns:
        Registration: The matrix, and how well it fits.

    Raises:
        UsageError: If nothing fits, or a file would be written over.
        FileNotFoundError: If an image is missing.
        ValueError: If one cannot be read.
    """
    if matrix is not None and Path(matrix).suffix != '.json':
        raise UsageError('Expected a file .json for the matrix, got '
                         f'{str(matrix)!r}.')
    made = [(path, (vis, ir)) for path in (out, matrix) if path is not None]
    check_outputs(made)
    check_outputs(made[:out is not None], overwrite=overwrite)
    fixed, moving = (read_image(os.fspath(path)) for path in (vis, ir))
    found = register_images(fixed, moving, method)
    if out is not None:
        moved = found.warp(moving, fixed.shape[:2], os.fspath(ir))
        if moved.ndim == 3:
            moved = cv2.cvtColor(moved, cv2.COLOR_BGR2RGB)
        write_image(out, moved)
    if matrix is not None:
        write_json(matrix, found.record())
    return found
