"""Try every network of mmseg and mmdet behind a fuser.

Each is built, trained for a step and asked to predict on small random pairs.
Prints the table of docs/compatibility.md. What was tried before is not tried
again; after an interruption, run it once more.
"""
import argparse
import os
import sys
from pathlib import Path

from mmfusion.cli.flags import one_of
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources
from mmfusion.utils.progress import track


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('--package', **one_of(('all', 'mmseg', 'mmdet')), default='all')
    add('--only', nargs='+', metavar='NAME', help='networks to try')
    add(
        '--operators', **one_of(('served', 'compiled')), default='served',
        help='whose operators mmcv calls: those in their place, or its own; '
        'where there are outcomes of both, the table tells of both')
    add('--work-dir', type=Path, default=Path('work_dirs/compatibility'),
        metavar='DIR', help='outcomes (default: %(default)s)')
    add('--again', action='store_true', help='try those tried before, too')
    add('--page', metavar='FILE', help='renew the table of this page')
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'work_dir')
    os.environ['HF_HUB_OFFLINE'] = '1'  # nothing is fetched
    from mmfusion.utils.compat import has_mmcv_ops, provide_operators
    from mmfusion.utils.errors import UsageError
    provide_operators(first=args.operators == 'served')
    if args.operators == 'compiled' and not has_mmcv_ops():
        raise UsageError('Expected an mmcv with compiled operators, got one '
                         'without: leave --operators compiled out.')
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope

    from mmfusion.analysis.compatibility import networks, table
    init_default_scope('mmfusion')
    MMLogger.get_current_instance().setLevel('ERROR')
    packages = [args.package] if args.package != 'all' else table.PACKAGES
    chosen = table.choose(
        [n for package in packages for n in networks.networks(package)],
        args.only)
    tried = table.try_all(chosen, args.work_dir, args.again)
    for key, outcome in track(tried, len(chosen)):
        if args.only:
            print(f'{key}: {table.told(outcome)}')
    text = table.as_markdown(args.work_dir)
    if args.page:
        table.renew(args.page, text)
        print(f'wrote {args.page}')
    else:
        print(text)
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
