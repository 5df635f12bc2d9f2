"""TIFFs: what OpenCV does not read as it is stored, stated so that it does.

By itself it multiplies 8-bit colours by their alpha, takes the first of
several plain channels alone, cuts 16-bit grey with alpha to 8 bits, refuses
some types of numbers, and shows what damaged deflated data leave.
"""
import struct
import zlib

import cv2
import numpy as np

CLASSIC = (b'II*\0', b'MM\0*')
_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 258, 259, 262, 277
_PLANAR, _PREDICTOR, _EXTRA, _FORMAT = 284, 317, 338, 339
_CHUNKS = ((273, 279), (324, 325))  # places and sizes of strips, of tiles
_DEFLATE = ((8, ), (32946, ))
_GREY, _RGB, _UNSPECIFIED = 1, 2, 0
_KINDS = {1: 'u', 2: 'i', 3: 'f'}
#: bits -> the format of numbers that OpenCV takes as they are
_CARRIERS = {16: 1, 32: 2, 64: 3}
_REFUSED = ('f16', 'u32', 'i64', 'u64')

#: tag -> its entry of 12 bytes, and its values where they are integers
Directory = dict[int, tuple[bytes, tuple[int, ...]]]


def decode_tiff(content: bytes, flags: int) -> np.ndarray | None:
    """The first image, as ``cv2.imdecode``, of a classic TIFF.

    Returns:
        np.ndarray | None: None where it is damaged or not supported.
    """
    order = '<' if content.startswith(b'II') else '>'
    try:
        known = _directory(content, order)
        _check_deflated(content, known)
    except (struct.error, zlib.error):
        return None

    def value(tag: int, default: int = 1) -> int:
        return (known.get(tag, (b'', ()))[1] or (default, ))[0]

    samples, bits = value(_SAMPLES), value(_BITS)
    stated: dict[int, tuple[int, ...]] = {}
    if value(_PHOTOMETRIC) in (_GREY, _RGB) and samples in (3, 4):
        stated[_PHOTOMETRIC] = (_RGB, )
        stated[_EXTRA] = (_UNSPECIFIED, ) * (samples - 3)
    deep = samples > 1 and bits > 8
    if deep and value(_PLANAR) != 1:
        return None
    # grey and alpha of 16 bits come as one number of 32
    joined, width = deep and samples == 2, bits
    if joined:
        samples, width = 1, 2 * bits
        if width not in _CARRIERS or value(_PREDICTOR) != 1:
            return None
        stated.update({_SAMPLES: (1, ), _BITS: (width, ), _EXTRA: ()})
    kind = f'{_KINDS.get(value(_FORMAT), "u")}{bits}'
    # as they are: neither made grey nor cut to 8 bits
    plain = flags & cv2.IMREAD_ANYDEPTH and (samples == 1
                                             or flags & cv2.IMREAD_ANYCOLOR)
    carried = plain and (joined or kind in _REFUSED)
    if carried:
        stated[_FORMAT] = (_CARRIERS[width], ) * samples
    content = _restated(content, order, known, stated)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None or not carried:
        return image
    image = image.view(f'{kind[0]}{bits // 8}')
    return image[:, int(order == '>')::2].copy() if joined else image


def _directory(content: bytes, order: str) -> Directory:
    """The entries of the first image."""
    start, = struct.unpack_from(f'{order}I', content, 4)
    count, = struct.unpack_from(f'{order}H', content, start)
    known: Directory = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f'{order}HHI', content, place)
        values: tuple[int, ...] = ()
        if kind in (3, 4):
            form = f'{order}{number}{"HI"[kind - 3]}'
            where = place + 8
            if struct.calcsize(form) > 4:
                where, = struct.unpack_from(f'{order}I', content, where)
            values = struct.unpack_from(form, content, where)
        known[tag] = content[place:place + 12], values
    return known


def _check_deflated(content: bytes, known: Directory) -> None:
    """Raise ``zlib.error`` where data do not fit their checksum."""
    if known.get(_COMPRESSION, (b'', ()))[1] not in _DEFLATE:
        return
    for places, sizes in _CHUNKS:
        if places in known and sizes in known:
            for place, size in zip(known[places][1], known[sizes][1],
                                   strict=False):
                zlib.decompress(content[place:place + size])


def _restated(content: bytes, order: str, known: Directory,
              stated: dict[int, tuple[int, ...]]) -> bytes:
    """The file with a new directory at its end, where that differs."""
    entries = {tag: entry for tag, (entry, _) in known.items()}
    end = b'\0' * (len(content) % 2)
    for tag, values in stated.items():
        if values == known.get(tag, (b'', ()))[1]:
            continue
        data = struct.pack(f'{order}{len(values)}H', *values)
        if len(data) > 4:
            place = len(content) + len(end)
            end, data = end + data, struct.pack(f'{order}I', place)
        entries[tag] = struct.pack(f'{order}HHI', tag, 3,
                                   len(values)) + data.ljust(4, b'\0')
        if not values:
            del entries[tag]
    if entries == {tag: entry for tag, (entry, _) in known.items()}:
        return content
    start = struct.pack(f'{order}I', len(content) + len(end))
    return b''.join((content[:4], start, content[8:], end,
                     struct.pack(f'{order}H', len(entries)),
                     *(entries[tag] for tag in sorted(entries)), b'\0' * 4))
