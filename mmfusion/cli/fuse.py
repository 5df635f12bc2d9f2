"""``tools/test_fusion.py``."""
import os
from collections.abc import Sequence

from .legacy import config_of, start


def main(argv: Sequence[str] | None = None) -> int:
    """Fuse what the flags say; see ``--help``.

    Returns:
        int: 0, or 1 if a pair failed or an image has no partner; these are
        named on stderr.
    """
    args = start('test_fusion', argv)
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis import TextOptions, fuse
    from mmfusion.utils.progress import announce
    if args.work_dir and not args.out_dir:
        args.out_dir = os.path.join(args.work_dir, 'test_result')
    done = fuse(
        config_of(args), args.checkpoint, args.vis, args.ir, args.out_dir,
        more=args.more, task=args.task,
        text=TextOptions(args.text_features, args.captions, args.text_encoder),
        device=args.device, backend=args.backend, save_mode=args.save_mode,
        grey=args.grey, show_dir=args.show_dir, score_thr=args.score_thr,
        eval=args.eval, overwrite=args.overwrite, max_memory=args.max_memory)
    announce(done.unmatched, 'no partner')
    announce(map(': '.join, done.failures), 'failed')
    return int(bool(done.failures or done.unmatched))
