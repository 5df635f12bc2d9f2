"""Count the parameters and FLOPs of a config's model."""
import argparse
import sys

from prettytable import PrettyTable

from mmfusion.cli.flags import add_measured_model
from mmfusion.cli.legacy import read_config, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_measured_model(parser)
    parser.add_argument('--depth', type=int, default=2,
                        help='levels of modules to list')
    args = parser.parse_args()
    cfg = read_config(args)
    from mmfusion.analysis.complexity import (count_flops, count_parameters,
                                              network_of)
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
