"""``tools/train.py``."""
from collections.abc import Sequence

from .flags import loading_of
from .legacy import config_of, start


def main(argv: Sequence[str] | None = None) -> None:
    """Train what the flags say; see ``--help``."""
    args = start('train', argv)
    # after the arguments: --gpu-id must come before torch
    from mmfusion.apis import train
    train(config_of(args), args.work_dir, resume=args.resume == 'auto'
          or args.resume or False, load_from=args.load_from, amp=args.amp,
          two_stage=args.two_stage and args.stage1_options,
          loading=loading_of(args))
