"""Applying parsed command-line arguments to a config."""
import argparse
import copy
from collections.abc import Sequence

from mmengine.config import Config

from mmfusion.evaluation.selection import COCO_METRICS, IOU_METRICS, parse_eval
from mmfusion.utils.config_file import (default_work_dir, require_file,
                                        type_name)
from mmfusion.utils.errors import UsageError

#: file of FusionMetric's values of all images, in the work dir
FUSION_CSV = 'fusion_metrics.csv'


def apply_to_config(cfg: Config, args: argparse.Namespace,
                    device: str | None = None) -> Config:
    """Bring command-line arguments into a config.

    ``--cfg-options`` are merged when the file is read
    (:func:`mmfusion.utils.config_file.load_config`), so that these flags win
    over them.

    Args:
        cfg (Config): Left as it is.
        args (argparse.Namespace): From :func:`mmfusion.cli.legacy.parse`, of
            ``train`` or ``test``.
        device (str, optional): Device that will be used, e.g. ``'cpu'``.
            Defaults to mmengine's choice.

    Returns:
        Config: A changed copy.

    Raises:
        UsageError: If a flag does not fit the config or the machine.
        FileNotFoundError: If a checkpoint to resume from is missing.
    """
    cfg = copy.deepcopy(cfg)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(cfg)
    if args.randomness:
        cfg.randomness = {**(cfg.get('randomness') or {}), **args.randomness}
    if args.evaluator_options:
        evaluators = _evaluators(cfg, '--eval-options')
        evaluators[0].update(args.evaluator_options)
    if hasattr(args, 'amp'):
        _apply_training(cfg, args, device)
    else:
        _apply_testing(cfg, args)
    return cfg


def _apply_training(cfg: Config, args: argparse.Namespace,
                    device: str | None) -> None:
    if args.amp:
        _use_amp(cfg, device)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.load_from is not None:
        cfg.load_from = require_file(args.load_from,
                                     'the weights of --load-from',
                                     'Check the path.')
    if args.resume == 'auto':
        from mmengine.runner import find_latest_checkpoint
        latest = find_latest_checkpoint(cfg.work_dir)
        if latest is not None:
            cfg.resume, cfg.load_from = True, latest
    elif args.resume is not None:
        cfg.load_from = require_file(
            args.resume, 'a checkpoint to resume from',
            'Give the path of a .pth file, or --resume alone for the last '
            f'one in {cfg.work_dir}.')
        cfg.resume = True


def _use_amp(cfg: Config, device: str | None) -> None:
    if device is None:
        from mmengine.device import get_device
        device = get_device()
    if device == 'cpu':
        raise UsageError(
            '--amp trains in mixed precision on a GPU, and none is visible '
            'here: leave --amp out to train on the CPU.')
    kind = type_name(cfg.optim_wrapper.get('type', 'OptimWrapper'))
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UsageError("--amp needs optim_wrapper.type='OptimWrapper', "
                         f'got {kind!r}: set mixed precision in the config.')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _apply_testing(cfg: Config, args: argparse.Namespace) -> None:
    if args.tta:
        _use_tta(cfg)
    if args.eval:
        _choose_evaluators(cfg, args.eval)
    if args.out or args.format_only:
        folder = args.out or f'{cfg.work_dir}/predictions'
        for evaluator in _label_evaluators(cfg, '--out or --format-only'):
            if type_name(evaluator['type']) == 'CocoMetric':
                evaluator.outfile_prefix = f'{folder}/detections'
            else:
                evaluator.update(output_dir=folder, keep_results=True)
            if args.format_only:
                evaluator.format_only = True
    if args.collect_dir or args.gpu_collect:
        for evaluator in _evaluators(cfg, '--tmpdir or --gpu-collect'):
            if args.gpu_collect:
                evaluator.collect_device = 'gpu'
            else:
                evaluator.update(collect_device='cpu',
                                 collect_dir=args.collect_dir)
    if args.opacity is not None:
        if not 0 <= args.opacity <= 1:
            raise UsageError(
                f'Expected --opacity in [0, 1], got {args.opacity}.')
        _visualizer(cfg).alpha = args.opacity
    if args.show or args.show_dir:
        _draw_panels(cfg, args)


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


