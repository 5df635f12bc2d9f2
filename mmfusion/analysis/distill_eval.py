"""What ``tools/distill/eval.py`` does beside timing."""
import argparse
import copy
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.apis.training import build_runner
from mmfusion.cli.distill_readme import data_overrides, root_overrides
from mmfusion.models.wrappers import inference_config
from mmfusion.utils.checkpoint import read_checkpoint
from mmfusion.utils.config_file import load_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import announce


def checkpoint_config(checkpoint: str, name: str | None = None) -> Config:
    """The config of a checkpoint: as named, else the one it was made by.

    Raises:
        UsageError: If the checkpoint holds none.
        FileNotFoundError: If a file is missing.
    """
    require_file(checkpoint, 'a checkpoint file',
                 'Train one with tools/distill/train.py.')
    if name:
        return load_config(name)
    try:
        content = read_checkpoint(checkpoint)
    except ValueError as error:
        raise UsageError(f'{checkpoint}: {error}') from error
    meta = content.get('meta') if isinstance(content, dict) else None
    text = meta.get('cfg') if isinstance(meta, dict) else None
    if not text:
        raise UsageError(f'{checkpoint}: expected a config in the '
                         'checkpoint, got none: name it by --config.')
    # Written by the runner as assignments of literals, which is checked.
    cfg = Config.fromstring(_literals(text), '.py')
    return Config(cfg.to_dict())  # without the name of a temporary file


def _literals(text: str) -> str:
    """``text`` if it consists of assignments of literals alone."""
    import ast
    allowed = (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Load,
               ast.keyword, ast.UnaryOp, ast.USub, ast.Name, ast.Call, ast.Set)
    for node in ast.parse(text).body:
        fits = isinstance(node, ast.Assign) and all(
            isinstance(part, allowed) and (not isinstance(part, ast.Call) or (
                isinstance(part.func, ast.Name) and part.func.id == 'dict'))
            for part in ast.walk(node.value))
        if not fits:
            raise UsageError('Expected a config of literals in the '
                             f'checkpoint, got line {node.lineno} of another '
                             'kind: name the config by --config.')
    return text


def evaluate(cfg: Config, args: argparse.Namespace) -> dict[str, float]:
    """Score a checkpoint and print a table.

    Args:
        cfg (Config): Of :func:`checkpoint_config`.
        args (argparse.Namespace): Of ``tools/distill/eval.py``.

    Returns:
        dict[str, float]: Mean and, as ``<name>_std``, deviation of each
        score over the images.

    Raises:
        UsageError: If data or checkpoint do not fit.
    """
    cfg = Config(copy.deepcopy(cfg.to_dict()), filename=cfg.filename)
    if cfg.get('test_dataloader') is None:
        raise UsageError('Expected a config with a test_dataloader, got '
                         'none: name another by --config.')
    if args.data_root:
        overrides: dict[str, Any] = root_overrides(args.data_root, 'test')
        overrides['test_dataloader.dataset.part'] = None
        teacher = Path(args.data_root, 'TEACHER_FUSED').is_dir()
    else:
        overrides = data_overrides(args, ['test'])
        teacher = True
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    if args.input_size:
        size = args.input_size
        pipeline.insert(
            1, dict(type='Resize', scale=(size, size), keep_ratio=False))
    workers = args.num_workers
    overrides.update({
        'test_dataloader.dataset.pipeline': pipeline,
        'test_dataloader.dataset.teacher_required': teacher,
        'test_dataloader.num_workers': workers,
        'test_dataloader.persistent_workers': workers > 0,
    })
    cfg.merge_from_dict(overrides)
    evaluator = dict(type='DistillMetric', statistics=['mean', 'std'],
                     scale=args.scale,
                     csv_file=str(Path(args.save_dir, 'metrics.csv')))
    if not teacher:
        evaluator['references'] = []
    # not by update, which would merge the dictionaries
    cfg.model, cfg.test_evaluator = inference_config(cfg.model), evaluator
    cfg.work_dir, cfg.launcher = args.save_dir, 'none'
    cfg.load_from, cfg.resume = None, False
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper',
                'val_dataloader', 'val_cfg', 'val_evaluator',
                'param_scheduler'):
        cfg.pop(key, None)
    try:
        runner = build_runner(cfg)
        if args.device:  # mmengine's runner takes the best one it finds
            runner.model.to(args.device)
        _, notes = load_model_weights(runner.model, args.checkpoint)
        announce(notes)
        scores = runner.test()
    except ValueError as error:
        raise UsageError(str(error)) from error
    means = {
        key.rpartition('/')[2]: float(value)
        for key, value in scores.items()
    }
    for name, value in means.items():
        if not name.endswith('_std'):
            print(f'{name:>6}: {value:.4f} +- {means[f"{name}_std"]:.4f}')
    return means
