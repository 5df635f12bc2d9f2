"""Quantize an exported ONNX file to INT8 and measure what that costs.

    python tools/deployment/quantize.py model.onnx model_int8.onnx \\
        --vis DIR --ir DIR --num 64 --eval 20

Calibrates on the first pairs and measures on the last ones, none of which
was used to calibrate: dB between both models' 8-bit images, and the change
of the fusion metrics.
"""
import argparse
import sys

from mmfusion.cli.flags import (add_loading, add_pair_folders, loading_of,
                                one_of)
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='.onnx of tools/deployment/export.py')
    parser.add_argument('out', help='.onnx to write')
    add_pair_folders(parser, required=True)
    add_loading(parser)
    parser.add_argument('--num', type=int, default=32,
                        help='pairs to calibrate with')
    parser.add_argument('--eval', type=int, default=0, metavar='N',
                        help='measure on N other pairs')
    parser.add_argument('--method',
                        **one_of(('minmax', 'percentile', 'entropy')),
                        default='minmax')
    parser.add_argument(
        '--operators', **one_of(('conv', 'all')), default='conv',
        help='what computes in INT8; default convolutions alone')
    parser.add_argument(
        '--skip', nargs='+', default=(), metavar='PART',
        help='nodes whose names hold one of these stay in float')
    parser.add_argument('--mode', **one_of(('static', 'dynamic')),
                        default='static')
    parser.add_argument('--backend', **one_of(
        ('onnxruntime', 'openvino')), default='onnxruntime',
                        help='what runs both models for --eval')
    parser.add_argument('--json', metavar='FILE', help='also write here')
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'out', 'json')
    from mmfusion.apis.inferencer import task_of_model
    from mmfusion.apis.pairs import match_folders
    from mmfusion.deployment import compare_models, quantize
    from mmfusion.deployment.accuracy import accuracy_table
    from mmfusion.models.exported import backend_model
    from mmfusion.utils.errors import UsageError
    from mmfusion.utils.files import write_json
    from mmfusion.utils.loading_steps import state_loading
    from mmfusion.utils.progress import announce
    first = backend_model(args.model, backend=args.backend)
    state_loading(first.cfg, **loading_of(args))
    pairs, unmatched = match_folders(args.vis, args.ir,
                                     task_of_model(first).modalities)
    announce(unmatched, 'no partner')
    if args.num < 1 or args.eval < 0:
        raise UsageError('Expected --num of at least 1 and --eval of at '
                         f'least 0, got {args.num} and {args.eval}.')
    if args.num + args.eval > len(pairs):
        raise UsageError(
            f'Expected at least {args.num} + {args.eval} pairs, got '
            f'{len(pairs)}. Lower --num or --eval.')
    report = quantize(args.model, args.out, pairs[:args.num], args.method,
                      args.operators, args.skip, args.mode, loading_of(args))
    print(f'wrote {report["path"]} ({report["mib"]:.2f} MiB), '
          f'{report["quantized"]} nodes in INT8, calibrated on '
          f'{report["pairs"]} pairs')
    if args.eval:
        last = backend_model(args.out, backend=args.backend)
        state_loading(last.cfg, **loading_of(args))
        results = compare_models(first, {args.out: last}, pairs[-args.eval:])
        print(accuracy_table(results))
        report['accuracy'] = results[args.out]
    if args.json:
        write_json(args.json, report)


if __name__ == '__main__':
    sys.exit(run(main))
