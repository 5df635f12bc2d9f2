"""Flags of the real-time system's README, as overrides of our configs."""
import argparse
import math
from typing import Any

from mmengine.config import Config

from mmfusion.utils.errors import UsageError

from .flags import one_of

#: pairs of the configs, in their order
TERMS = ('pix', 'ssim', 'grad', 'perc', 'feat')
_VGG_TERMS = ('perc', 'feat')
_README_PREFIX = dict(vis_path='VIS', ir_path='IR',
                      teacher_path='TEACHER_FUSED')
_SETS = dict(train='train', val='val', test='test', fusion='test')


def _switch(text: str) -> bool:
    known = dict(true=True, yes=True, false=False, no=False)
    known.update({'1': True, '0': False})
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f'expected true or false, got '
                                         f'{text!r}')
    return known[text.lower()]


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that ``train.py`` and ``eval.py`` share."""
    add = parser.add_argument
    add('--ir_root', metavar='DIR', help='flat folder of infrared images')
    add('--vis_root', metavar='DIR', help='flat folder of visible images')
    add('--teacher_root', metavar='DIR',
        help="flat folder of the teacher's images")
    add('--train_ratio', type=float, default=0.7)
    add('--val_ratio', type=float, default=0.15)
    add('--test_ratio', type=float, default=0.15)
    add('--num_workers', type=int, default=4)


def train_parser() -> argparse.ArgumentParser:
    """Parser of ``tools/distill/train.py``; defaults are the README's."""
    parser = argparse.ArgumentParser(
        prog='train.py',
        description='Train the real-time student: the flags of its README '
        'become overrides of a config, which are printed.')
    add = parser.add_argument
    add('--model_size', **one_of(('tiny', 'small', 'base')), default='base')
    add('--train_root', metavar='DIR',
        help='folder with IR, VIS and TEACHER_FUSED')
    add('--val_root', metavar='DIR', help='likewise, for validation')
    add_data_flags(parser)
    add('--input_size', type=int, default=512)
    add('--in_channels', type=int, choices=(1, 3), default=3)
    add('--out_channels', type=int, choices=(1, 3), default=3)
    add('--batch_size', type=int, default=8)
    add('--epochs', type=int, default=120)
    add('--lr', type=float, default=1e-4)
    add('--weight_decay', type=float, default=1e-4)
    add('--use_amp', nargs='?', type=_switch, const=True,
        help='mixed precision; default where there is a GPU')
    add('--no-use_amp', dest='use_amp', action='store_false', default=None)
    add('--grad_clip', type=float, default=1.0, help='0 for none')
    for name, value in (('pix', 1.), ('perc', .1), ('ssim', 1.), ('grad', .5),
                        ('feat', .5)):
        add(f'--lambda_{name}', type=float, default=value)
    add('--vgg_checkpoint', metavar='FILE',
        help="torchvision's vgg16 file, for lambda_perc and lambda_feat")
    add('--misalign_prob', type=float, default=0.5)
    add('--log_freq', type=int, default=100, help='iterations')
    add('--vis_freq', type=int, default=500,
        help='iterations between validations, which draw up to 4 panels')
    add('--save_freq', type=int, default=10, help='epochs')
    add('--log_dir', metavar='DIR', help='work dir of the run')
    add('--checkpoint_dir', metavar='DIR')
    add('--resume', metavar='FILE')
    add('--seed', type=int, default=42)
    add('--dry_run', action='store_true', help='print the overrides and stop')
    return parser


def train_config(args: argparse.Namespace) -> str:
    """Name of the config that the flags change."""
    return f'distillers/realtime_base_msrs.py@size:{args.model_size}'


def data_overrides(args: argparse.Namespace,
                   names: list[str] | None = None) -> dict[str, Any]:
    """Folders of the data sets.

    Args:
        args (argparse.Namespace): With the flags of :func:`add_data_flags`.
        names (list[str], optional): Of ``train``, ``val``, ``test`` and
            ``fusion``; None for all.

    Raises:
        UsageError: If some of the flat folders are missing.
    """
    roots = dict(vis_path=args.vis_root, ir_path=args.ir_root,
                 teacher_path=args.teacher_root)
    if not all(roots.values()):
        raise UsageError(
            'Expected --ir_root, --vis_root and --teacher_root, or folders '
            'of splits (--train_root and --val_root, --data_root), got '
            f'{ {key: value for key, value in roots.items() if value} }.')
    out: dict[str, Any] = {}
    for name in names or _SETS:
        place = f'{name}_dataloader.dataset'
        out[f'{place}.data_root'] = ''
        for key, value in roots.items():
            out[f'{place}.data_prefix.{key}'] = value
        out[f'{place}.part'] = _SETS[name]
        out[f'{place}.ratios'] = (args.train_ratio, args.val_ratio,
                                  args.test_ratio)
    return out


def root_overrides(root: str, name: str) -> dict[str, Any]:
    """A folder with IR, VIS and TEACHER_FUSED as one data set."""
    place = f'{name}_dataloader.dataset'
    prefix = {
        f'{place}.data_prefix.{key}': value
        for key, value in _README_PREFIX.items()
    }
    return {f'{place}.data_root': root, **prefix}


