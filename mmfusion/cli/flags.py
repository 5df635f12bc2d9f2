"""The flags of the tools: what ``--help`` shows, and what tools share.

This module imports nothing heavy, so that help and errors come at once.
"""
import argparse
from collections.abc import Iterable
from functools import partial
from typing import Any

from mmfusion.tasks import SAVE_MODES, TASKS
from mmfusion.utils.errors import UsageError, spelled
from mmfusion.utils.model_index import DEFAULT
from mmfusion.utils.sizes import parse_size

from .parsing import Parser

TOOLS = ('train', 'test', 'test_fusion')


def build_parser(tool: str) -> argparse.ArgumentParser:
    """The parser of one tool; see :func:`parse`."""
    if tool not in TOOLS:
        raise ValueError(f'Expected a tool of {TOOLS}, got {tool!r}.')
    parser = Parser(description=dict(
        train='Train a fuser, alone or with a segmentor or detector.',
        test='Score a trained model: segmentation or detection, and '
        'fused images.',
        test_fusion='Fuse the images of a config or of two folders: '
        'visible and infrared ones, or the two modalities of --task.',
    )[tool])
    add_config(parser)
    if tool == 'test':
        parser.add_argument('checkpoint', help='checkpoint file')
    elif tool == 'test_fusion':
        parser.add_argument(
            'checkpoint', nargs='?',
            help='checkpoint file, or an exported model; a fusion rule '
            'without weights needs none')
    parser.add_argument(
        '--work-dir',
        help='folder of logs and results; default work_dirs/<config name>')
    legacy = parser.add_argument_group(
        'legacy flags (mmseg 0.x), translated and announced')
    dict(
        train=_add_train,
        test=_add_test,
        test_fusion=_add_test_fusion,
    )[tool](parser, legacy)
    _add_legacy(legacy)
    return parser


def _add_legacy(legacy: argparse._ArgumentGroup) -> None:
    """Legacy flags of all tools."""
    for flag in ('--options', '--eval-options'):
        add_options(legacy, flag)
    legacy.add_argument('--gpu-id', type=int)
    legacy.add_argument('--gpu-ids', type=int, nargs='+')
    legacy.add_argument('--gpus', type=int)
    legacy.add_argument('--seed', type=int)
    legacy.add_argument('--deterministic', action='store_true')
    legacy.add_argument('--diff-seed', '--diff_seed', action='store_true')


def _add_legacy_test(legacy: argparse._ArgumentGroup) -> None:
    """Legacy flags of both test tools."""
    legacy.add_argument('--aug-test', action='store_true')
    legacy.add_argument('--format-only', action='store_true')
    legacy.add_argument('--tmpdir', metavar='DIR')
    legacy.add_argument('--gpu-collect', action='store_true')
    legacy.add_argument('--opacity', type=float)


def _add_distributed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--launcher', **one_of(
            ('none', 'pytorch', 'slurm', 'mpi')), default='none',
        help='job launcher; set by the dist_*.sh and slurm_*.sh scripts')
    parser.add_argument('--local-rank', '--local_rank', type=int,
                        help=argparse.SUPPRESS)


def _add_train(parser: argparse.ArgumentParser,
               legacy: argparse._ArgumentGroup) -> None:
    _add_distributed(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='PATH|auto',
        help='continue from PATH, or from the last checkpoint in the work dir')
    parser.add_argument('--amp', action='store_true',
                        help='mixed precision; needs a GPU')
    parser.add_argument(
        '--two-stage', action='store_true',
        help='run stage1_config first where its checkpoint is missing')
    add_options(parser, '--stage1-options',
                'as --cfg-options, for the first of two stages')
    legacy.add_argument('--resume-from', metavar='PATH')
    legacy.add_argument('--auto-resume', action='store_true')
    legacy.add_argument('--load-from', metavar='PATH')
    legacy.add_argument('--no-validate', action='store_true')


def _add_test(parser: argparse.ArgumentParser,
              legacy: argparse._ArgumentGroup) -> None:
    _add_distributed(parser)
    parser.add_argument(
        '--out', metavar='DIR',
        help='write predictions as PNG label maps of native size, or '
        'detections as JSON')
    parser.add_argument('--show', action='store_true', help='show panels')
    parser.add_argument('--show-dir', metavar='DIR', help='write panels')
    add_overwrite(parser)
    parser.add_argument('--wait-time', type=float, default=2.0,
                        help='seconds a panel is shown')
    parser.add_argument('--tta', action='store_true',
                        help='test-time augmentation')
    parser.add_argument(
        '--eval', nargs='+', metavar='NAME',
        help='what to score: mIoU mDice mFscore of the segmentation; bbox '
        'segm of detections; of the fused images fusion, another preset '
        '(film, vifb, ...) or metrics (EN,SD,VIF)')
    _add_legacy_test(legacy)