def _choose_evaluators(cfg: Config, words: Sequence[str]) -> None:
    """``--eval``: choose what is computed, by which evaluators.

    ``IoUMetric``, ``CocoMetric`` and ``FusionMetric`` stay where one of
    their names is given; the last is added where the config has none. Other
    evaluators stay in any case.
    """
    chosen_words = dict(
        IoUMetric=[word for word in words if word in IOU_METRICS],
        CocoMetric=[word for word in words if word in COCO_METRICS])
    task = [word for part in chosen_words.values() for word in part]
    fusion = [word for word in words if word not in task]
    selection = parse_eval(fusion, with_task=True) if fusion else {}
    asked = {kind: bool(part) for kind, part in chosen_words.items()}
    asked['FusionMetric'] = bool(fusion)
    found = _evaluators(cfg,
                        '--eval') if task or cfg.get('test_evaluator') else []
    kinds = [type_name(_inner(item).get('type')) for item in found]
    for kind, part in chosen_words.items():
        if part and kind not in kinds:
            article = 'an' if kind[0] == 'I' else 'a'
            raise UsageError(
                f'--eval {" ".join(part)} needs {article} {kind} as the '
                f"config's test_evaluator, got {kinds}.")
    if fusion and 'FusionMetric' not in kinds:
        found.append(dict(type='mmfusion.FusionMetric', **selection))
        kinds.append('FusionMetric')
    chosen = [
        evaluator for kind, evaluator in zip(kinds, found, strict=True)
        if asked.get(kind, True)
    ]
    for evaluator in chosen:
        kind = type_name(_inner(evaluator)['type'])
        if kind == 'IoUMetric':
            _inner(evaluator)['iou_metrics'] = chosen_words[kind]
        elif kind == 'CocoMetric':
            _inner(evaluator)['metric'] = chosen_words[kind]
        elif kind == 'FusionMetric':
            if fusion != ['fusion']:
                evaluator.update(selection)
            evaluator.setdefault('csv_file', f'{cfg.work_dir}/{FUSION_CSV}')
    cfg.test_evaluator = chosen[0] if len(chosen) == 1 else chosen
    if not task:
        _use_fusion_set(cfg)


def _inner(evaluator: dict) -> dict:
    """What a ``ConditionMetric`` splits; others themselves."""
    if type_name(evaluator.get('type')) == 'ConditionMetric':
        return evaluator['metric']
    return evaluator


def _use_fusion_set(cfg: Config) -> None:
    """Test on the fusion set where there is no test set."""
    if cfg.get('test_dataloader') or not cfg.get('fusion_dataloader'):
        return
    cfg.test_dataloader = copy.deepcopy(cfg.fusion_dataloader)
    cfg.test_dataloader.setdefault('sampler',
                                   dict(type='DefaultSampler', shuffle=False))
    if cfg.get('test_cfg') is None:
        cfg.test_cfg = dict()


def _draw_panels(cfg: Config, args: argparse.Namespace) -> None:
    hook = (cfg.get('default_hooks') or {}).get('visualization')
    if hook is None:
        raise UsageError(
            '--show and --show-dir need default_hooks.visualization in the '
            "config: dict(type='FusionVisualizationHook').")
    hook.update(draw=True, interval=1, max_samples=None)
    if args.show:
        hook.update(show=True, wait_time=args.wait_time)
    if args.show_dir:
        hook.show_dir = args.show_dir


def _evaluators(cfg: Config, flag: str) -> list[dict]:
    """The test evaluators, as a list of config dicts."""
    found = cfg.get('test_evaluator')
    if not found:
        raise UsageError(f'{flag} needs a test_evaluator in the config, got '
                         'none: this config trains and fuses only (see '
                         'tools/test_fusion.py).')
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _label_evaluators(cfg: Config, flag: str) -> list[dict]:
    """Those that can write label maps or detections."""
    found = [
        _inner(evaluator) for evaluator in _evaluators(cfg, flag)
        if type_name(_inner(evaluator).get('type')) not in ('FusionMetric',
                                                            'MissRateMetric')
    ]
    if not found:
        raise UsageError(
            f'{flag} writes label maps or detections and needs an evaluator '
            'of the segmentation or of boxes, got none. Fused images come '
            'from tools/test_fusion.py.')
    return found


def _visualizer(cfg: Config) -> dict:
    if cfg.get('visualizer') is None:
        raise UsageError('--opacity needs a visualizer in the config: '
                         "dict(type='FusionLocalVisualizer').")
    return cfg.visualizer
