"""Fusion pretraining before joint training, a teacher before its student.

A stage-2 config names the config and the checkpoint of its first stage at
the top level: ``stage1_config`` and ``stage1_checkpoint``.
"""
import os
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier

from mmfusion.utils.checkpoint import DamagedCheckpoint, read_checkpoint
from mmfusion.utils.config_file import resolve_config
from mmfusion.utils.errors import UsageError, one_line
from mmfusion.utils.progress import announce


def stage1_problem(checkpoint: str) -> str:
    """What keeps a first-stage checkpoint from being used; '' if nothing.

    Raises:
        UsageError: If it cannot be read safely.
    """
    try:
        read_checkpoint(checkpoint)
    except FileNotFoundError:
        return 'does not exist'
    except DamagedCheckpoint as error:
        return f'is damaged ({one_line(error)})'
    return ''


def ensure_stage1(cfg: Config, allowed: bool,
                  train: Callable[[str, str], None]) -> list[str]:
    """Make sure that the first stage's checkpoint exists.

    Args:
        cfg (Config): The config that is about to be trained.
        allowed (bool): Whether the first stage may be trained.
        train (callable): Trains it, given its config and its work dir, the
            folder of ``stage1_checkpoint``.

    Returns:
        list[str]: Lines that say what was done.

    Raises:
        UsageError: If two stages are asked of a config with one, if the
            checkpoint is missing or damaged and may not be made (names the
            command that makes it), or if the first stage did not write it.
        FileNotFoundError: If there is no such config.
    """
    checkpoint = cfg.get('stage1_checkpoint')
    if checkpoint is None:
        if allowed:
            raise UsageError(
                f'{cfg.filename}: --two-stage needs stage1_config and '
                'stage1_checkpoint in the config, got none: leave it out.')
        return []
    problem = stage1_problem(checkpoint)
    if not problem:
        return [f'stage 1 is done: {checkpoint} exists'] if allowed else []
    if cfg.get('stage1_config') is None:
        raise UsageError(
            f'{cfg.filename}: expected stage1_config, the config that makes '
            f'stage1_checkpoint={checkpoint!r}, got none. Add it or train '
            'the first stage by hand.')
    config = resolve_config(cfg.stage1_config, near=cfg.filename).name
    folder = os.path.dirname(checkpoint) or '.'
    if not allowed:
        raise UsageError(
            "The training starts from its first stage's checkpoint "
            f'{checkpoint}, which {problem}. Make it with\n'
            f'  python tools/train.py {config} --work-dir {folder}\n'
            'or add --two-stage to run both stages.')
    if os.path.isfile(checkpoint):
        announce([f'{checkpoint} {problem}: stage 1 makes it again'])
    print(f'stage 1: {config} -> {folder}', flush=True)
    train(config, folder)
    barrier()
    if stage1_problem(checkpoint):
        made = sorted(path.name for path in Path(folder).glob('*.pth'))
        raise UsageError(
            f'Expected {config} to write {checkpoint}, got {made} in '
            f'{folder}. Let stage1_checkpoint name one of them, or adapt '
            "the first stage's iterations.")
    return [f'stage 1 wrote {checkpoint}']
