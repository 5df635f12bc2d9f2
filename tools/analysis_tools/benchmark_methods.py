"""Compare fusers and plain rules on data sets; see docs/benchmark_methods.md.
"""
import argparse
import sys
from pathlib import Path

from mmfusion.cli.flags import (add_device, add_loading, add_shape,
                                add_threads, loading_of)
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'methods', nargs='+', metavar='CONFIG_LIST',
        help='[NAME=]CONFIG[=CHECKPOINT], [NAME=]baseline:RULE (average, '
        'maximum, laplacian, guided, visible, infrared), or a .txt or .py '
        'file that lists them')
    parser.add_argument(
        '--data', nargs='+', required=True, metavar='SET',
        help='NAME=VIS_DIR,IR_DIR[,LABEL_DIR], NAME@TASK=DIR,DIR, or '
        'roadscene, tno, vifb, m3fd, msrs, mri_ct, mri_pet, mri_spect, mef, '
        'mff below MMFUSION_DATA')
    parser.add_argument(
        '--out', required=True, type=Path, metavar='DIR',
        help='page, fused images and records; run again to go on')
    parser.add_argument(
        '--presets', nargs='+', metavar='PRESET',
        help='tables that the page offers; "all" is every correct metric; '
        'default: default film cddfuse tang2023')
    parser.add_argument(
        '--metrics', nargs='+', metavar='NAME',
        help='one more table, of these metrics; alone without --presets')
    parser.add_argument(
        '--segmentor', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
        help='whose mIoU on the fused images is reported where a set has '
        'labels: a FuserSegmenter (its fuser is left out) or an mmseg model')
    parser.add_argument('--limit', type=int, metavar='N',
                        help='pairs of each set')
    add_loading(parser)
    add_device(parser)
    parser.add_argument('--workers', type=int, default=1,
                        help='processes that measure')
    add_threads(parser)
    add_shape(parser, text='size for latency and FLOPs')
    parser.add_argument('--runs', type=int, default=10,
                        help='passes that are timed')
    parser.add_argument('--strips', type=int, default=4,
                        help='pairs of each set to show')
    parser.add_argument('--restart', action='store_true',
                        help='forget what --out holds')
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'out')
    import torch
    from mmengine.device import get_device

    from mmfusion.analysis.method_benchmark import (DEFAULT_PRESETS, Options,
                                                    benchmark_methods)
    from mmfusion.utils.claims import claimed
    if args.threads:
        torch.set_num_threads(args.threads)
    options = Options(
        out=args.out, presets=args.presets
        or (() if args.metrics else DEFAULT_PRESETS), metrics=args.metrics,
        limit=args.limit, segmentor=args.segmentor, device=args.device
        or get_device(), workers=args.workers, shape=tuple(args.shape),
        runs=args.runs, strips=args.strips, restart=args.restart,
        loading=loading_of(args))
    with claimed(args.out):
        return benchmark_methods(args.methods, args.data, options)


if __name__ == '__main__':
    sys.exit(run(main))
