"""Fuse pairs by a teacher: the images that a student learns from.

Any config with a model will do, of a diffusion sampler
(configs/_base_/models/ddfm.py), a trained fuser or a rule. Writes
OUT/STEM.png of the visible image's size and OUT/manifest.json with settings,
seed and checksums. A run that was interrupted goes on where it stopped; an
image depends on the seed and its name alone, so that shards agree with a
single run.
"""
import argparse
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli.flags import (add_config, add_device, add_overwrite,
                                add_pair_folders, one_of)
from mmfusion.cli.legacy import read_config, run


def _shard(text: str) -> tuple:
    try:
        index, count = map(int, text.split('/'))
        if 0 <= index < count:
            return index, count
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f'expected I/N with 0 <= I < N, such as 0/4, got {text!r}')


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'expected a number of at least 1, got {text!r}')
    return int(text)


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add_config(parser, help='config with the teacher as its model')
    add('checkpoint', nargs='?', help='weights of the model')
    add('--data-root', metavar='DIR',
        help='folder with VIS and IR; writes TEACHER_FUSED into it')
    add_pair_folders(parser)
    add('--out', metavar='DIR', help='where the images go')
    add('--steps', type=_count, metavar='N', help='sampling steps')
    add('--seed', type=int, default=3407,
        help='each image draws from this and its name; default %(default)s')
    add_device(parser)
    add('--fp16', action='store_true', help='denoiser in half precision (GPU)')
    add('--tile', type=int, nargs=2, metavar=('SIDE', 'OVERLAP'),
        help='denoise in tiles, pixels')
    add(
        '--color', **one_of(
            ('teacher', 'vis-chroma', 'gray')), default='teacher',
        help="colour of the teacher's image (that of the visible image for "
        'teachers that fuse luminance), of the visible image, or none')
    add(
        '--norm', **one_of(('minmax', 'clamp')),
        help='stretch each image, or keep brightness (for video and mixed '
        'sets); default what the config says')
    add('--num-samples', type=_count, default=1, metavar='K',
        help='samples of a diffusion teacher that are made into one image')
    add('--reduce', **one_of(('mean', 'median', 'best-qabf')), default='mean',
        help='how; default %(default)s')
    add(
        '--save-features', metavar='PLACE',
        help="also write OUT_features/STEM.npz (float16) of a tensor such as "
        "'aux.content' or 'module.encoder.3'")
    add('--shard', type=_shard, default=(0, 1), metavar='I/N',
        help='make every N-th image from the I-th on')
    add('--processes', type=_count, default=1, metavar='N',
        help='start N shards on this machine')
    add('--restart', action=argparse.BooleanOptionalAction, default=False,
        help='make all images anew, whatever is there')
    add_overwrite(parser)
    add('--limit', type=_count, metavar='N', help='take the first N pairs')
    add('--check', action='store_true',
        help='print statistics and point at odd images')
    add('--allow-random', action='store_true',
        help='accept a teacher without weights')
    args = parser.parse_args(argv)
    if args.data_root:
        if args.vis or args.ir or args.out:
            parser.error('--data-root says where all is: leave --vis, --ir '
                         'and --out out.')
        root = Path(args.data_root)
        args.vis, args.ir = str(root / 'VIS'), str(root / 'IR')
        args.out = str(root / 'TEACHER_FUSED')
    if not (args.vis and args.ir and args.out):
        parser.error('name --data-root, or --vis, --ir and --out.')
    if args.processes > 1 and args.shard != (0, 1):
        parser.error('--processes makes shards itself: leave --shard out.')
    if args.restart and args.shard != (0, 1):
        parser.error(
            'one shard cannot restart the others, whose images would mix '
            f'with its own: remove {args.out}/manifest*.json once, then '
            'start all shards without --restart.')
    return args


def run_shards(args: argparse.Namespace, argv: list) -> int:
    """Run this tool once a shard, side by side; the worst exit code.

    The shards share the CPU cores, and several GPUs take turns where
    ``--device`` does not name one.
    """
    import torch

    from mmfusion.distill.teacher_manifest import forget
    from mmfusion.fileio.paths import check_outputs
    count = args.processes
    check_outputs([(args.out, ())], (args.vis, args.ir))
    if args.restart:
        forget(Path(args.out))
        argv = [*argv, '--overwrite']
    cores = (len(os.sched_getaffinity(0))
             if hasattr(os, 'sched_getaffinity') else os.cpu_count())
    environment = {
        'OMP_NUM_THREADS': str(max(1, cores // count)),
        **os.environ
    }
    gpus = (torch.cuda.device_count() if args.device in (None, 'cuda') else 0)
    command = [
        sys.executable,
        str(Path(__file__).resolve()), *argv, '--processes', '1',
        '--no-restart'
    ]
    jobs = []
    for index in range(count):
        device = ['--device', f'cuda:{index % gpus}'] if gpus > 1 else []
        jobs.append(
            subprocess.Popen(
                [*command, *device, '--shard', f'{index}/{count}'],
                env=environment))
    return max(abs(job.wait()) for job in jobs)


def main():
    argv = sys.argv[1:]
    args = parse_args(argv)
    if args.processes > 1:
        return run_shards(args, argv)
    from mmengine.device import get_device

    from mmfusion.distill.teacher_images import TeacherOptions, make_teacher
    from mmfusion.utils.claims import claimed
    args.device = args.device or get_device()
    options = TeacherOptions(**{
        item.name: getattr(args, item.name) for item in fields(TeacherOptions)
    })
    cfg = read_config(args)
    index, count = args.shard
    with claimed(args.out, f'run_{index}_of_{count}.lock'):
        return make_teacher(cfg, args.checkpoint, args.vis, args.ir, args.out,
                            options)


if __name__ == '__main__':
    sys.exit(run(main))
