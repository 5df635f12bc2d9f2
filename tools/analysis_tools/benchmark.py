"""Measure a config's model: parameters, FLOPs, speed and memory."""
import argparse
import sys

from prettytable import PrettyTable

from mmfusion.cli.flags import (add_device, add_measured_model, add_threads,
                                one_of)
from mmfusion.cli.legacy import read_config, run
from mmfusion.cli.outputs import refuse_sources

DTYPES = dict(fp32='float32', bf16='bfloat16', fp16='float16')


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add_measured_model(parser)
    parser.add_argument('--batch', type=int, default=1)
    add_device(parser, 'cpu')
    parser.add_argument('--dtype', **one_of(DTYPES), default='fp32',
                        help='bf16 and fp16 run under autocast')
    parser.add_argument('--no-optimize', action='store_true',
                        help='measure the network as it is trained')
    parser.add_argument('--warmup', type=int, default=3)
    parser.add_argument('--runs', type=int, default=10)
    add_threads(parser)
    parser.add_argument('--json', metavar='FILE', help='also write here')
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'json')
    cfg = read_config(args)
    import torch

    from mmfusion.analysis import complexity
    from mmfusion.analysis.speed import device_name, measure
    from mmfusion.utils.files import write_json
    if args.threads:
        torch.set_num_threads(args.threads)
    dtype = getattr(torch, DTYPES[args.dtype])
    network = complexity.network_of(cfg, args.part)
    result = dict(config=args.config, part=args.part, shape=list(args.shape),
                  batch=args.batch, device=device_name(args.device),
                  threads=torch.get_num_threads(), dtype=args.dtype,
                  optimized=not args.no_optimize, torch=torch.__version__,
                  parameters_m=complexity.count_parameters(network) / 1e6,
                  gflops=complexity.count_flops(network, args.shape)[''] / 1e9)
    network = complexity.network_of(cfg, args.part, not args.no_optimize,
                                    args.device)
    inputs = complexity.random_input(args.shape, args.batch, args.device,
                                     complexity.input_channels(network))
    result.update(measure(network, inputs, args.warmup, args.runs, dtype))
    table = PrettyTable(['', 'value'])
    table.align = 'l'
    for name, value in result.items():
        table.add_row(
            [name, f'{value:.3f}' if isinstance(value, float) else value])
    print(table)
    if args.json:
        write_json(args.json, result)


if __name__ == '__main__':
    sys.exit(run(main))
