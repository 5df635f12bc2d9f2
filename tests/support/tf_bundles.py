"""TensorFlow bundles, written by hand as their format says."""
from pathlib import Path

import numpy as np

MAGIC = bytes.fromhex('57fb808b247547db')
KINDS = {'<f4': 1, '<f8': 2, '<i4': 3, '<i8': 9}


def varint(value: int) -> bytes:
    head = b''
    while value > 127:
        head += bytes([value & 127 | 128])
        value >>= 7
    return head + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer; zero is left out."""
    if isinstance(value, bytes):
        return varint(8 * number + 2) + varint(len(value)) + value
    return varint(8 * number) + varint(value) if value else b''


def block(entries: dict[bytes, bytes], compression: int = 0) -> bytes:
    """Entries with the shared beginnings of their names left out."""
    body, before = b'', b''
    for key, value in sorted(entries.items()):
        shared = 0
        while shared < min(len(key), len(before)) and (key[shared]
                                                       == before[shared]):
            shared += 1
        body += b''.join(map(varint, (shared, len(key) - shared, len(value))))
        body += key[shared:] + value
        before = key
    body += (0).to_bytes(4, 'little') + (1).to_bytes(4, 'little')
    return body + bytes([compression]) + bytes(4)


def write_bundle(prefix: Path, tensors: dict[str, np.ndarray], shards: int = 1,
                 compression: int = 0) -> Path:
    """``PREFIX.index`` and its data file; gives the former."""
    data, entries = b'', {b'': field(1, shards)}
    for name, array in tensors.items():
        sizes = b''.join(field(2, field(1, side)) for side in array.shape)
        entries[name.encode()] = (field(1, KINDS[array.dtype.str]) +
                                  field(2, sizes) + field(4, len(data)) +
                                  field(5, array.nbytes))
        data += array.tobytes()
    content = block(entries, compression)
    handle = varint(0) + varint(len(content) - 5)
    index = block({b'z': handle})
    footer = (varint(0) + varint(0) + varint(len(content)) +
              varint(len(index) - 5)).ljust(40, b'\0') + MAGIC
    path = prefix.with_name(f'{prefix.name}.index')
    path.write_bytes(content + index + footer)
    prefix.with_name(f'{prefix.name}.data-00000-of-00001').write_bytes(data)
    return path
