"""Image files as other programs write them, and names that are no words."""
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

#: what old archives, careless users and hostile ones call their files
NAMES = {
    'no UTF-8': os.fsdecode(b'\xc4\xe3\xba\xc3'),
    'line break': 'two\nlines',
    'quotes': '"a\' onload=alert(1) x="',
    'dashes': '--out-dir',
    'tags': '<img src=x onerror=alert(1)>',
    'entity': '&lt;b&gt;',
    'patterns': '[a]*?{stem}%d',
    'shell': '$HOME `id`',
    'backslash': 'back\\slash',
}
_CODES = {'B': 1, 'H': 3, 'I': 4}


def write_png(path: Path, image: np.ndarray) -> Path:
    """A PNG under any name, which OpenCV cannot write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', image)[1].tobytes())
    return path


def write_named_pairs(folder: Path, size=(24, 32)) -> None:
    """Pairs ``vis`` and ``ir`` with all :data:`NAMES`."""
    rng = np.random.default_rng(0)
    for name in NAMES.values():
        for kind, shape in dict(vis=(*size, 3), ir=size).items():
            write_png(folder / kind / f'{name}.png',
                      rng.integers(0, 256, shape, np.uint8))


def png_grey_alpha(image: np.ndarray) -> bytes:
    """A PNG of grey and alpha, (H, W, 2) uint8 or uint16."""
    height, width, _ = image.shape
    head = struct.pack('>IIBBBBB', width, height, 8 * image.itemsize, 4, 0, 0,
                       0)
    rows = image.astype(image.dtype.newbyteorder('>'))
    data = zlib.compress(b''.join(b'\0' + row.tobytes() for row in rows))
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(body)) + kind + body +
        struct.pack('>I', zlib.crc32(kind + body))
        for kind, body in ((b'IHDR', head), (b'IDAT', data), (b'IEND', b'')))


def tiff(image: np.ndarray, order: str = '<', colour: bool = False,
         extra: tuple[int, ...] = (), deflate: bool = False,
         planar: bool = False) -> bytes:
    """A TIFF of one strip, (H, W) or (H, W, C) of any type.

    Args:
        image: Channels in the order of the file.
        order: ``'<'`` or ``'>'``, of the bytes.
        colour: Whether the first three channels are said to be RGB.
        extra: What further channels are: 0 unknown, 1 or 2 alpha that the
            colours are, or are not, multiplied by.
        deflate: Whether to compress.
        planar: Whether channels come one after the other.
    """
    height, width = image.shape[:2]
    samples = 1 if image.ndim == 2 else image.shape[2]
    kind = {'u': 1, 'i': 2, 'f': 3}[image.dtype.kind]
    data = np.moveaxis(image, -1, 0) if planar else image
    data = data.astype(image.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if deflate else data
    chunks = samples if planar else 1
    step = len(data) // chunks
    fields = {
        256: ('I', [width]),
        257: ('I', [height]),
        258: ('H', [8 * image.itemsize] * samples),
        259: ('H', [8 if deflate else 1]),
        262: ('H', [2 if colour else 1]),
        273: ('I', [8 + step * k for k in range(chunks)]),
        277: ('H', [samples]),
        278: ('I', [height]),
        279: ('I', [step] * chunks),
        284: ('H', [1 + planar]),
        338: ('H', list(extra)),
        339: ('H', [kind] * samples)
    }
    place = 8 + len(data) + len(data) % 2
    head = (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(
        f'{order}I', place)
    fields = {tag: field for tag, field in fields.items() if field[1]}
    behind = place + 2 + 12 * len(fields) + 4
    entries, tail = b'', b''
    for tag, (form, values) in fields.items():
        packed = struct.pack(f'{order}{len(values)}{form}', *values)
        if len(packed) > 4:
            where = struct.pack(f'{order}I', behind + len(tail))
            packed, tail = where, tail + packed
        entries += struct.pack(f'{order}HHI', tag, _CODES[form],
                               len(values)) + packed.ljust(4, b'\0')
    return b''.join((head, data, b'\0' * (len(data) % 2),
                     struct.pack(f'{order}H',
                                 len(fields)), entries, b'\0' * 4, tail))
