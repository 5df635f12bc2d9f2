"""``mmfusion demo``."""
import argparse
from collections.abc import Sequence

from mmfusion.utils.model_index import DEFAULT, list_models, model_entry

from ..models import check_model
from ..parsing import Parser


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(
        description='Serve a page that fuses two images in the browser.',
        epilog='mmfusion demo\n'
        'mmfusion demo --models default my_config.py=my_weights.pth')
    parser.add_argument(
        '--models', nargs='+', metavar='NAME[=FILE]',
        help='to choose from, with weights or without; default: all that '
        'fuse as they are installed')
    parser.add_argument(
        '--host', default='127.0.0.1',
        help='address to listen at; default %(default)s, which only this '
        'machine reaches. There is no password')
    parser.add_argument('--port', type=int,
                        help='default: the first free one from 7860 on')
    parser.add_argument('--max-mb', type=float, default=64, metavar='N',
                        help='largest file; default %(default)s')
    parser.add_argument('--max-megapixels', type=float, default=24,
                        metavar='N', help='largest image; default %(default)s')
    return parser.parse_args(argv)


def main() -> None:
    """Serve the page until a signal; see ``--help``."""
    args = parse_args()
    chosen = [name.partition('=')[::2] for name in args.models or ready()]
    for name, weights in chosen:
        check_model(name, weights or None)
    from mmfusion.web.fusing import PageModel
    from mmfusion.web.serving import serve
    from mmfusion.web.uploads import UploadLimits
    serve([PageModel(name, weights or None) for name, weights in chosen],
          args.host, args.port, UploadLimits(args.max_mb, args.max_megapixels))


def ready() -> list[str]:
    """Models that fuse as they are installed, the default first."""
    names = [
        name for name in list_models('*')
        if (entry := model_entry(name)) and entry.ready
    ]
    return sorted(names, key=lambda name: name != DEFAULT)
