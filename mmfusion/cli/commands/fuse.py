"""``mmfusion fuse``."""
import argparse
from collections.abc import Sequence

from mmfusion.utils.errors import UsageError
from mmfusion.utils.fusing_only import import_without_training
from mmfusion.utils.progress import announce

from ..flags import (add_backend, add_device, add_loading, add_memory,
                     add_model, add_overwrite, add_register, add_saving,
                     add_task, add_text, add_threads)
from ..models import check_model, load_model
from ..parsing import Parser


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = Parser(
        description='Fuse two images into one, two folders or patterns of '
        'images into a folder, or two videos into one.',
        epilog='mmfusion fuse visible.png infrared.png -o fused.png\n'
        'mmfusion fuse visible/ infrared/ -o fused/\n'
        "mmfusion fuse '*_vis.png' '*_ir.png' -o fused/\n"
        'mmfusion fuse visible.mp4 infrared.mp4 -o fused.mp4')
    parser.add_argument(
        'vis', metavar='VIS', help='image, folder, quoted pattern or video: '
        "the visible one, or the task's first modality")
    parser.add_argument('ir', metavar='IR',
                        help='the infrared one, or the second modality')
    parser.add_argument(
        'more', nargs='*', metavar='MORE',
        help='further sources, for models that take any '
        'number')
    parser.add_argument('-o', '--output', required=True, metavar='OUT',
                        help='image, folder or video to write')
    add_model(parser)
    add_task(parser, "what the sources hold; default the model's, ivf")
    add_saving(parser)
    parser.add_argument(
        '--panel', metavar='OUT',
        help='also write sources and result side by side: an image, or a '
        'folder')
    add_device(parser)
    add_threads(parser)
    add_backend(parser)
    add_loading(parser)
    add_register(parser)
    add_memory(parser)
    add_text(parser)
    add_overwrite(parser)
    args = parser.parse_args(argv)
    args.sources = [args.vis, args.ir, *args.more]
    return args


def main() -> int:
    """Fuse what the flags name; see ``--help``.

    Returns:
        int: 0, or 1 if a pair failed or an image has no partner; these are
        named on stderr.
    """
    args = parse_args()
    kind = check_args(args)
    import_without_training()
    if kind == 'video':
        return _fuse_videos(args)
    if args.threads:
        import torch
        torch.set_num_threads(args.threads)
    from mmfusion.apis.fusing_files import fuse_files
    from mmfusion.apis.text import TextOptions
    done = fuse_files(
        load_model(args), args.sources, args.output,
        TextOptions(args.text_features, args.captions, args.text_encoder),
        save_mode=args.save_mode, grey=args.grey, show_dir=args.panel,
        overwrite=args.overwrite, max_memory=args.max_memory)
    if kind == 'image' and done.failures:
        raise UsageError(done.failures[0][1])
    announce(done.unmatched, 'no partner')
    announce(map(': '.join, done.failures), 'failed')
    print(f'wrote {done.out_dir}' if kind ==
          'image' else f'fused {len(done.samples)} of '
          f'{len(done.samples) + len(done.failures)} pairs into '
          f'{done.out_dir}')
    return int(bool(done.failures or done.unmatched))


def check_args(args: argparse.Namespace) -> str:
    """The kind of the sources, after all that arguments alone can tell.

    Raises:
        UsageError: If they do not fit together; before the seconds that
            importing torch takes.
        FileNotFoundError: If a source, the model or its weights are missing.
    """
    if bool(args.captions) != bool(args.text_encoder):
        raise UsageError('--captions and --text-encoder go together: name '
                         'both, or give --text-features.')
    from mmfusion.fileio.kinds import VIDEO_SUFFIXES, common_kind, image_path
    kind = common_kind(args.sources)
    check_model(args.model, args.weights)
    is_video = args.output.lower().endswith(VIDEO_SUFFIXES)
    if is_video and kind != 'video':
        raise UsageError(f'Expected an image or a folder after -o for {kind}s,'
                         f' got {args.output!r}.')
    if kind == 'image':
        path = image_path(args.output, args.sources[0])
        if args.more and str(path) != args.output:
            raise UsageError(
                f'Expected two images for a folder, got {len(args.sources)}. '
                'Put patterns in quotes, so that the shell leaves them alone.')
    if kind == 'video' and args.more:
        raise UsageError(f'Expected two videos, got {len(args.sources)}.')
    return kind


def _fuse_videos(args: argparse.Namespace) -> int:
    """By ``mmfusion video``, which has more settings."""
    from ..video import main as fuse_videos
    idle = [
        f'--{name.replace("_", "-")}'
        for name, usual in (('task', None), ('save_mode', 'round'),
                            ('grey', False), ('panel', None), ('text_features',
                                                               None),
                            ('captions', None), ('max_memory', None))
        if getattr(args, name) != usual
    ]
    if idle:
        raise UsageError(f'{", ".join(idle)}: not of videos. Leave it out.')
    vis, ir = args.sources
    words = [
        args.model, *filter(None, [args.weights]), f'--vis={vis}',
        f'--ir={ir}', f'--out={args.output}'
    ]
    for name in ('device', 'threads', 'backend', 'on_size_mismatch',
                 'register'):
        if getattr(args, name) is not None:
            words.append(f'--{name.replace("_", "-")}={getattr(args, name)}')
    if args.uint16_range is not None:
        limits = args.uint16_range
        words += [
            '--uint16-range',
            *map(str, [limits] if isinstance(limits, str) else limits)
        ]
    return fuse_videos([*words, *['--overwrite'] * args.overwrite])
