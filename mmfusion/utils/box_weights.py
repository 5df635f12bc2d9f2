"""The weights that come with the package, ``mmfusion/weights``."""
import difflib
from pathlib import Path

from .errors import UsageError

FOLDER = Path(__file__).resolve().parents[1] / 'weights'
_SUFFIX = '.safetensors'


def list_box_weights() -> list[str]:
    """Names of all weights in the box, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f'*{_SUFFIX}'))


def box_weights(name: str) -> Path:
    """Where weights that come with the package lie.

    Each file has a card ``NAME.md`` beside it: data, command, scores, known
    weaknesses.

    Args:
        name (str): One of :func:`list_box_weights`, with or without its
            suffix.

    Returns:
        Path: A ``.safetensors`` file, for every ``checkpoint`` argument.

    Raises:
        UsageError: If there is none of that name; tells the nearest.

    Examples:
        >>> box_weights('default').name
        'default.safetensors'
    """
    known = list_box_weights()
    name = name.removesuffix(_SUFFIX)
    if name in known:
        return FOLDER / f'{name}{_SUFFIX}'
    close = difflib.get_close_matches(name.lower(), known, 1, 0.4)
    hint = f' Did you mean {close[0]!r}?' if close else ''
    raise UsageError(f'Expected weights of the box ({", ".join(known)}), got '
                     f'{name!r}.{hint}')
