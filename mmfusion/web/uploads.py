"""What may come in: files of an image, neither too large nor broken."""
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmfusion.fileio.reading import PairReading, to_bytes
from mmfusion.utils.errors import UsageError, check_least, one_line


@dataclass(frozen=True)
class UploadLimits:
    """The largest images that a page takes.

    Attributes:
        megabytes (float): Of a file.
        megapixels (float): Of an image.

    Raises:
        UsageError: If one is not positive.
    """
    megabytes: float = 64
    megapixels: float = 24

    def __post_init__(self) -> None:
        check_least(0.001, UsageError, megabytes=self.megabytes,
                    megapixels=self.megapixels)


def check_upload(path: str | None, role: str, limits: UploadLimits) -> None:
    """Refuse what cannot be fused, before it is decoded.

    Args:
        path (str, optional): The file; None where none was dropped.
        role (str): What it is said to be, e.g. ``'visible'``.
        limits (UploadLimits): The largest file and image.

    Raises:
        UsageError: What was expected, what came, what to do.
    """
    if path is None:
        raise UsageError(f'Expected two images, got no {role} one. Drop it '
                         'into its field.')
    file = Path(path)
    size = file.stat().st_size
    if size == 0:
        raise UsageError(f'Expected an image, got an empty file: {file.name} '
                         'has 0 bytes. Copy it again.')
    if size > limits.megabytes * 1e6:
        raise UsageError(
            f'Expected files of at most {limits.megabytes:g} MB, got '
            f'{size / 1e6:.0f} MB: {file.name}. Shrink it, or fuse it on '
            'the command line: mmfusion fuse.')
    pixels = _header_pixels(file)
    if pixels > limits.megapixels * 1e6:
        raise UsageError(
            f'Expected images of at most {limits.megapixels:g} megapixels, '
            f'got {pixels / 1e6:.0f}: {file.name}. Shrink it, or fuse it on '
            'the command line: mmfusion fuse.')


def show_upload(path: str | None, role: str, limits: UploadLimits,
                uint16_range: str = 'full') -> np.ndarray:
    """An upload as the page shows it, once it is known to be an image.

    Args:
        path (str, optional): The file.
        role (str): What it is said to be.
        limits (UploadLimits): The largest file and image.
        uint16_range (str): How deep images become 8 bits, see
            :class:`LoadFusionPair`.

    Returns:
        np.ndarray: RGB (H, W, 3) ``uint8``.

    Raises:
        UsageError: If it cannot be fused.
    """
    check_upload(path, role, limits)
    with naming(str(path)):
        image = PairReading('error', uint16_range).read({role: str(path)},
                                                        {role: 3})[role]
    return to_bytes(image)[..., ::-1]


@contextmanager
def naming(*paths: str) -> Iterator[None]:
    """Errors of the block in one line that calls files by their names."""
    try:
        yield
    except (ValueError, TypeError, OSError, RuntimeError,
            MemoryError) as error:
        text = one_line(error)
        for path in paths:
            text = text.replace(path, Path(path).name)
        raise UsageError(text) from error


def _header_pixels(file: Path) -> int:
    """Width times height as the file says, without decoding it.

    Raises:
        UsageError: If it is no image.
    """
    try:
        with Image.open(file) as image:
            return image.width * image.height
    except Image.DecompressionBombError:
        return 2 * (Image.MAX_IMAGE_PIXELS or 0)
    except (OSError, ValueError, SyntaxError, TypeError) as error:
        raise UsageError(
            f'Expected an image (PNG, JPEG, TIFF, ...), got {file.name}, '
            'which is none. Drop an image file.') from error
