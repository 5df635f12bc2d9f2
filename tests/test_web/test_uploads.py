"""What the page refuses, in one line that calls files by their names."""
import struct
import zlib

import cv2
import numpy as np
import pytest

from mmfusion.utils.errors import UsageError
from mmfusion.web.uploads import UploadLimits, check_upload, show_upload

LIMITS = UploadLimits(megabytes=1, megapixels=2)


def png_header(width, height):
    """A PNG that claims a size and holds nothing of it."""

    def chunk(kind, data):
        code = kind + data
        return struct.pack('>I', len(data)) + code + struct.pack(
            '>I', zlib.crc32(code))

    head = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(
        b'IDAT', zlib.compress(b'')) + chunk(b'IEND', b'')


def png(array):
    return cv2.imencode('.png', array)[1].tobytes()


NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
BAD = {
    'empty': (b'', r'empty file: a\.png has 0 bytes'),
    'text': (b'not an image at all', r'got a\.png, which is none'),
    'cut off': (png(NOISE)[:-40], r"truncated file: 'a\.png'"),
    'damaged': (png(NOISE)[:600] + bytes(200) + png(NOISE)[800:], r'a\.png'),
    'many pixels': (png_header(2000, 1500), r'at most 2 megapixels, got 3'),
    '300 megapixels': (png_header(20000, 15000), r'at most 2 megapixels'),
    'many bytes': (bytes(1_200_000), r'at most 1 MB, got 1 MB: a\.png'),
}


@pytest.mark.parametrize('kind', BAD)
def test_bad_uploads(tmp_path, kind):
    content, expected = BAD[kind]
    path = tmp_path / 'a.png'
    path.write_bytes(content)
    with pytest.raises(UsageError, match=expected) as caught:
        show_upload(str(path), 'visible', LIMITS)
    text = str(caught.value)
    assert '\n' not in text and str(tmp_path) not in text


def test_nothing_dropped():
    with pytest.raises(UsageError, match='no infrared one'):
        check_upload(None, 'infrared', LIMITS)


@pytest.mark.parametrize('dtype, shape', [(np.uint8, (6, 8, 3)),
                                          (np.uint16, (6, 8)),
                                          (np.uint16, (6, 8, 3))])
@pytest.mark.parametrize('suffix', ['.png', '.tiff'])
def test_what_is_shown(tmp_path, suffix, dtype, shape):
    path = tmp_path / f'a{suffix}'
    array = np.zeros(shape, dtype)
    array[..., -1] = np.iinfo(dtype).max
    cv2.imwrite(str(path), array)
    shown = show_upload(str(path), 'visible', LIMITS)
    assert shown.shape == (6, 8, 3) and shown.dtype == np.uint8
    # of colour files the last channel is red, of grey ones the last column
    assert shown.max() == 255
    assert (shown[0, 0, 0] == 255) == (len(shape) == 3)


def test_limits_are_positive():
    with pytest.raises(UsageError, match='megapixels'):
        UploadLimits(megapixels=0)
