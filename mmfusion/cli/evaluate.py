"""``mmfusion eval`` and ``tools/analysis_tools/evaluate_fusion.py``."""
import argparse
import os

from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import announce

from .flags import (add_loading, add_pair_folders, add_register, add_task,
                    loading_of)
from .outputs import refuse_sources
from .parsing import Parser


def parse_args() -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(description='Measure folders of fused images, see '
                    'docs/evaluation.md.')
    parser.add_argument(
        '--fused', nargs='+', metavar='[NAME=]DIR',
        help='fused images of one method or several; files match by stem')
    parser.add_argument(
        '--methods-from-names', action='store_true',
        help='--fused is one folder with the images of all methods, named '
        "by --fused-stem, here '{stem}_{method}' by default")
    add_pair_folders(parser)
    add_task(parser, 'what --vis and --ir hold; default ivf')
    parser.add_argument(
        '--sources', nargs='+', metavar='[NAME=]DIR',
        help='instead of --vis and --ir: two or more source folders')
    for name, *others in (['fused'], ['vis', 'first'], ['ir', 'second']):
        parser.add_argument(
            f'--{name}-stem', *(f'--{other}-stem' for other in others),
            metavar='RULE', help=f'names of the files of --{name}, e.g. ' +
            ("'{stem}_{method}'" if name == 'fused' else f"'{name}_{{stem}}'"))
    parser.add_argument('--stems', metavar='FILE',
                        help='measure these alone; one a line')
    parser.add_argument('--preset', default='default',
                        help='default, film, vifb, ...')
    parser.add_argument(
        '--metrics', nargs='+', metavar='NAME',
        help="EN,SD,SSIM:film; 'all'; default the columns of the preset")
    parser.add_argument('--channels',
                        help='gray or rgb; default what the preset says')
    parser.add_argument('--grey', default='bt601', metavar='RULE',
                        help='see --list')
    parser.add_argument(
        '--stretch', default='none',
        help='none, round or trunc: fused images to 0..255 before')
    parser.add_argument(
        '--no-quantize', action='store_true',
        help='do not round files of more than 8 bits to 256 levels')
    parser.add_argument(
        '--data-range', type=float, metavar='WHITE',
        help='value that is white in files of more than 8 bits')
    add_loading(parser)
    add_register(parser)
    parser.add_argument('--workers', type=int,
                        help='processes; default one a core')
    parser.add_argument('--out', metavar='DIR', help='where results go')
    parser.add_argument('--restart', action='store_true',
                        help='forget what an earlier run left in --out')
    parser.add_argument('--list', action='store_true',
                        help='print metrics and presets')
    return parser.parse_args()


def evaluation_of(args: argparse.Namespace):
    """The evaluation that the flags ask for.

    Raises:
        FileNotFoundError: If a folder or file does not exist.
        ValueError: If flags do not fit together or to the folders.
    """
    from mmfusion.evaluation.folders import FolderEvaluation, named_folders
    from mmfusion.evaluation.protocol import Protocol
    from mmfusion.evaluation.selection import split_words
    from mmfusion.fileio import read_lines
    from mmfusion.tasks import TASKS, metric_order
    if bool(args.sources) == bool(args.vis or args.ir) or bool(
            args.vis) != bool(args.ir):
        raise ValueError('Expected either --vis DIR and --ir DIR, or '
                         '--sources DIR DIR.')
    if args.workers is not None and args.workers < 1:
        raise ValueError(
            f'Expected --workers of 1 or more, got {args.workers}.')
    if args.sources and args.task:
        raise ValueError('Expected --task with --vis and --ir, got it with '
                         '--sources: name these NAME=DIR.')
    rules = None
    if args.sources:
        sources = named_folders(args.sources)
        if len(sources) < 2:
            raise ValueError('Expected two folders or more after --sources, '
                             f'got {args.sources}.')
    else:
        first, second = TASKS[args.task or 'ivf'].modalities
        folders = {first: args.vis, second: args.ir}
        sources = {name: folders[name] for name in metric_order(folders)}
        rules = {first: args.vis_stem, second: args.ir_stem}
    metrics = split_words(args.metrics) if args.metrics else None
    protocol = Protocol(
        metrics=metrics and tuple(metrics), preset=args.preset,
        channels=args.channels, quantize=not args.no_quantize, grey=args.grey,
        stretch=args.stretch, data_range=args.data_range, **{
            key: value for key, value in loading_of(args).items() if value
        })
    stems = None
    if args.stems:
        stems = read_lines(args.stems)
    fused = args.fused
    if not args.methods_from_names:
        fused = named_folders(fused)
    elif len(fused) > 1:
        raise ValueError('Expected one folder after --fused with '
                         f'--methods-from-names, got {len(fused)}.')
    else:
        fused = fused[0]
    return FolderEvaluation(fused, sources, args.out, protocol, args.restart,
                            fused_rule=args.fused_stem, source_rules=rules,
                            stems=stems)


def main() -> int:
    """Measure what the flags say; see ``--help``.

    Returns:
        int: 0, or 1 if an image could not be measured.
    """
    # Images are spread over processes: before NumPy is there, one thread
    # each.
    for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
        os.environ.setdefault(name, '1')
    args = parse_args()
    refuse_sources(args, 'out')
    if args.list:
        from mmfusion.evaluation.listing import list_metrics
        print(list_metrics())
        return 0
    missing = [
        f'--{name}' for name in ('fused', 'out') if not getattr(args, name)
    ]
    if missing:
        raise UsageError(f'Expected {" and ".join(missing)}, or --list.')
    try:
        evaluation = evaluation_of(args)
    except ValueError as error:
        raise UsageError(str(error)) from error
    from mmfusion.utils.claims import claimed
    try:
        with claimed(args.out):
            scores = evaluation.run(args.workers)
    except ChildProcessError as error:
        raise UsageError(f'{error} What is measured is kept.') from error
    if scores.table.images:
        print(scores.table.to_markdown(['mean']))
        print(f'wrote {args.out}')
    announce(scores.problems, 'problem')
    return int(bool(scores.problems))
