"""What ``tools/train.py`` does."""
import argparse
import os

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmfusion.cli.apply import apply_to_config
from mmfusion.utils.config_file import load_config
from mmfusion.utils.progress import announce

from .checkpoint import check_overlap
from .two_stage import ensure_stage1


def build_runner(cfg: Config) -> Runner:
    """The runner of a config; ``runner_type`` names another class."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def train(args: argparse.Namespace) -> None:
    """Train a config, and its first stage where asked for and missing.

    Args:
        args (argparse.Namespace): From ``mmfusion.cli.legacy.parse('train')``.

    Raises:
        UsageError: If a flag, the first stage or a checkpoint does not fit.
        FileNotFoundError: If the config or a checkpoint is missing.
    """
    cfg = apply_to_config(
        load_config(args.config, args.cfg_options, scale=args.scale), args)
    announce(ensure_stage1(cfg, args, _train_stage1))
    run_training(cfg)


def _train_stage1(args: argparse.Namespace) -> None:
    cfg = apply_to_config(
        load_config(args.config, args.cfg_options, scale=args.scale), args)
    if (cfg.get('visualizer') or {}).get('name'):
        # mmengine keeps visualizers by name: without another name, the first
        # one would also write the second stage's curves
        cfg.visualizer.name += '_stage1'
    run_training(cfg)


def run_training(cfg: Config) -> None:
    """Train a config that is complete, flags included."""
    runner = build_runner(cfg)
    start = cfg.get('load_from')
    if start is not None and os.path.isfile(start):
        announce(check_overlap(runner.model, start))
    runner.train()
