"""``tools/test_fusion.py``."""
import os
import sys
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
    if args.work_dir and not args.out_dir:
        args.out_dir = os.path.join(args.work_dir, 'test_result')
    done = fuse(
        config_of(args), args.checkpoint, args.vis, args.ir, args.out_dir,
        task=args.task, text=TextOptions(args.text_features, args.captions,
                                         args.text_encoder),
        device=args.device, backend=args.backend, save_mode=args.save_mode,
        grey=args.grey, show_dir=args.show_dir, score_thr=args.score_thr,
        eval=args.eval)
    for path in done.unmatched:
        print(f'no partner: {path}', file=sys.stderr)
    for name, reason in done.failures:
        print(f'failed: {name}: {reason}', file=sys.stderr)
    return int(bool(done.failures or done.unmatched))
