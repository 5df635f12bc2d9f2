"""The command line of ``train.py``, ``test.py`` and ``test_fusion.py``.

The flags of :mod:`.flags` are those of mmseg 1.x. Flags of mmseg 0.x,
which the READMEs of older fusion projects use, are still accepted:
:func:`parse` translates them and returns one line for each, so that users
learn the modern form.

This module imports neither torch nor anything that does: ``--gpu-id`` only
works while CUDA has not been initialized.
"""
import argparse
import os
import sys
from collections.abc import Callable, MutableMapping, Sequence

from mmengine.config import Config

from mmfusion.utils.config_file import find_config, load_config
from mmfusion.utils.errors import UsageError, spelled
from mmfusion.utils.loading_steps import state_loading

from .flags import build_parser, loading_of
from .running import run  # noqa: F401  (the tools have it from here)

#: legacy flag -> what to write today; announced whenever it is used
MODERN_FORMS = {
    '--options': '--cfg-options KEY=VALUE',
    '--eval-options': '--cfg-options test_evaluator.KEY=VALUE',
    '--gpu-id': 'CUDA_VISIBLE_DEVICES=N python tools/...',
    '--gpu-ids': 'CUDA_VISIBLE_DEVICES=N python tools/...',
    '--gpus': 'nothing for one GPU, tools/dist_train.sh CONFIG N for several',
    '--seed': '--cfg-options randomness.seed=N',
    '--deterministic': '--cfg-options randomness.deterministic=True',
    '--diff-seed': '--cfg-options randomness.diff_rank_seed=True',
    '--resume-from': '--resume PATH',
    '--auto-resume': '--resume',
    '--load-from': '--cfg-options load_from=PATH',
    '--no-validate': '--cfg-options val_cfg=None val_dataloader=None '
    'val_evaluator=None',
    '--eval': '--cfg-options test_evaluator.iou_metrics=[NAME,...]',
    '--aug-test': '--tta',
    '--format-only': '--cfg-options test_evaluator.format_only=True '
    'test_evaluator.output_dir=DIR',
    '--tmpdir': '--cfg-options test_evaluator.collect_device=cpu '
    'test_evaluator.collect_dir=DIR',
    '--gpu-collect': '--cfg-options test_evaluator.collect_device=gpu',
    '--opacity': '--cfg-options visualizer.alpha=F',
    '--out': '--out-dir DIR',
}
#: accepted by test_fusion.py for old commands, without any effect there
NO_EFFECT_ON_FUSION = ('--aug-test', '--format-only', '--eval-options',
                       '--tmpdir', '--gpu-collect', '--opacity', '--show')


def parse(
        tool: str, argv: Sequence[str] | None = None
) -> tuple[argparse.Namespace, list[str]]:
    """Parse a command line and translate its legacy flags.

    Args:
        tool (str): ``'train'``, ``'test'`` or ``'test_fusion'``.
        argv (sequence[str], optional): Arguments without the program's
            name. Defaults to ``sys.argv[1:]``.

    Returns:
        tuple[argparse.Namespace, list[str]]: The arguments, and one line
        for each legacy flag that was used.

    Raises:
        SystemExit: On unknown or contradicting flags (as argparse does).
    """
    parser = build_parser(tool)
    args = parser.parse_args(argv)
    return _translate(parser, tool, args)


def _translate(
        parser: argparse.ArgumentParser, tool: str,
        args: argparse.Namespace) -> tuple[argparse.Namespace, list[str]]:
    """Turn legacy values into modern ones; remove the legacy names."""
    lines = []

    def take(flag: str):
        """The value of a legacy flag, announced if it was given."""
        name = flag.lstrip('-').replace('-', '_')
        value = vars(args).pop(name, None)
        given = value is not None and value is not False and value != {}
        if given and tool == 'test_fusion' and flag in NO_EFFECT_ON_FUSION:
            lines.append(f'{flag} has no effect on fused images: leave it '
                         'out.')
            return None
        if given:
            lines.append(f'{flag} is a legacy flag, today: '
                         f'{MODERN_FORMS[flag]}')
        return value if given else None

    options = {}
    for flag, name in (('--seed', 'seed'), ('--deterministic',
                                            'deterministic'),
                       ('--diff-seed', 'diff_rank_seed')):
        value = take(flag)
        if value is not None:
            options[f'randomness.{name}'] = value
    args.evaluator_options = take('--eval-options') or {}
    args.gpu_id = _single_gpu(parser, tool, take('--gpu-id'),
                              take('--gpu-ids'), take('--gpus'))
    if args.gpu_id is not None and getattr(args, 'launcher', 'none') != 'none':
        parser.error('--gpu-id chooses one GPU, but the launcher starts a '
                     'process for each: leave one of the two out.')
    if tool == 'train':
        resume_from = take('--resume-from')
        auto = 'auto' if take('--auto-resume') else None
        args.load_from = take('--load-from')
        if take('--no-validate'):
            options.update(val_cfg=None, val_dataloader=None,
                           val_evaluator=None)
        if resume_from and args.resume not in (None, resume_from):
            parser.error('--resume-from and --resume name different '
                         'checkpoints: keep --resume PATH.')
        args.resume = resume_from or args.resume or auto
        if args.resume and args.load_from:
            parser.error('Resuming takes the weights of the interrupted '
                         'run: leave --load-from out.')
        if args.stage1_options and not args.two_stage:
            parser.error('--stage1-options needs --two-stage.')
        args.stage1_options.update(options)
    elif tool == 'test':
        # not needed for --help and the other tools: it imports all metrics
        from mmfusion.evaluation.selection import IOU_METRICS
        if args.eval and all(
                spelled(IOU_METRICS, word) in IOU_METRICS
                for word in args.eval):
            args.eval = take('--eval')
        args.tta = bool(take('--aug-test')) or args.tta
        args.format_only = bool(take('--format-only'))
        args.collect_dir = take('--tmpdir')
        args.gpu_collect = bool(take('--gpu-collect'))
        args.opacity = take('--opacity')
        if args.collect_dir and args.gpu_collect:
            parser.error('--tmpdir collects on the CPU: leave --gpu-collect '
                         'out.')
        if args.out and args.out.endswith(('.pkl', '.pickle')):
            parser.error('--out names a folder for PNG label maps, got '
                         f'{args.out!r}; pickled results are gone.')
    else:
        _translate_fusion(parser, args, take)
    args.cfg_options = (take('--options') or {}) | args.cfg_options | options
    return args, lines


