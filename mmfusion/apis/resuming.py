"""Which checkpoint a training goes on from."""
import os
import re
from pathlib import Path

from mmfusion.utils.checkpoint import DamagedCheckpoint, read_checkpoint
from mmfusion.utils.config_file import PathLike
from mmfusion.utils.errors import UsageError, one_line

#: ``iter_2.pth``, ``epoch_2.pth``, but not the best one, whose optimizer is
#: not saved
_NUMBERED = re.compile(r'(?!best_|\.).*?(\d+)\.pth')


class NothingToResume(UsageError):
    """A folder of checkpoints without one to go on from."""


def check_resumable(path: PathLike) -> None:
    """Check that a training can go on from a checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        DamagedCheckpoint: If it is damaged.
        UsageError: If it cannot be read safely, or holds weights alone.
    """
    content = read_checkpoint(path)
    meta = content.get('meta') if isinstance(content, dict) else None
    if (not isinstance(meta, dict) or not {'epoch', 'iter'} <= set(meta)
            or not {'state_dict', 'message_hub'} <= set(content)):
        raise UsageError(
            f'Expected a checkpoint of a training in {str(path)!r}, got one '
            'without its iteration or log. Start from its weights: '
            '--load-from instead of --resume.')


def latest_checkpoint(work_dir: PathLike) -> tuple[str | None, list[str]]:
    """The newest whole checkpoint of a training.

    The file ``last_checkpoint`` names it. Where that or what it names is
    empty, damaged or gone, the one before takes its place.

    Args:
        work_dir (str | PathLike): The training's folder.

    Returns:
        tuple[str | None, list[str]]: Its path, None of a folder without
        checkpoints, and a line if it is not the one that was named.

    Raises:
        NothingToResume: If none is whole; says what to do.
        UsageError: If the named one cannot be read safely.
    """
    pointer = Path(work_dir, 'last_checkpoint')
    text, named, notes = None, None, []
    if pointer.is_file():
        text = pointer.read_text(encoding='utf-8', errors='replace').strip()
        # the second where the folder was moved
        places = (text, os.path.join(work_dir, os.path.basename(text)))
        named = next(filter(os.path.isfile, places), None)
    if not text:
        problem = 'does not exist' if text is None else 'is empty'
        notes = [f'{pointer} {problem}.']
    elif named != text:
        notes = [f'{pointer} names {text[:99]!r}, which does not exist.']
    for path in _candidates(work_dir, text, named):
        try:
            check_resumable(path)
        except DamagedCheckpoint as error:
            notes.append(one_line(error))
        except UsageError:
            if path == named:
                raise
        else:
            line = [f'{" ".join(notes)} Going on from {path}.']
            return path, line if notes else []
    if text is None:
        return None, []
    raise NothingToResume(
        f'{" ".join(notes)} Expected a whole checkpoint to resume from, got '
        f'none in {os.fspath(work_dir)!r}: name one (--resume PATH), or '
        'start anew without --resume.')


def _candidates(work_dir: PathLike, text: str | None,
                named: str | None) -> list[str]:
    """The named checkpoint, then those before it, newest first."""
    number = _NUMBERED.fullmatch(os.path.basename(text or ''))
    folder = os.path.dirname(named) if named else work_dir
    found = []
    for path in Path(folder).glob('*.pth'):
        match = _NUMBERED.fullmatch(path.name)
        if match and not (number and int(match[1]) >= int(number[1])):
            found.append((path.stat().st_mtime, int(match[1]), str(path)))
    rest = [path for *_, path in sorted(found, reverse=True)]
    return [named, *rest] if named else rest
