"""``tools/test.py``."""
import argparse
from collections.abc import Sequence

from mmengine.config import Config

from mmfusion.utils.config_file import default_work_dir
from mmfusion.utils.errors import UsageError

from .legacy import config_of, start


def main(argv: Sequence[str] | None = None) -> None:
    """Score what the flags say; see ``--help``."""
    args = start('test', argv)
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis import test
    cfg = config_of(args)
    collect = None
    if args.gpu_collect:
        collect = dict(collect_device='gpu')
    elif args.collect_dir:
        collect = dict(collect_device='cpu', collect_dir=args.collect_dir)
    if args.opacity is not None:
        _set_opacity(cfg, args.opacity)
    if args.format_only:
        _only_format(cfg, args)
    test(cfg, args.checkpoint, args.work_dir, eval=args.eval,
         evaluator_options=collect, tta=args.tta, out_dir=args.out,
         show_dir=args.show_dir, show=args.wait_time if args.show else None,
         overwrite=args.overwrite)


def _set_opacity(cfg: Config, opacity: float) -> None:
    if not 0 <= opacity <= 1:
        raise UsageError(f'Expected --opacity in [0, 1], got {opacity}.')
    if cfg.get('visualizer') is None:
        raise UsageError('--opacity needs a visualizer in the config: '
                         "dict(type='FusionLocalVisualizer').")
    cfg.visualizer.alpha = opacity


def _only_format(cfg: Config, args: argparse.Namespace) -> None:
    """``--format-only``: predictions are written, not scored."""
    from mmfusion.apis.evaluators import label_evaluators
    for evaluator in label_evaluators(cfg, '--out or --format-only'):
        evaluator.format_only = True
    folder = args.work_dir or cfg.get('work_dir') or default_work_dir(cfg)
    args.out = args.out or f'{folder}/predictions'