def _translate_fusion(parser: argparse.ArgumentParser,
                      args: argparse.Namespace, take: Callable) -> None:
    for flag in NO_EFFECT_ON_FUSION:
        take(flag)
    args.out_dir = args.out_dir or take('--out')
    vars(args).pop('out', None)
    if bool(args.vis) != bool(args.ir):
        parser.error('--vis and --ir go together: name both folders.')
    if args.task and not args.vis:
        parser.error('--task says what two folders hold: name them with '
                     '--vis and --ir (or --first and --second).')
    if bool(args.captions) != bool(args.text_encoder):
        parser.error('--captions and --text-encoder go together: name both, '
                     'or give --text-features.')


def _single_gpu(parser: argparse.ArgumentParser, tool: str, gpu_id: int | None,
                gpu_ids: list[int] | None, gpus: int | None) -> int | None:
    """The one GPU that legacy flags name."""
    several = (gpu_ids and len(gpu_ids) > 1) or (gpus and gpus > 1)
    if several and tool == 'test_fusion':
        parser.error('test_fusion.py uses one GPU: give --gpu-id N.')
    if several:
        count = len(gpu_ids) if gpu_ids else gpus
        parser.error('Several GPUs need one process each: use '
                     f'tools/dist_{tool}.sh CONFIG '
                     f'{"CHECKPOINT " if tool == "test" else ""}{count} '
                     'instead (CUDA_VISIBLE_DEVICES chooses which).')
    return gpu_ids[0] if gpu_ids else gpu_id


def apply_to_environment(
        args: argparse.Namespace,
        environ: MutableMapping[str, str] | None = None) -> None:
    """Set what has to be set before torch initializes CUDA.

    ``--gpu-id N`` takes the N-th of ``CUDA_VISIBLE_DEVICES`` where that is
    set, GPU N otherwise. ``--local-rank`` only fills in a missing
    ``LOCAL_RANK``.

    Args:
        args (argparse.Namespace): From :func:`parse`.
        environ (mutable mapping): Defaults to ``os.environ``.

    Raises:
        UsageError: If ``CUDA_VISIBLE_DEVICES`` has no N-th entry.
    """
    environ = os.environ if environ is None else environ
    if args.gpu_id is not None:
        visible = environ.get('CUDA_VISIBLE_DEVICES')
        devices = visible.split(',') if visible else None
        if devices and not 0 <= args.gpu_id < len(devices):
            raise UsageError(
                f'Expected --gpu-id below {len(devices)}, the number of '
                f'GPUs in CUDA_VISIBLE_DEVICES={visible}, got {args.gpu_id}.')
        environ['CUDA_VISIBLE_DEVICES'] = (devices[args.gpu_id]
                                           if devices else str(args.gpu_id))
    if getattr(args, 'local_rank', None) is not None:
        environ.setdefault('LOCAL_RANK', str(args.local_rank))


def start(tool: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse, announce translations, prepare the environment.

    Raises:
        SystemExit: On unknown or contradicting flags.
        FileNotFoundError: If the config is missing (before the seconds
            that importing torch takes).
    """
    args, lines = parse(tool, argv)
    for line in lines:
        print(f'note: {line}', file=sys.stderr)
    find_config(args.config)
    apply_to_environment(args)
    return args


def read_config(args: argparse.Namespace) -> Config:
    """The config that the flags of :func:`.flags.add_config` name.

    Raises:
        UsageError: If a flag or an override does not fit the config.
        FileNotFoundError: If there is no such config.
    """
    cfg = load_config(args.config, args.cfg_options, scale=args.scale)
    state_loading(cfg, **loading_of(args))
    return cfg


def config_of(args: argparse.Namespace) -> Config:
    """The config, with the flags that no function of ``apis`` knows.

    Raises:
        UsageError: If a flag does not fit the config.
        FileNotFoundError: If there is no such config.
    """
    cfg = read_config(args)
    cfg.launcher = getattr(args, 'launcher', 'none')
    if args.evaluator_options:
        from mmfusion.apis.evaluators import evaluators_of
        evaluators_of(cfg, '--eval-options')[0].update(args.evaluator_options)
    return cfg
