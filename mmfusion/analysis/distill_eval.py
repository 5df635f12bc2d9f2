"""Scores of a student, against its teacher or by itself."""
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.apis.training import build_runner
from mmfusion.models.wrappers import inference_config
from mmfusion.utils.checkpoint import read_checkpoint
from mmfusion.utils.config_file import copy_config, load_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.loading_steps import stated_loading
from mmfusion.utils.plain_config import check_types, literal_config
from mmfusion.utils.progress import announce

#: what a checkpoint's own config may say: no hooks, imports and loops
_KEPT = ('default_scope', 'model', 'test_dataloader')


def checkpoint_config(checkpoint: str, name: str | None = None) -> Config:
    """The config of a checkpoint: as named, else the one it was made by.

    Raises:
        UsageError: If the checkpoint holds none, or one of more than
            literals and registered types.
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
    written = literal_config(text)
    cfg = {key: written[key] for key in _KEPT if key in written}
    check_types(cfg, checkpoint)
    return Config(cfg)


def evaluate(cfg: Config, checkpoint: str, save_dir: str, data: dict[str, Any],
             *, teacher: bool = True, input_size: int | None = None,
             num_workers: int = 0, scale: str = 'levels',
             device: str | None = None) -> dict[str, float]:
    """Score a checkpoint and print a table.

    Args:
        cfg (Config): Of :func:`checkpoint_config`.
        checkpoint (str): The weights.
        save_dir (str): Where ``metrics.csv`` goes.
        data (dict): Entries of ``test_dataloader`` that name the images, by
            dotted keys.
        teacher (bool): Whether a teacher's images are among them.
        input_size (int, optional): Resize to this square before fusing.
        num_workers (int): Processes that read.
        scale (str): Of SD and SF, see :class:`DistillMetric`.
        device (str, optional): By default what mmengine chooses.

    Returns:
        dict[str, float]: Mean and, as ``<name>_std``, deviation of each
        score over the images.

    Raises:
        UsageError: If data or checkpoint do not fit.
    """
    cfg = copy_config(cfg, work_dir=save_dir)
    if cfg.get('test_dataloader') is None:
        raise UsageError('Expected a config with a test_dataloader, got '
                         'none: name another by --config.')
    pipeline = [
        dict(type='LoadFusionPair', **stated_loading(cfg.test_dataloader)),
        dict(type='PackFusionInputs')
    ]
    if input_size:
        pipeline.insert(
            1,
            dict(type='Resize', scale=(input_size, input_size),
                 keep_ratio=False))
    cfg.merge_from_dict({
        **data,
        'test_dataloader.dataset.pipeline': pipeline,
        'test_dataloader.dataset.teacher_required': teacher,
        'test_dataloader.num_workers': num_workers,
        'test_dataloader.persistent_workers': num_workers > 0,
    })
    evaluator = dict(type='DistillMetric', statistics=['mean', 'std'],
                     scale=scale, csv_file=str(Path(save_dir, 'metrics.csv')))
    if not teacher:
        evaluator['references'] = []
    # not by update, which would merge the dictionaries
    cfg.model, cfg.test_evaluator = inference_config(cfg.model), evaluator
    cfg.launcher, cfg.test_cfg = 'none', {}
    cfg.load_from, cfg.resume = None, False
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper',
                'val_dataloader', 'val_cfg', 'val_evaluator',
                'param_scheduler'):
        cfg.pop(key, None)
    try:
        with weights_only():
            runner = build_runner(cfg)
            if device:  # mmengine's runner takes the best one it finds
                runner.model.to(device)
            _, notes = load_model_weights(runner.model, checkpoint)
            announce(notes)
            scores = runner.test()
    except ValueError as error:
        raise UsageError(str(error)) from error
    means = {
        key.rpartition('/')[2]: float(value) for key, value in scores.items()
    }
    for name, value in means.items():
        if not name.endswith('_std'):
            print(f'{name:>6}: {value:.4f} +- {means[f"{name}_std"]:.4f}')
    return means
