"""A checksum at the end of ONNX files, which have none of their own.

It is one more entry of the model's metadata. Entries of a repeated field may
stand anywhere in a protocol buffer, so this one is appended to the file as
it is, and covers all that precedes it.
"""
import hashlib
from pathlib import Path

from mmfusion.utils.checkpoint import DamagedCheckpoint

_KEY = b'mmfusion_sha256'
_DIGITS = 64
_ENTRY = b'\x0a%c%s\x12%c' % (len(_KEY), _KEY, _DIGITS)
# field 14 of a model: the metadata
_HEAD = b'\x72%c%s' % (len(_ENTRY) + _DIGITS, _ENTRY)


def append_sum(path: Path) -> None:
    """Let an ONNX file end with its checksum."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with open(path, 'ab') as file:
        file.write(_HEAD + digest.encode())


def check_sum(path: Path) -> None:
    """Compare an ONNX file with its checksum, where it ends with one.

    Raises:
        DamagedCheckpoint: If they differ.
    """
    content = path.read_bytes()
    body, head, digest = (content[:-len(_HEAD) - _DIGITS],
                          content[-len(_HEAD) - _DIGITS:-_DIGITS],
                          content[-_DIGITS:])
    if head == _HEAD and hashlib.sha256(body).hexdigest().encode() != digest:
        raise DamagedCheckpoint(
            f'Expected {path} as it was written, got a damaged file, or one '
            'that another program changed (its SHA-256 is not the one in its '
            f'end). Export it again; after a change on purpose, remove '
            f'{_KEY.decode()!r} from its metadata_props.')
