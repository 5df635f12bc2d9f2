"""Files that appear complete or not at all."""
import hashlib
import json
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .disk import reserve, writing
from .errors import UsageError, one_line
from .interruption import removed_in_the_end

PathLike = str | os.PathLike
#: most bytes of a file's name
MAX_NAME = 255
#: bytes of a PNG before its second chunk
_HEAD = 33
_TEXT = b'tEXtSoftware\0mmfusion'
_SIGNATURE = b'\x89PNG\r\n\x1a\n'
#: bytes of an image above which a PNG is written without a copy of it
_LARGE = 2**26
#: a PNG's chunk that tells who wrote the file
_MARK = ((len(_TEXT) - 4).to_bytes(4, 'big') + _TEXT +
         zlib.crc32(_TEXT).to_bytes(4, 'big'))


def name_size(name: str) -> int:
    """Bytes of a file's name, whatever its encoding."""
    return len(name.encode('utf-8', 'surrogateescape'))


def name_digest(name: str) -> str:
    """Tells names apart in 16 characters."""
    code = name.encode('utf-8', 'surrogateescape')
    return hashlib.sha256(code).hexdigest()[:16]


def draft_of(path: PathLike) -> Path:
    """Where a file is until it is complete: next to it, and hidden."""
    path = Path(path)
    ending = f'.{os.getpid()}.part{path.suffix[-16:]}'
    draft = f'.{path.stem}{ending}'
    if name_size(draft) > MAX_NAME:
        draft = f'.{name_digest(path.name)}{ending}'
    return path.with_name(draft)


@contextmanager
def finished_file(path: PathLike, size: int | None = None) -> Iterator[Path]:
    """Yields a temporary path next to ``path``, renamed to it in the end.

    The folder is made where it does not exist. After an error neither
    file is left behind (an older ``path`` stays).

    Args:
        path (str | PathLike): The file.
        size (int, optional): Bytes that it needs, for messages.

    Raises:
        DiskError: If the disk is full or may not be written.
    """
    path = Path(path)
    draft = draft_of(path)
    with writing(path, size):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with removed_in_the_end(draft):
                yield draft
                os.replace(draft, path)
        finally:
            with suppress(OSError):  # the first error is the one to tell
                draft.unlink()


@contextmanager
def finished_array(path: PathLike, dtype: np.dtype | type,
                   shape: Sequence[int]) -> Iterator[np.memmap]:
    """Yields a mapped array to fill, which becomes the file ``path``.

    Its space is reserved before: a mapped file that the disk has no room
    for would end the process (SIGBUS).

    Args:
        path (str | PathLike): ``.npy`` file, see :func:`finished_file`.
        dtype (np.dtype | type): Of the array.
        shape (sequence[int]): Likewise.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    with finished_file(path, size) as draft:
        array = np.lib.format.open_memmap(draft, 'w+', dtype, tuple(shape))
        reserve(draft)
        yield array
        array.flush()


def write_bytes(path: PathLike, content: bytes | memoryview) -> None:
    """Write a file; see :func:`finished_file`."""
    with finished_file(path, len(content)) as draft:
        draft.write_bytes(content)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yields a folder that goes in the end, after a signal, too."""
    with tempfile.TemporaryDirectory() as name, \
            removed_in_the_end(Path(name)) as folder:
        yield folder


def write_text(path: PathLike, text: str,
               errors: str = 'backslashreplace') -> None:
    """Write a text file in UTF-8; see :func:`finished_file`.

    Names of files that are no UTF-8 are escaped; ``'surrogateescape'`` as
    ``errors`` writes them as they are.
    """
    write_bytes(path, text.encode(errors=errors))


def write_json(path: PathLike, content: dict) -> None:
    """Write JSON; NaN, which JSON does not know, becomes null."""
    write_text(path, json.dumps(_with_null(content), indent=2) + '\n')


