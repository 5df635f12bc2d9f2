"""Scores of a checkpoint on a config's test set."""
# ruff: noqa: PT028 (``test`` is no test)
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmfusion.fileio.paths import (check_outputs, label_map_path, raw_samples,
                                   sample_files, source_folders)
from mmfusion.models.wrappers import inference_config
from mmfusion.utils.config_file import PathLike, copy_config, require_file
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_json
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.progress import announce

from .checkpoint import load_model_weights
from .evaluators import choose_evaluators, evaluators_of, write_predictions
from .training import build_runner


@dataclass(frozen=True)
class PredictionOutputs:
    """What :func:`test` leaves besides the scores.

    Args:
        out_dir (str | PathLike, optional): Where predictions go, label maps
            as PNG or detections as JSON.
        show_dir (str | PathLike, optional): Where panels go.
        show (float, optional): Seconds that each panel is shown in a
            window; 0 until a key is pressed, None for no window.
        overwrite (bool): Whether to replace label maps and panels that
            this package has not written. Sources are never replaced.
    """
    out_dir: PathLike | None = None
    show_dir: PathLike | None = None
    show: float | None = None
    overwrite: bool = False


def test(cfg: PathLike | Config, checkpoint: PathLike,
         work_dir: PathLike | None = None, *,
         eval: str | Sequence[str] | None = None,
         evaluator_options: dict | None = None, tta: bool = False,
         cfg_options: dict | None = None, **outputs: Any) -> dict[str, float]:
    """Score a checkpoint on a config's test set.

    The metrics also go to ``<work dir>/eval_<time>.json``, with the
    config's and the checkpoint's path.

    Args:
        cfg (str | PathLike | Config): A config, or where it lies, such as
            ``'mmfusion::fusers/psfusion_msrs.py'``.
        checkpoint (str | PathLike): Its weights.
        work_dir (str | PathLike, optional): Folder of logs and metrics.
            Defaults to the config's, else ``work_dirs/<config name>``.
        eval (str | sequence[str], optional): What to score instead of what
            the config says: ``mIoU``, ``mDice``, ``mFscore`` of the
            segmentation, ``bbox``, ``segm`` of detections, and of the fused
            images ``fusion``, another preset or metrics.
        evaluator_options (dict, optional): Entries of all evaluators, such
            as ``dict(collect_device='gpu')``.
        tta (bool): Test-time augmentation, by the config's ``tta_model``.
        cfg_options (dict, optional): Dotted keys to values.
        outputs: ``out_dir``, ``show_dir`` and others, see
            :class:`PredictionOutputs`.

    Returns:
        dict[str, float]: The metrics by name.

    Raises:
        UsageError: If the config has nothing to test, an option or the
            checkpoint does not fit, or files would be written over sources
            or over each other.
        FileNotFoundError: If the config or the checkpoint is missing.
    """
    wanted = PredictionOutputs(**outputs)
    out_dir = wanted.out_dir
    cfg = copy_config(cfg, cfg_options, work_dir)
    if tta:
        _use_tta(cfg)
    if eval:
        choose_evaluators(cfg, [eval] if isinstance(eval, str) else eval)
    maps = out_dir is not None and write_predictions(cfg, out_dir)
    if evaluator_options:
        for evaluator in evaluators_of(cfg, '--tmpdir or --gpu-collect'):
            evaluator.update(evaluator_options)
    if wanted.show_dir is not None or wanted.show is not None:
        _draw_panels(cfg, wanted)
    missing = [
        key for key in ('test_dataloader', 'test_evaluator')
        if not cfg.get(key)
    ]
    if missing:
        raise UsageError(
            f'{cfg.filename}: expected {" and ".join(missing)} to test with, '
            'got none. Fused images come from tools/test_fusion.py.')
    checkpoint = require_file(checkpoint, 'a checkpoint file',
                              'Train one with tools/train.py.')
    cfg.load_from, cfg.resume = None, False
    cfg.model = inference_config(cfg.model)
    with weights_only():
        runner = build_runner(cfg)
        if out_dir is not None:
            samples = raw_samples(runner.test_dataloader.dataset)
            made = [(label_map_path(out_dir, sample), sample_files(sample))
                    for sample in samples if maps]
            check_outputs([(out_dir, ()), *made], source_folders(samples),
                          wanted.overwrite)
        _, notes = load_model_weights(runner.model, checkpoint)
        announce(notes)
        scores = runner.test()
    metrics = {name: round(float(value), 6) for name, value in scores.items()}
    if metrics and is_main_process():
        path = Path(cfg.work_dir, f'eval_{runner.timestamp}.json')
        write_json(
            path,
            dict(config=cfg.filename, checkpoint=checkpoint, metric=metrics))
        print(f'wrote {path}')
    return metrics


# whatever pytest thinks of its name
test.__test__ = False  # type: ignore[attr-defined]


def _use_tta(cfg: Config) -> None:
    missing = [
        key for key in ('tta_model', 'tta_pipeline') if cfg.get(key) is None
    ]
    if missing:
        raise UsageError(
            f'--tta needs {" and ".join(missing)} in the config, got none: '
            "add tta_model=dict(type='FuserSegTTAModel'), or "
            "'FuserDetTTAModel', and a tta_pipeline with TestTimeAug.")
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = {**cfg.tta_model, 'module': cfg.model}


def _draw_panels(cfg: Config, wanted: PredictionOutputs) -> None:
    hook = (cfg.get('default_hooks') or {}).get('visualization')
    if hook is None:
        raise UsageError(
            '--show and --show-dir need default_hooks.visualization in the '
            "config: dict(type='FusionVisualizationHook').")
    hook.update(draw=True, interval=1, max_samples=None)
    if wanted.show is not None:
        hook.update(show=True, wait_time=wanted.show)
    if wanted.show_dir is not None:
        hook.update(show_dir=str(wanted.show_dir), overwrite=wanted.overwrite)