def train_overrides(args: argparse.Namespace, cfg: Config, on_gpu: bool,
                    count_pairs) -> dict[str, Any]:
    """What the flags change in a config.

    Args:
        args (argparse.Namespace): From :func:`train_parser`.
        cfg (Config): The config of :func:`train_config`.
        on_gpu (bool): Whether the training will run on a GPU.
        count_pairs (callable): ``count_pairs(overrides)`` gives the number
            of training pairs, which turns epochs into iterations.

    Returns:
        dict[str, Any]: Dotted keys to values, as ``--cfg-options`` takes
        them.

    Raises:
        UsageError: If flags do not fit together or the machine.
    """
    if args.use_amp and not on_gpu:
        raise UsageError('--use_amp trains in mixed precision on a GPU, and '
                         'none is visible here: give --no-use_amp.')
    out: dict[str, Any] = {}
    if args.train_root or args.val_root:
        if not (args.train_root and args.val_root):
            raise UsageError('--train_root and --val_root go together: name '
                             'both.')
        for name in _SETS:
            out.update(
                root_overrides(
                    args.train_root if name == 'train' else args.val_root,
                    name))
    else:
        out.update(data_overrides(args))
    pipeline = [step['type'] for step in cfg.train_dataloader.dataset.pipeline]
    for kind, key, value in (('RandomMisalign', 'prob', args.misalign_prob),
                             ('RandomResizedCrop', 'size', args.input_size)):
        place = f'train_dataloader.dataset.pipeline.{pipeline.index(kind)}'
        out[f'{place}.{key}'] = value
    out.update({
        'model.student.ir_channels': args.in_channels,
        'model.student.out_mode': 'rgb' if args.out_channels == 3 else 'y',
        'train_dataloader.batch_size': args.batch_size,
        'train_dataloader.num_workers': args.num_workers,
        'train_dataloader.persistent_workers': args.num_workers > 0,
        'optim_wrapper.optimizer.lr': args.lr,
        'optim_wrapper.optimizer.weight_decay': args.weight_decay,
        'default_hooks.logger.interval': args.log_freq,
        'default_hooks.visualization.draw': True,
        'default_hooks.visualization.interval': 1,
        'default_hooks.visualization.max_samples': 4,
        'train_cfg.val_interval': args.vis_freq,
        'randomness.seed': args.seed,
    })
    if args.grad_clip > 0:
        out['optim_wrapper.clip_grad.max_norm'] = args.grad_clip
    else:
        out['optim_wrapper.clip_grad'] = None
    if on_gpu if args.use_amp is None else args.use_amp:
        out['optim_wrapper.type'] = 'AmpOptimWrapper'
        out['optim_wrapper.loss_scale'] = 'dynamic'
    out.update(_loss_overrides(args, cfg))
    out.update(_length_overrides(args, count_pairs(out)))
    for flag, key in (('log_dir', 'work_dir'),
                      ('checkpoint_dir', 'default_hooks.checkpoint.out_dir'),
                      ('resume', 'load_from')):
        if getattr(args, flag):
            out[key] = getattr(args, flag)
    if args.resume:
        out['resume'] = True
    return out


def _loss_overrides(args: argparse.Namespace, cfg: Config) -> dict[str, Any]:
    weights = {name: getattr(args, f'lambda_{name}') for name in TERMS}
    kept = [pair for pair in cfg.model.pairs if weights[pair.name] > 0]
    if not kept:
        raise UsageError('Expected a lambda above 0, got none.')
    out: dict[str, Any] = {}
    if len(kept) < len(cfg.model.pairs):
        out['model.pairs'] = [pair.to_dict() for pair in kept]
        names = [pair.name for pair in kept]
        out['default_hooks.loss_stages.stages'] = _stages_of(
            names, cfg.default_hooks.loss_stages.stages)
        for index, pair in enumerate(out['model.pairs']):
            pair['loss']['loss_weight'] = weights[kept[index].name]
    else:
        for index, pair in enumerate(kept):
            out[f'model.pairs.{index}.loss.loss_weight'] = weights[pair.name]
    if any(weights[name] > 0 for name in _VGG_TERMS):
        if not args.vgg_checkpoint:
            raise UsageError(
                '--lambda_perc and --lambda_feat above 0 need VGG-16: give '
                "--vgg_checkpoint FILE (torchvision's vgg16-397923af.pth), "
                'or set both to 0. Nothing is downloaded.')
        for index, pair in enumerate(kept):
            if 'features' not in pair.loss:
                continue
            if 'model.pairs' in out:
                features = out['model.pairs'][index]['loss']['features']
                features['init_cfg']['checkpoint'] = args.vgg_checkpoint
            else:
                out[f'model.pairs.{index}.loss.features.init_cfg.'
                    'checkpoint'] = args.vgg_checkpoint
    return out


def _stages_of(names: list[str], stages: list[dict]) -> list[dict]:
    """Stages of some terms; the first that has any begins the training."""
    out = [
        dict(
            begin=stage.begin, weights={
                name: value for name, value in stage.weights.items()
                if name in names
            }) for stage in stages
    ]
    while not any(out[0]['weights'].values()):
        out.pop(0)
    out[0]['begin'] = 0
    return out


def _length_overrides(args: argparse.Namespace, pairs: int) -> dict[str, Any]:
    """Epochs as iterations."""
    epoch = math.ceil(pairs / args.batch_size)
    total = args.epochs * epoch
    warmup = min(500, max(1, total // 10))
    return {
        'train_cfg.max_iters': total,
        'param_scheduler.0.end': warmup,
        'param_scheduler.1.begin': warmup,
        'param_scheduler.1.end': total,
        'default_hooks.checkpoint.interval': args.save_freq * epoch,
    }
