"""From the bytes of an image file to an array, with errors that name it."""

import cv2
import mmengine.fileio as fileio
import numpy as np

from .h5 import read_h5_image, split_h5_path

#: how fused images become 8 bits
SAVE_MODES = ('round', 'minmax', 'trunc')
_PNG = b'\x89PNG\r\n\x1a\n'
_JPEG = b'\xff\xd8\xff'


def read_image(path: str,
               flags: int = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR,
               backend_args: dict | None = None) -> np.ndarray:
    """Read and decode one image.

    Args:
        path (str): The file, on any backend of mmengine, or
            ``FILE.h5:FIELD`` (see :func:`read_h5_image`).
        flags (int): OpenCV's ``imdecode`` flags. By default depth and
            colour (grey or BGR) stay as stored; transparency is dropped.
        backend_args (dict, optional): File backend.

    Returns:
        np.ndarray: (H, W) or (H, W, C) as stored, C in BGR order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, cut off or no image; names the file.
    """
    if split_h5_path(path):
        return read_h5_image(path)
    content = read_bytes(path, backend_args)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise ValueError(
            f'Expected an image, got a damaged or unsupported file: '
            f'{path!r} ({len(content)} bytes). Replace it.')
    return image


def read_bytes(path: str, backend_args: dict | None = None) -> bytes:
    """Content of an image file that is complete as far as its end tells.

    Decoders fill the missing part of a cut-off JPEG with grey without a
    word, which is why the end marker is looked for here.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty or lacks its end marker.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'Expected an image at {path!r}, but there is none.') from error
    if not content:
        raise ValueError(f'Expected an image, got an empty file: {path!r}.')
    if content.startswith(_PNG):
        complete = content.rfind(b'IEND') > 0
    elif content.startswith(_JPEG):
        # The end marker of the last scan, not that of a thumbnail.
        complete = content.rfind(b'\xff\xd9') > content.rfind(b'\xff\xda')
    else:
        complete = True
    if not complete:
        raise ValueError(
            f'Expected a complete image, got a truncated file: {path!r} '
            f'({len(content)} bytes, no end marker). Copy it again.')
    return content
