"""Keep a trained fuser's weights alone, as a .safetensors file.

The file tells its config, seed and iterations; the last line printed is its
SHA-256. Every tool takes it in the place of a checkpoint.
"""
import argparse
import hashlib
import sys
from pathlib import Path

import mmfusion  # noqa: F401  isort: skip  (first, for Ctrl-C)

from mmfusion.cli.legacy import run
from mmfusion.fileio.paths import check_outputs
from mmfusion.utils.checkpoint import (SAFETENSORS, find_state_dict,
                                       read_checkpoint, write_safetensors)
from mmfusion.utils.errors import UsageError

_PREFIXES = ('fuser.', 'student.')


def pack(content, meta):
    """The fuser's tensors, under ``fuser.``, and strings that tell of them.

    Args:
        content (dict): Of a checkpoint of the runner.
        meta (dict[str, str]): Further entries.

    Returns:
        tuple[dict, dict]: Tensors and strings by name.

    Raises:
        UsageError: If the checkpoint has no fuser.
    """
    state = {
        f'fuser.{key.removeprefix(prefix)}': value.float()
        for prefix in _PREFIXES
        for key, value in find_state_dict(content).items()
        if key.startswith(prefix)
    }
    if not state:
        raise UsageError('Expected a checkpoint with a fuser, got one without '
                         f'keys under {" or ".join(_PREFIXES)}. Train one '
                         'with tools/train.py.')
    told = content.get('meta') or {}
    meta = dict(
        format='pt', license='Apache-2.0', **{
            key: str(told[key]) for key in ('seed', 'iter', 'mmfusion_version')
            if key in told
        }, **meta)
    return state, meta


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint', help='of tools/train.py')
    parser.add_argument('out', type=Path, help=f'the file, {SAFETENSORS}')
    parser.add_argument('--config', required=True,
                        help='what it was trained with, as others call it')
    parser.add_argument('--data', required=True,
                        help='what it was trained on, and under which terms')
    args = parser.parse_args()
    check_outputs([(args.out, [args.checkpoint])])
    if args.out.suffix != SAFETENSORS:
        parser.error(f'expected OUT.safetensors, got {args.out}')
    state, meta = pack(read_checkpoint(args.checkpoint),
                       dict(config=args.config, data=args.data))
    write_safetensors(args.out, state, meta)
    count = sum(value.numel() for value in state.values())
    print(f'{args.out}: {count} weights, {args.out.stat().st_size} bytes')
    print(hashlib.sha256(args.out.read_bytes()).hexdigest())


if __name__ == '__main__':
    sys.exit(run(main))