def _add_test_fusion(parser: argparse.ArgumentParser,
                     legacy: argparse._ArgumentGroup) -> None:
    add_pair_folders(parser)
    parser.add_argument(
        '--more', nargs='+', metavar='DIR', default=(),
        help='folders of further sources, for methods that take any number')
    add_task(
        parser, 'what the folders hold, e.g. mri_pet: MRI and PET; '
        "default the config's")
    parser.add_argument('--out-dir', '--save-fused', metavar='DIR',
                        help='default <work dir>/test_result')
    add_saving(parser)
    add_device(parser)
    add_backend(parser)
    parser.add_argument(
        '--eval', nargs='+', metavar='NAME',
        help='also score the written images: a preset (default, film, ...) '
        'or metrics (EN,SD,VIF)')
    parser.add_argument(
        '--show-dir', metavar='DIR',
        help='also write panels of both source images and the fused one, and '
        "of the detector's boxes on it")
    add_overwrite(parser)
    add_memory(parser)
    add_text(parser)
    parser.add_argument('--score-thr', type=float, default=0.3, metavar='F',
                        help='lowest score of boxes that are drawn')
    legacy.add_argument('--out', metavar='DIR')
    legacy.add_argument('--launcher', **one_of(['none']), default='none')
    legacy.add_argument('--show', action='store_true')
    _add_legacy_test(legacy)


def one_of(names: Iterable[str]) -> dict[str, Any]:
    """Arguments of a flag that takes one of ``names``, in any case."""
    names = tuple(names)
    return dict(choices=names, type=partial(spelled, names))


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--model`` and ``--weights``."""
    parser.add_argument(
        '--model', default=DEFAULT, metavar='NAME',
        help='of mmfusion list, a config, or an exported file; default '
        f'{DEFAULT}')
    parser.add_argument(
        '--weights', metavar='FILE',
        help='checkpoint; models with weights in the box need none')


def add_saving(parser: argparse.ArgumentParser) -> None:
    """How fused images become files."""
    parser.add_argument(
        '--save-mode', **one_of(SAVE_MODES), default='round',
        help='round: clamp and round; trunc: clamp and truncate; minmax: '
        "stretch each image to 0-255 (as BFFR's tool; changes brightness)")
    parser.add_argument('--grey', action='store_true',
                        help='write luminance only')


def add_backend(parser: argparse.ArgumentParser) -> None:
    """What runs an exported file."""
    parser.add_argument(
        '--backend', help='of an exported file (.onnx, .ts, .pt2): '
        'onnxruntime, openvino, ...')


def add_text(parser: argparse.ArgumentParser) -> None:
    """Text of fusers that are guided by it."""
    parser.add_argument(
        '--text-features', metavar='FILE_OR_DIR',
        help='stored text features: a folder of STEM.npy, an .h5 or .npz '
        'file, or one .npy for all pairs')
    parser.add_argument(
        '--captions', metavar='FILE',
        help='captions (.json, .csv, .txt) of the pairs without stored '
        'features')
    parser.add_argument(
        '--text-encoder', metavar='TYPE=DIR|hash',
        help='what encodes the captions: blip2, bert, clip or t5, and the '
        'local folder of its files')


def add_options(parser: argparse._ActionsContainer,
                flag: str = '--cfg-options', text: str | None = None) -> None:
    """A flag of ``KEY=VALUE`` pairs, a dict, with ``text`` as its help."""
    parser.add_argument(flag, nargs='+', action=_OptionsAction, default={},
                        metavar='KEY=VALUE', help=text)


class _OptionsAction(argparse.Action):
    """mmengine's ``DictAction``, imported when it is used."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmengine.config import DictAction
        action = DictAction(self.option_strings, self.dest)
        try:
            action(parser, namespace, values, option_string)
        except (ValueError, AssertionError) as error:
            raise argparse.ArgumentError(
                self,
                f'expected KEY=VALUE, got {" ".join(values)}.') from (error)


