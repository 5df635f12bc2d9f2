"""What ``tools/test.py`` does."""
import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from mmfusion.cli.apply import apply_to_config
from mmfusion.models.wrappers import inference_config
from mmfusion.utils.config_file import load_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_json
from mmfusion.utils.progress import announce

from .checkpoint import load_model_weights
from .training import build_runner


def test(args: argparse.Namespace) -> dict[str, float]:
    """Score a checkpoint on a config's test set.

    The metrics also go to ``<work dir>/eval_<time>.json``, with the
    config's and the checkpoint's path.

    Args:
        args (argparse.Namespace): From ``mmfusion.cli.legacy.parse('test')``.

    Returns:
        dict[str, float]: The metrics by name.

    Raises:
        UsageError: If the config has nothing to test, or a flag or the
            checkpoint does not fit.
        FileNotFoundError: If the config or the checkpoint is missing.
    """
    cfg = apply_to_config(
        load_config(args.config, args.cfg_options, scale=args.scale), args)
    missing = [
        key for key in ('test_dataloader', 'test_evaluator')
        if not cfg.get(key)
    ]
    if missing:
        raise UsageError(
            f'{cfg.filename}: expected {" and ".join(missing)} to test with, '
            'got none. Fused images come from tools/test_fusion.py.')
    checkpoint = require_file(args.checkpoint, 'a checkpoint file',
                              'Train one with tools/train.py.')
    cfg.load_from, cfg.resume = None, False
    cfg.model = inference_config(cfg.model)
    runner = build_runner(cfg)
    _, notes = load_model_weights(runner.model, checkpoint)
    announce(notes)
    metrics = {
        name: round(float(value), 6)
        for name, value in runner.test().items()
    }
    if metrics and is_main_process():
        path = Path(cfg.work_dir, f'eval_{runner.timestamp}.json')
        write_json(
            path,
            dict(config=cfg.filename, checkpoint=checkpoint, metric=metrics))
        print(f'wrote {path}')
    return metrics
