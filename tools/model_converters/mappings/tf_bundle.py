"""Reading TensorFlow's checkpoint bundles without TensorFlow.

A bundle is ``PREFIX.index``, a sorted table of what there is, and
``PREFIX.data-00000-of-00001``, the raw numbers. Nothing in it is executed,
and nothing is read beyond the ends that the files state.
"""
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmfusion.utils.checkpoint import DamagedCheckpoint, PathLike
from mmfusion.utils.errors import UsageError

_MAGIC = bytes.fromhex('57fb808b247547db')
_KINDS = {1: '<f4', 2: '<f8', 3: '<i4', 9: '<i8'}
_DATA = '.data-00000-of-00001'
_CHECKSUM = 4
_FOOTER = 48


class _Cursor:
    """Reads bytes one after the other, and never beyond their end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.place:self.place + count]
        if len(part) != count:
            raise ValueError('it is cut short')
        self.place += count
        return part

    def varint(self) -> int:
        value = 0
        for shift in range(0, 64, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError('a number is too long')

    def fields(self) -> dict[int, list]:
        """Fields of a protocol buffer by number."""
        found = defaultdict(list)
        while self.place < len(self.data):
            number, kind = divmod(self.varint(), 8)
            if kind == 0:
                value = self.varint()
            elif kind in (1, 2, 5):
                value = self.take({1: 8, 5: 4}.get(kind) or self.varint())
            else:
                raise ValueError(f'an entry of kind {kind}')
            found[number].append(value)
        return found


def _entries(index: bytes, offset: int, size: int) -> Iterator[tuple]:
    """Keys and values of a block."""
    block = _Cursor(index)
    block.place = offset
    data, compression, _ = (block.take(size), block.take(1),
                            block.take(_CHECKSUM))
    if compression != b'\0':
        raise ValueError('it is compressed')
    restarts = int.from_bytes(data[-4:], 'little')
    end = size - 4 - 4 * restarts
    if end < 0:
        raise ValueError('it is cut short')
    cursor, key = _Cursor(data[:end]), b''
    while cursor.place < end:
        shared, unshared, length = (cursor.varint() for _ in range(3))
        if shared > len(key):
            raise ValueError('a name is cut short')
        key = key[:shared] + cursor.take(unshared)
        yield key, cursor.take(length)


def _array(entry: bytes, data: bytes) -> np.ndarray:
    """A tensor of the data file; absent fields are zero."""
    fields = _Cursor(entry).fields()
    kind, shard, offset, size = (fields[k][0] if fields[k] else 0
                                 for k in (1, 3, 4, 5))
    sizes = _Cursor(fields[2][0]).fields()[2] if fields[2] else ()
    shape = [(_Cursor(one).fields()[1] or [0])[0] for one in sizes]
    if kind not in _KINDS:
        raise ValueError(f'numbers of kind {kind}')
    dtype = np.dtype(_KINDS[kind])
    if shard or size != np.prod(shape, dtype=object) * dtype.itemsize:
        raise ValueError(f'{size} bytes of shape {shape}, shard {shard}')
    if offset + size > len(data):
        raise ValueError('the numbers are cut short')
    return np.frombuffer(data, dtype, size // dtype.itemsize,
                         offset).reshape(shape).copy()


def read_bundle(path: PathLike) -> dict[str, np.ndarray]:
    """All tensors of a bundle, as they are stored.

    Args:
        path (str | PathLike): ``PREFIX.index``, or its data file.

    Raises:
        UsageError: If one of the two files is missing.
        DamagedCheckpoint: If a file is damaged, compressed or one of
            several shards.
    """
    prefix = str(path).removesuffix('.index').removesuffix(_DATA)
    files = [Path(prefix + ending) for ending in ('.index', _DATA)]
    for file in files:
        if not file.is_file():
            raise UsageError(
                f'Expected both files of a TensorFlow bundle, {files[0].name} '
                f'and {files[1].name}, side by side, got no {file}. Fetch it '
                'from the same place as the other.')
    index, data = (file.read_bytes() for file in files)
    try:
        footer = _Cursor(index[-_FOOTER:])
        if len(index) < _FOOTER or not index.endswith(_MAGIC):
            raise ValueError('it does not end as an index does')
        _, _, offset, size = (footer.varint() for _ in range(4))
        entries = dict(
            entry for _, handle in _entries(index, offset, size)
            for place in [_Cursor(handle)]
            for entry in _entries(index, place.varint(), place.varint()))
        header = _Cursor(entries.pop(b'', b'')).fields()
        if header[1] != [1] or header[2] not in ([], [0]):
            raise ValueError('it has several shards, or is big-endian')
        return {
            name.decode(): _array(entry, data)
            for name, entry in entries.items()
        }
    # the last two where a field of another kind stands, or of any size
    except (ValueError, TypeError, OverflowError) as error:
        raise DamagedCheckpoint(
            f'Expected {files[0]} to be the index of a whole TensorFlow '
            f'bundle of one shard, got one that cannot be read ({error}). '
            'Fetch both files again.') from error
