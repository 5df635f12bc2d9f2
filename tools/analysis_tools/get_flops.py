"""Count the parameters and FLOPs of a config's model."""
import argparse
import sys

from mmengine.config import DictAction
from prettytable import PrettyTable

from mmfusion.apis.cli import run
from mmfusion.apis.config_file import load_config


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        default=(480, 640),
        metavar=('H', 'W'),
        help='image size; default 480 640')
    parser.add_argument(
        '--part',
        choices=('full', 'fuser'),
        default='full',
        help='the whole model or its fuser alone')
    parser.add_argument(
        '--depth', type=int, default=2, help='levels of modules to list')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE')
    args = parser.parse_args()
    cfg = load_config(args.config, args.cfg_options)
    from mmfusion.apis.complexity import (
        count_flops,
        count_parameters,
        network_of,
    )
    network = network_of(cfg, args.part)
    flops = count_flops(network, args.shape, args.depth)
    table = PrettyTable(['module', 'parameters (M)', 'GFLOPs'])
    table.align = 'r'
    table.align['module'] = 'l'
    for name, count in flops.items():
        part = network.get_submodule(name)
        table.add_row([
            name or 'total', f'{count_parameters(part) / 1e6:.3f}',
            f'{count / 1e9:.2f}'
        ])
    print(table)
    print(f'one pair of {args.shape[0]}x{args.shape[1]}; a multiply-add '
          'counts as two FLOPs, elementwise operations as none')


if __name__ == '__main__':
    sys.exit(run(main))
