"""Fusion pretraining before joint training, a teacher before its student.

A stage-2 config names the config and the checkpoint of its first stage at
the top level: ``stage1_config`` and ``stage1_checkpoint``.
"""
import argparse
import copy
import os
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier

from mmfusion.utils.config_file import resolve_config
from mmfusion.utils.errors import UsageError


def stage1_is_missing(cfg: Config) -> bool:
    """Whether a config needs a first-stage checkpoint that is not there."""
    checkpoint = cfg.get('stage1_checkpoint')
    return checkpoint is not None and not os.path.isfile(checkpoint)


def stage1_arguments(cfg: Config,
                     args: argparse.Namespace) -> argparse.Namespace:
    """Arguments of the first stage's run.

    Its work dir is the folder of ``stage1_checkpoint``; its overrides come
    from ``--stage1-options``; seeds, mixed precision, launcher and
    ``--resume`` (without a path) apply to both stages.

    Args:
        cfg (Config): The second stage's config.
        args (argparse.Namespace): The second stage's arguments.

    Returns:
        argparse.Namespace: For the same trainer.

    Raises:
        UsageError: If the config names no ``stage1_config``.
        FileNotFoundError: If there is no such config.
    """
    if cfg.get('stage1_config') is None:
        raise UsageError(
            f'{cfg.filename}: expected stage1_config, the config that makes '
            f'stage1_checkpoint={cfg.stage1_checkpoint!r}, got none. Add it '
            'or train the first stage by hand.')
    stage1 = copy.copy(args)
    stage1.config = resolve_config(cfg.stage1_config, near=cfg.filename).name
    stage1.scale = None  # the name holds it
    stage1.cfg_options = args.stage1_options
    stage1.work_dir = os.path.dirname(cfg.stage1_checkpoint) or '.'
    stage1.resume = 'auto' if args.resume == 'auto' else None
    stage1.load_from = None
    stage1.two_stage = False
    return stage1


def ensure_stage1(cfg: Config, args: argparse.Namespace,
                  train: Callable[[argparse.Namespace], None]) -> list[str]:
    """Make sure that the first stage's checkpoint exists.

    Args:
        cfg (Config): The config that is about to be trained.
        args (argparse.Namespace): Its arguments; ``args.two_stage`` allows
            to run the first stage.
        train (callable): Runs a training, given its arguments.

    Returns:
        list[str]: Lines that say what was done.

    Raises:
        UsageError: If ``--two-stage`` is given for a config with one stage,
            if the checkpoint is missing and may not be made (names the
            command that makes it), or if the first stage did not write it.
    """
    checkpoint = cfg.get('stage1_checkpoint')
    if checkpoint is None:
        if args.two_stage:
            raise UsageError(
                f'{cfg.filename}: --two-stage needs stage1_config and '
                'stage1_checkpoint in the config, got none: leave it out.')
        return []
    if not stage1_is_missing(cfg):
        return ([f'stage 1 is done: {checkpoint} exists']
                if args.two_stage else [])
    stage1 = stage1_arguments(cfg, args)
    if not args.two_stage:
        raise UsageError(
            "The training starts from its first stage's checkpoint "
            f'{checkpoint}, which does not exist. Make it with\n'
            f'  python tools/train.py {stage1.config} '
            f'--work-dir {stage1.work_dir}\n'
            'or add --two-stage to run both stages.')
    print(f'stage 1: {stage1.config} -> {stage1.work_dir}', flush=True)
    train(stage1)
    barrier()
    if stage1_is_missing(cfg):
        made = sorted(path.name
                      for path in Path(stage1.work_dir).glob('*.pth'))
        raise UsageError(
            f'Expected {stage1.config} to write {checkpoint}, got {made} in '
            f'{stage1.work_dir}. Let stage1_checkpoint name one of them, or '
            "adapt the first stage's iterations.")
    return [f'stage 1 wrote {checkpoint}']
