"""``mmfusion compare``."""
import argparse
import sys
from dataclasses import replace
from typing import Any

from mmfusion.utils.errors import UsageError
from mmfusion.utils.fusing_only import import_without_training
from mmfusion.utils.progress import announce

from ..flags import (add_device, add_loading, add_overwrite, add_register,
                     add_task, add_threads, loading_of)
from ..parsing import Parser, console_on


def parse_args() -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(
        description='Fuse one pair by several models: one picture, and a '
        'table of scores.',
        epilog='mmfusion compare visible.png infrared.png --models default '
        'laplacian psfusion_msrs=FILE -o panel.png')
    parser.add_argument('vis', metavar='VIS', help='visible image')
    parser.add_argument('ir', metavar='IR', help='infrared image')
    parser.add_argument(
        '--models', nargs='+', metavar='MODEL',
        default=('default', 'average', 'maximum', 'laplacian'),
        help='[NAME=]MODEL[=WEIGHTS] each: a name of mmfusion list, a config, '
        'or a rule (average, maximum, laplacian, guided, visible, infrared)')
    parser.add_argument('-o', '--output', default='comparison.png',
                        metavar='OUT', help='the picture; default '
                        'comparison.png')
    parser.add_argument('--columns', type=int, metavar='N',
                        help='images a row; default all in one')
    parser.add_argument('--preset', default='default',
                        help='of metrics, see mmfusion eval --list')
    parser.add_argument('--metrics', nargs='+', metavar='NAME',
                        help='these in place of the preset')
    add_task(parser, "what the images are; default the models', ivf")
    add_device(parser)
    add_threads(parser)
    add_loading(parser)
    add_register(parser)
    add_overwrite(parser)
    return parser.parse_args()


def main() -> int:
    """Compare what the flags name; see ``--help``.

    Returns:
        int: 0, or 1 if a model failed.
    """
    args = parse_args()
    sources = [args.vis, args.ir]
    from mmfusion.fileio.kinds import common_kind, image_path
    if common_kind(sources) != 'image':
        raise UsageError('Expected two images, got '
                         f'{" and ".join(sources)}. mmfusion eval '
                         'compares methods on folders.')
    output = image_path(args.output, sources[0])
    import_without_training()
    import torch

    from mmfusion.analysis.method_benchmark.methods import read_methods
    from mmfusion.apis.fusing_files import fuse_files
    from mmfusion.evaluation.protocol import Protocol
    from mmfusion.evaluation.scenes import Scene, measure_scene
    from mmfusion.evaluation.selection import split_words
    from mmfusion.evaluation.sources import PairSources
    from mmfusion.fileio.paths import check_outputs
    from mmfusion.utils.files import temporary_folder
    if args.threads:
        torch.set_num_threads(args.threads)
    check_outputs([(output, sources)], overwrite=args.overwrite)
    methods = read_methods(args.models)
    metrics = args.metrics and tuple(split_words(args.metrics))
    try:
        protocol = Protocol(metrics=metrics, preset=args.preset)
    except ValueError as error:
        raise UsageError(str(error)) from error
    files, sample = {}, {}
    with temporary_folder() as folder:
        for method in methods:
            done = fuse_files(_model(args, method), sources,
                              folder / f'{method.folder}.png')
            if done.failures:
                raise UsageError(f'{method.name}: {done.failures[0][1]}')
            files[method.name] = str(done.out_dir)
            sample, = done.samples.values()
        protocol = _measurable(protocol, min(sample['ori_shape'][:2]))
        records = measure_scene(Scene(output.stem, sample, files), protocol,
                                PairSources())
        _draw(output, sample, files, args.columns)
    _print_scores([record for record in records if record.error is None],
                  protocol)
    print(f'wrote {output}')
    failed = [record for record in records if record.error is not None]
    for record in failed:
        print(f'failed: {record.method or "all"}: {record.error}',
              file=sys.stderr)
    return int(bool(failed))


def _model(args: argparse.Namespace, method: Any) -> Any:
    from mmengine.device import get_device

    from mmfusion.apis.fusing import use_task
    from mmfusion.apis.model_loading import init_model
    from mmfusion.utils.loading_steps import state_loading
    if args.task:
        use_task(method.cfg, args.task)
    model = init_model(method.cfg, method.checkpoint, args.device
                       or get_device(), fuser_is_enough=True)
    state_loading(model.cfg, **loading_of(args))
    return model


def _measurable(protocol: Any, side: int) -> Any:
    """The protocol without metrics that need larger images."""
    small = [
        head for head, spec in protocol.specs.items() if spec.min_size > side
    ]
    if not small:
        return protocol
    announce([f'{", ".join(small)}: left out, since they need larger images'])
    rest = tuple(head for head in protocol.specs if head not in small)
    return replace(protocol, metrics=rest)


def _draw(output: Any, sample: dict, files: dict[str, str],
          columns: int | None) -> None:
    """Sources and results side by side, under their names."""
    import cv2

    from mmfusion.evaluation.sources import PairSources
    from mmfusion.fileio import read_image
    from mmfusion.tasks import caption, metric_order
    from mmfusion.utils.files import write_image
    from mmfusion.visualization import draw_grid
    names = list(sample['modalities'])
    images = dict(zip(metric_order(names), PairSources()(sample), strict=True))
    tiles = {caption(name): images[name] for name in names}
    for name, path in files.items():
        tiles[name] = cv2.cvtColor(read_image(path, cv2.IMREAD_COLOR),
                                   cv2.COLOR_BGR2RGB)
    write_image(output, draw_grid(tiles, columns))


def _print_scores(records: list, protocol: Any) -> None:
    """A row a method, the best values in bold."""
    if not records:
        return
    from rich.table import Table
    from rich.text import Text

    from mmfusion.evaluation.tables import ScoreTable
    scores = ScoreTable.from_records(records, protocol.specs)
    table = Table(box=None, pad_edge=False, header_style='bold')
    table.add_column('model', style='cyan', no_wrap=True)
    for head, spec in protocol.specs.items():
        table.add_column(f'{head} {spec.arrow}', justify='right')
    table.add_column('mean rank', justify='right')
    for name in scores.images:
        values, ranks = (scores.statistics[key][name]
                         for key in ('mean', 'rank'))
        table.add_row(
            name,
            *(Text(f'{values[head]:.4g}',
                   style='bold' if ranks[head] == 1 else '')
              for head in protocol.specs), f'{scores.mean_rank(name):.2f}')
    console = console_on(sys.stdout)
    console.print(table)
    console.print('best in bold; ↑ higher, ↓ lower, →0 nearer to zero is '
                  'better')
