"""Reading Jittor's ``.pkl`` checkpoints without Jittor, and safely.

Such a file is a pickle, the SHA-1 of the pickle (20 bytes) and a mark (8
bytes). Every tensor in it is a call of ``jittor.Var`` on a numpy array.
"""
import hashlib
import io
from typing import Any

from mmfusion.utils.plain_pickle import PlainUnpickler

MARK = b'HCAJSLHD'
_DIGEST = hashlib.sha1().digest_size


class _ArrayUnpickler(PlainUnpickler):
    """Takes a ``jittor.Var`` for its array."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition('.')[0].startswith('jittor') and name == 'Var':
            return lambda array: array
        return super().find_class(module, name)


def is_jittor(content: bytes) -> bool:
    """Whether ``content`` ends as Jittor's files do."""
    return content.endswith(MARK)


def loads(content: bytes) -> Any:
    """Content of a Jittor checkpoint, or of a pickle of arrays.

    Args:
        content (bytes): The whole file.

    Returns:
        object: Plain containers; tensors are numpy arrays.

    Raises:
        ValueError: If the checksum is wrong, the pickle is damaged, or it
            holds objects other than arrays and plain containers.
    """
    if is_jittor(content):
        end = len(content) - len(MARK)
        content, digest = content[:end - _DIGEST], content[end - _DIGEST:end]
        found = hashlib.sha1(content).digest()
        if found != digest:
            raise ValueError(
                f'Expected content of SHA-1 {digest.hex()}, as the Jittor '
                f'file says of itself, got {found.hex()}. The file is '
                'damaged: fetch it again.')
    try:
        return _ArrayUnpickler(io.BytesIO(content)).load()
    # pickle raises whatever the damage leads it to
    except Exception as error:
        raise ValueError(
            'Expected a pickle of arrays and plain containers only, got one '
            f'that cannot be read safely ({error}). If it is damaged, fetch '
            'it again; if it holds other objects, do not trust it.') from error
