"""From the bytes of an image file to an array, with errors that name it."""
import math
import os
import re
import struct

import cv2
import mmengine.fileio as fileio
import numpy as np

from mmfusion.utils.errors import one_line
from mmfusion.utils.processes import heard_on_stderr

from .h5 import read_h5_image, split_h5_path
from .tiff import CLASSIC, decode_tiff

_PNG = b'\x89PNG\r\n\x1a\n'
_GREY_ALPHA = 4  # PNG's colour type, its 26th byte
_BMP_MASKS = 0xff0000, 0xff00, 0xff
_JPEG = b'\xff\xd8\xff'
#: markers that end the image or begin a segment with a length; neither
#: stuffed bytes nor restarts nor fill bytes
_JPEG_MARKER = re.compile(rb'\xff([\x02-\xcf\xd9-\xfe])', re.DOTALL)
_JPEG_DAMAGE = re.compile(rb'(?:Corrupt JPEG data|Premature end of JPEG).*\n?')


def read_image(path: str,
               flags: int = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR,
               backend_args: dict | None = None) -> np.ndarray:
    """Read and decode one image.

    Args:
        path (str): The file, on any backend of mmengine, or
            ``FILE.h5:FIELD`` (see :func:`read_h5_image`).
        flags (int): OpenCV's ``imdecode`` flags. By default depth and
            colour (grey or BGR) stay as stored and transparency is
            dropped; ``IMREAD_UNCHANGED`` keeps it.
        backend_args (dict, optional): File backend.

    Returns:
        np.ndarray: (H, W) or (H, W, C) as stored, C in BGR order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, cut off, damaged as far as its format
            tells, or no image; names the file.
    """
    if split_h5_path(path) and not os.path.isfile(path):
        return read_h5_image(path)
    content = read_bytes(path, backend_args)
    try:
        image, damage = _decode(content, flags)
    # sizes out of bounds, formats that are switched off, headers cut short
    except (cv2.error, struct.error, ValueError) as error:
        image, damage = None, one_line(error)
    if image is None or damage:
        raise ValueError(
            f'Expected an image, got a damaged or unsupported file: '
            f'{path!r} ({damage or f"{len(content)} bytes"}). Replace it.')
    return image


def _decode(content: bytes, flags: int) -> tuple[np.ndarray | None, str]:
    """The image, and what its decoder complains of."""
    if content.startswith(CLASSIC):
        return decode_tiff(content, flags), ''
    data = np.frombuffer(content, np.uint8)
    if content.startswith(_JPEG):
        # libjpeg shows what damaged data leave, and tells of it there alone
        with heard_on_stderr(_JPEG_DAMAGE) as said:
            image = cv2.imdecode(data, flags)
        return image, ' '.join(said)
    image = cv2.imdecode(data, flags)
    if image is None or image.ndim == 2:
        return image, ''
    if (content.startswith(_PNG) and content[25] == _GREY_ALPHA
            and flags & cv2.IMREAD_ANYCOLOR):
        # the grey comes three times: B, G, R, perhaps alpha
        image = image[..., ::3].copy()
        return image if image.shape[2] == 2 else image[..., 0], ''
    if content.startswith(b'BM') and flags == cv2.IMREAD_UNCHANGED:
        image = _all_of_bmp(content, image)
    return image, ''


def _all_of_bmp(content: bytes, image: np.ndarray) -> np.ndarray:
    """The pixels of a BMP, where OpenCV leaves every fourth byte out."""
    start, head, _, height, _, bits, packing = struct.unpack_from(
        '<IIiiHHI', content, 10)
    plain = packing == 0 or packing == 3 and struct.unpack_from(
        '<III', content, 54) == _BMP_MASKS
    if head < 40 or bits != 32 or not plain:
        return image
    shape = (*image.shape[:2], 4)
    pixels = np.frombuffer(content, np.uint8, math.prod(shape), start)
    return pixels.reshape(shape)[::-1 if height > 0 else 1].copy()


def read_bytes(path: str, backend_args: dict | None = None) -> bytes:
    """Content of an image file that is complete as far as its end tells.

    Decoders fill the missing part of a cut-off JPEG with grey without a
    word, which is why the end marker is looked for here. What follows it,
    such as the film of a motion photo, does no harm.

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
        complete = _jpeg_ends(content)
    else:
        complete = True
    if not complete:
        raise ValueError(
            f'Expected a complete image, got a truncated file: {path!r} '
            f'({len(content)} bytes, no end marker). Copy it again.')
    return content


def _jpeg_ends(content: bytes) -> bool:
    """Whether the image has an end marker: its own, not that of a thumbnail
    inside of a segment or of what follows the image."""
    place = 2
    while marker := _JPEG_MARKER.search(content, place):
        if marker[1] == b'\xd9':
            return True
        place = marker.end()
        place += int.from_bytes(content[place:place + 2], 'big')
    return False
