"""``mmfusion list``."""
import fnmatch
import sys

from mmfusion.utils.model_index import list_models, model_entry

from ..parsing import Parser, console_on


def main() -> int:
    """Show all models, or those that fit a pattern.

    Returns:
        int: 0, or 1 if none fits.
    """
    parser = Parser(description='List the models that --model takes.')
    parser.add_argument('pattern', nargs='?', default='*',
                        help="such as 'realtime*'")
    parser.add_argument('--names', action='store_true',
                        help='names alone, one a line')
    parser.add_argument('--weights', action='store_true',
                        help='those with weights in the box, or without need')
    args = parser.parse_args()
    entries = [model_entry(name) for name in list_models('*')]
    shown = [
        entry for entry in entries if entry is not None and any(
            fnmatch.fnmatch(name, args.pattern)
            for name in (entry.name,
                         entry.config)) and (not args.weights or entry.ready)
    ]
    if args.names:
        print('\n'.join(entry.name for entry in shown))
    elif shown:
        from rich.table import Table
        table = Table(box=None, pad_edge=False, header_style='bold')
        table.add_column('name', style='cyan', no_wrap=True)
        for heading in ('method', 'trained on', 'weights'):
            table.add_column(heading)
        for entry in shown:
            table.add_row(entry.name, entry.collection, entry.trained_on,
                          entry.source)
        console_on(sys.stdout).print(table)
    else:
        print(f'no model fits {args.pattern!r}', file=sys.stderr)
    return int(not shown)