def parse_json(text: str | bytes, source: PathLike) -> Any:
    """Content of a JSON file.

    Args:
        text (str | bytes): The file's; bytes in UTF-8, 16 or 32.
        source (str | PathLike): What errors call it.

    Raises:
        UsageError: If it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f'{source}: expected JSON ({one_line(error)}).') from error


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_null(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def opencv_path(path: PathLike) -> str:
    """A path for OpenCV's own readers and writers.

    Raises:
        UsageError: If it is no UTF-8, which OpenCV crashes on.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise UsageError(f'Expected a path in UTF-8, got {str(path)!r}. '
                         'Rename the file or folder.') from error
    return os.fspath(path)


def read_record(path: PathLike) -> dict | None:
    """The JSON mapping that an earlier run has left, if it can be read."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def mark_png(code: bytes) -> bytes:
    """The bytes of a PNG with the mark that :func:`is_ours` looks for."""
    return code[:_HEAD] + _MARK + code[_HEAD:]


def is_ours(path: PathLike) -> bool:
    """Whether a file is a PNG that this package has written."""
    try:
        with open(path, 'rb') as file:
            return file.read(_HEAD + len(_MARK))[_HEAD:] == _MARK
    except OSError:
        return False


def write_image(path: PathLike, image: np.ndarray) -> None:
    """Write an image; see :func:`finished_file` and, of PNGs, `mark_png`.

    Args:
        path (str | PathLike): Target; its suffix selects the format.
        image (np.ndarray): RGB (H, W, 3) or grey (H, W), ``uint8``.

    Raises:
        ValueError: If OpenCV has no writer for the suffix.
    """
    path = Path(path)
    # the suffix alone: OpenCV crashes on names that are no UTF-8
    if not path.suffix.isascii() or not cv2.haveImageWriter(f'x{path.suffix}'):
        raise ValueError(f'Expected an image suffix such as .png or .jpg, '
                         f'got {path.name!r}.')
    if (path.suffix.lower() == '.png' and image.dtype == np.uint8
            and image.nbytes > _LARGE):
        rows = max(_LARGE // 8 // image[0].nbytes, 1)
        write_png(path, (image[first:first + rows]
                         for first in range(0, len(image), rows)),
                  image.shape[:2])
        return
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, code = cv2.imencode(path.suffix, image)
    content = code.tobytes()
    if path.suffix.lower() == '.png':
        content = mark_png(content)
    write_bytes(path, content)


def write_png(path: PathLike, strips: Iterable[np.ndarray],
              size: Sequence[int]) -> None:
    """Write a PNG that is made strip by strip; see :func:`write_image`.

    Args:
        path (str | PathLike): Target.
        strips (iterable[np.ndarray]): From top to bottom: all RGB (h, W, 3)
            or all grey (h, W), ``uint8``.
        size (sequence[int]): Height and width of the image.
    """
    # as OpenCV: each pixel less the one before it; quick, and small enough
    packer = zlib.compressobj(1, strategy=zlib.Z_RLE)
    with finished_file(path) as draft, open(draft, 'wb') as file:
        for strip in strips:
            if not file.tell():
                kind = 2 if strip.ndim == 3 else 0
                head = struct.pack('>IIBBBBB', size[1], size[0], 8, kind, 0, 0,
                                   0)
                file.write(_SIGNATURE + _chunk(b'IHDR', head) + _MARK)
            strip = strip.reshape(*strip.shape[:2], -1)
            lines = np.empty((len(strip), strip[0].size + 1), np.uint8)
            lines[:, 0] = 1
            lines[:, 1:1 + strip.shape[2]] = strip[:, 0]
            np.subtract(
                strip[:, 1:], strip[:, :-1],
                out=lines[:,
                          1 + strip.shape[2]:].reshape(len(strip), -1,
                                                       strip.shape[2]))
            file.write(_chunk(b'IDAT', packer.compress(lines.data)))
        file.write(_chunk(b'IDAT', packer.flush()) + _chunk(b'IEND', b''))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return b''.join((struct.pack('>I', len(content)), kind, content,
                     struct.pack('>I', zlib.crc32(content, zlib.crc32(kind)))))
