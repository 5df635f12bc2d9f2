"""``mmfusion video`` and ``tools/video_demo.py``."""
import argparse
import sys
from collections.abc import Sequence

from .flags import (add_backend, add_device, add_loading, add_overwrite,
                    add_register, add_threads, loading_of, one_of)
from .outputs import refuse_sources
from .parsing import Parser

_TEXT = '''Fuse two videos, folders of frames or cameras.
The model is a name or config with its weights, or an exported file. With
--seg alone, its fuser fuses.'''


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(description=_TEXT)
    parser.add_argument(
        'model', nargs='*', metavar='MODEL',
        help='name or config, and checkpoint; or an exported '
        'file')
    parser.add_argument(
        '--vis', required=True, metavar='SRC',
        help='visible: video, URL, folder of images, number of a camera')
    parser.add_argument('--ir', required=True, metavar='SRC',
                        help='infrared, likewise')
    parser.add_argument('--out', metavar='FILE',
                        help='.mp4, .mov, .mkv, .avi, or a folder')
    parser.add_argument('--show', action='store_true',
                        help='open a window; q ends')
    parser.add_argument(
        '--seg', nargs='+', metavar='SEG',
        help='config and checkpoint of a FuserSegmenter that labels the '
        'fused frames, or an exported file of --part full')
    parser.add_argument(
        '--homography', metavar='FILE',
        help='3x3 matrix, infrared to visible pixels: .npy, .json or text')
    parser.add_argument('--fps', type=float,
                        help="of the result; default --vis's")
    parser.add_argument(
        '--source-fps', type=float,
        help='overrules what both sources say; folders have 25')
    parser.add_argument('--offset', type=float, default=0., metavar='SECONDS',
                        help='by which the infrared stream is late')
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument(
        '--norm', **one_of(('auto', 'clamp', 'steady')), default='auto',
        help='steady: min-max whose bounds follow the video slowly; auto: '
        'that, where the model stretches stills')
    parser.add_argument(
        '--momentum', type=float, default=0.95,
        help='share of the past in the bounds of --norm steady')
    parser.add_argument(
        '--blend', type=float, default=0.,
        help='share of the frame before, moved along; steadier, slower')
    parser.add_argument('--flicker', action='store_true',
                        help='measure flicker')
    parser.add_argument('--limit', type=int, metavar='N',
                        help='fuse N frames at most')
    add_backend(parser)
    parser.add_argument('--precision', **one_of(
        ('fp32', 'bf16')), default='fp32',
                        help='of an exported file; bf16 with openvino')
    add_loading(parser)
    add_register(parser)
    add_threads(parser)
    add_device(parser)
    add_overwrite(parser)
    parser.add_argument('--json', metavar='FILE', help='write numbers here')
    args = parser.parse_args(argv)
    if not (args.out or args.show):
        parser.error('nothing to do: give --out FILE, --show, or both.')
    if len(args.model) > 2 or not (args.model or args.seg):
        parser.error('expected a config and its checkpoint, an exported '
                     f'file, or --seg CFG CKPT, got {args.model}.')
    if args.seg and len(args.seg) > 2:
        parser.error('expected --seg CFG CKPT or --seg FILE, got '
                     f'{args.seg}.')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Fuse what the flags say; see ``--help``.

    Returns:
        int: 0, or 1 if there was no pair of frames.
    """
    args = parse_args(argv)
    refuse_sources(args, 'out', 'json')
    import torch

    from mmfusion.apis.model_loading import init_model, require_weights
    from mmfusion.models.exported.runtimes import is_exported
    from mmfusion.utils.errors import UsageError
    from mmfusion.utils.files import write_json
    from mmfusion.utils.interruption import Interrupted
    from mmfusion.utils.loading_steps import state_loading
    from mmfusion.utils.progress import announce
    from mmfusion.video import FusionStream, read_homography, summary
    if args.seg and len(args.seg) == 1 and not is_exported(args.seg[0]):
        raise UsageError('Expected --seg CFG CKPT, or --seg with a file of '
                         f'tools/deployment/export.py, got {args.seg[0]!r}.')
    homography = args.homography and read_homography(args.homography)
    if args.threads:
        torch.set_num_threads(args.threads)

    def load(*files):
        exported = any(map(is_exported, files))
        gpu = torch.cuda.is_available() and not exported
        options = dict(threads=args.threads, precision=args.precision)
        made = init_model(*files, device=args.device
                          or ('cuda' if gpu else 'cpu'), fuser_is_enough=files
                          != tuple(args.seg or ()),
                          backend=args.backend if exported else None,
                          backend_options=options if exported else None)
        require_weights(made, files[0])
        return made

    segmenter = args.seg and load(*args.seg)
    model = load(*args.model) if args.model else segmenter
    state_loading(model.cfg, **loading_of(args))
    stream = FusionStream(model, args.vis, args.ir, segmenter=segmenter,
                          fps=args.fps, source_fps=args.source_fps,
                          offset=args.offset, homography=homography,
                          batch_size=args.batch, norm=args.norm,
                          momentum=args.momentum, blend=args.blend,
                          flicker=args.flicker, limit=args.limit)
    result = stream.run(args.out, args.show, overwrite=args.overwrite)
    print(summary(result))
    if args.json:
        write_json(args.json, result)
    if result['interrupted']:
        kept = args.out and result['frames'] and f'{args.out} is complete '
        raise Interrupted(
            f'{kept or "nothing is written "}up to here, '
            f'{result["frames"]} frames. The same command begins anew.')
    if not result['frames']:
        print('error: no pair of frames was fused', file=sys.stderr)
        return 1
    if result['frames'] == 1 and args.limit != 1:
        announce([
            'one of the videos has a single frame, and so has the '
            'result: mmfusion fuse takes images, too.'
        ])
    if args.out:
        print(f'wrote {args.out}')
    return 0