class _RangeAction(argparse.Action):
    """``LOW HIGH``, also with a comma between, or one of two words."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmfusion.fileio import PairReading
        words = ' '.join(values).strip('()[]').replace(',', ' ').split()
        try:
            value = (words[0].lower() if len(words) == 1 else tuple(
                map(float, words)))
            PairReading(uint16_range=value)
        except ValueError as error:
            raise argparse.ArgumentError(
                self, 'expected LOW HIGH with LOW below HIGH, full or '
                f'minmax, got {" ".join(values)}.') from error
        setattr(namespace, self.dest, value)


def _size_rule(text: str) -> str:
    from mmfusion.fileio import PairReading
    try:
        return PairReading(text.lower()).on_size_mismatch
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f'expected error, resize_ir, resize_vis, ..., got {text}') from (
                error)


def add_loading(parser: argparse._ActionsContainer) -> None:
    """How pairs are loaded: settings of ``LoadFusionPair``."""
    parser.add_argument(
        '--uint16-range', nargs='+', action=_RangeAction, metavar='LOW HIGH',
        help='counts of 16-bit infrared images that are black and white; or '
        'full (0 to 65535) or minmax (of each image); default what the '
        'config says, else full')
    add_size_rule(parser)


def add_size_rule(parser: argparse._ActionsContainer) -> None:
    """What becomes of a pair of two sizes."""
    parser.add_argument(
        '--on-size-mismatch', type=_size_rule, metavar='resize_ir|resize_vis',
        help='resize one image of a pair to the size of the other; default '
        'what the config says, else error')


def loading_of(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags of :func:`add_loading` say; None where they do not."""
    return dict(on_size_mismatch=getattr(args, 'on_size_mismatch', None),
                uint16_range=getattr(args, 'uint16_range', None),
                register=getattr(args, 'register', None))


def add_config(parser: argparse.ArgumentParser, reads_pairs: bool = True,
               **config: str) -> None:
    """What :func:`.legacy.read_config` takes.

    Args:
        parser (argparse.ArgumentParser): Gets ``config``, ``--scale`` and
            ``--cfg-options``.
        reads_pairs (bool): Whether it gets those of :func:`add_loading`.
        config: Of the argument ``config``, e.g. another ``help``.
    """
    config.setdefault(
        'help', 'config file, or a name such as '
        'mmfusion::fusers/transfuser6_avg_mfnet.py')
    parser.add_argument('config', **config)
    parser.add_argument(
        '--scale', metavar='mini|synthetic',
        help='of the config: a small real set or synthetic scenes, slim '
        'networks, a short training; default the full size')
    add_options(
        parser, '--cfg-options',
        'override config entries, e.g. train_cfg.max_iters=100, or '
        'choose what the config offers, e.g. detector=dino')
    if reads_pairs:
        add_loading(parser)
        add_register(parser)


def add_overwrite(parser: argparse._ActionsContainer) -> None:
    """``--overwrite``, of tools whose files are named as the data."""
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace files of the same names that this tool has not written '
        '(never sources)')


def add_device(parser: argparse._ActionsContainer,
               default: str | None = None) -> None:
    """``--device``; None, the default, for the best one there is."""
    parser.add_argument(
        '--device', default=default, type=str.lower,
        help='cpu, cuda, cuda:1, ...; default ' + (default or 'a GPU if any'))


def add_memory(parser: argparse._ActionsContainer) -> None:
    """``--max-memory``, of tools that fuse stills."""
    parser.add_argument(
        '--max-memory', type=_amount, metavar='SIZE',
        help='such as 2GB: what fusing a pair may take beside the program; '
        'larger pairs are fused in tiles, where the method allows')


def _amount(text: str) -> int:
    try:
        return parse_size(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_register(parser: argparse._ActionsContainer) -> None:
    """``--register``, a setting of ``LoadFusionPair``."""
    parser.add_argument(
        '--register', metavar='FILE|auto',
        help='matrix of `mmfusion register` (or nine numbers: .json, .npy, '
        'text) that takes the second image into the pixels of the first; '
        'auto: find one for each pair')


def add_threads(parser: argparse._ActionsContainer) -> None:
    """``--threads`` of the CPU."""
    parser.add_argument('--threads', type=int, help='CPU threads')


def add_shape(parser: argparse._ActionsContainer,
              default: tuple[int, int] = (480, 640),
              text: str = 'image size') -> None:
    """``--shape H W``, with ``text`` as its help."""
    parser.add_argument('--shape', type=int, nargs=2, default=default,
                        metavar=('H', 'W'),
                        help=f'{text}; default {default[0]} {default[1]}')


def add_pair_folders(parser: argparse._ActionsContainer,
                     required: bool = False) -> None:
    """The folders of both source images, ``--vis`` and ``--ir``."""
    parser.add_argument(
        '--vis', '--first', metavar='DIR', required=required,
        help="visible images, or those of the task's first modality")
    parser.add_argument(
        '--ir', '--second', metavar='DIR', required=required,
        help="infrared images, or those of the task's second modality")


def add_task(parser: argparse._ActionsContainer, text: str) -> None:
    """``--task``, with ``text`` as its help."""
    parser.add_argument('--task', **one_of(TASKS), help=text)


def add_measured_model(parser: argparse.ArgumentParser) -> None:
    """The config of a model whose costs are measured, and at what size."""
    add_config(parser, reads_pairs=False)
    add_shape(parser)
    parser.add_argument('--part', **one_of(('full', 'fuser')), default='full',
                        help='the whole model or its fuser alone')
