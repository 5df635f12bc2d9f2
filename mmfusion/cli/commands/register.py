"""``mmfusion register``."""
import argparse
from collections.abc import Sequence

from mmfusion.fileio.registering import METHODS

from ..flags import add_overwrite, one_of
from ..parsing import Parser


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(
        description='Find the homography from an infrared image to a visible '
        'one of the same view, for --register of the tools that fuse, and '
        'move the infrared image by it.')
    parser.add_argument('vis', metavar='VIS',
                        help='visible image, or the first of a pair')
    parser.add_argument('ir', metavar='IR', help='infrared image')
    parser.add_argument('-m', '--matrix', metavar='JSON',
                        help='where matrix, sizes and quality go')
    parser.add_argument(
        '-o', '--output', metavar='IMAGE',
        help="where the infrared image in the visible one's pixels goes")
    parser.add_argument(
        '--method', **one_of(METHODS), default='auto',
        help='phase: shift, scale and angle; ecc: refined to a homography; '
        'features: SIFT; auto, the default: the best of all')
    add_overwrite(parser)
    args = parser.parse_args(argv)
    if not (args.matrix or args.output):
        parser.error('nothing to write: give --matrix JSON, --output IMAGE, '
                     'or both.')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Register what the flags name; see ``--help``."""
    args = parse_args(argv)
    from mmfusion.apis.registering import register_pair
    found = register_pair(args.vis, args.ir, args.output, args.matrix,
                          args.method, args.overwrite)
    print(f'{found.method}: edges agree to {found.after:.2f}, '
          f'{found.before:.2f} before (1 is equal)')
    for path in filter(None, (args.matrix, args.output)):
        print(f'wrote {path}')
    return 0
