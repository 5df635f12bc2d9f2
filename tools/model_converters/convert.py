"""Convert authors' checkpoints to ours and back.

The result is ``{'state_dict': ..., 'meta': ...}`` with the fuser's keys
under ``fuser.``. One mapping table a method lies in ``mappings/``.
"""
import argparse
import sys
from collections.abc import Mapping
from typing import Any

import mmfusion  # noqa: F401  isort: skip  (first, for Ctrl-C)

import torch
from mappings import MAPPINGS, KeyMapping

from mmfusion.cli.flags import one_of
from mmfusion.cli.legacy import run
from mmfusion.fileio.paths import check_outputs
from mmfusion.utils.checkpoint import find_state_dict, read_checkpoint
from mmfusion.utils.files import finished_file


def tables_of(method: str) -> tuple[KeyMapping, ...]:
    """A method's tables, one for each kind of file.

    Raises:
        ValueError: If the method is unknown.
    """
    if method not in MAPPINGS:
        raise ValueError(f'Expected a method out of {sorted(MAPPINGS)}, got '
                         f'{method!r}.')
    return MAPPINGS[method]


def choose(checkpoint: Any, method: str, reverse: bool = False) -> KeyMapping:
    """The table of a method that fits a checkpoint's keys best.

    Args:
        checkpoint (object): What is to be converted.
        method (str): A name in ``mappings.MAPPINGS``.
        reverse (bool): Whether the checkpoint is ours. Defaults to False.

    Returns:
        KeyMapping: One of the method's tables.

    Raises:
        ValueError: If the method is unknown or there is no state dict.
    """
    tables = tables_of(method)
    if len(tables) == 1:
        return tables[0]
    keys = set(find_state_dict(checkpoint))
    return min(
        tables, key=lambda table: len(
            keys.symmetric_difference(table.our_shapes() if reverse else table.
                                      reference_shapes())))


def convert(checkpoint: Any, mapping: KeyMapping) -> dict[str, dict]:
    """Turn the content of an authors' checkpoint into ours.

    Args:
        checkpoint (object): A state dict, bare or under ``'state_dict'`` or
            the mapping's container, with or without ``module.``.
        mapping (KeyMapping): The method's table.

    Returns:
        dict: ``state_dict`` and ``meta``. ``meta['unused']`` keeps the
        tensors our network has no use for, ``meta['dataset_meta']`` the
        class names and the palette where the checkpoint tells them.

    Raises:
        ValueError: If a key is missing, unexpected or misshapen.
    """
    state, unused = mapping.convert(
        find_state_dict(checkpoint, mapping.container))
    meta = dict(_meta(checkpoint))
    dataset_meta = {
        ours: meta.pop(theirs)
        for theirs, ours in (('CLASSES', 'classes'), ('PALETTE', 'palette'))
        if theirs in meta
    }
    if dataset_meta:
        meta['dataset_meta'] = dataset_meta
    meta.update(method=mapping.method, unused=unused)
    return dict(state_dict=state, meta=meta)


def revert(checkpoint: Any, mapping: KeyMapping) -> dict[str, dict]:
    """Inverse of :func:`convert`.

    Args:
        checkpoint (object): Our checkpoint, e.g. a training checkpoint.
        mapping (KeyMapping): The method's table.

    Returns:
        dict: The authors' keys under the mapping's container, and ``meta``.

    Raises:
        ValueError: If a key is missing, unexpected or misshapen.
    """
    meta = dict(_meta(checkpoint))
    state = find_state_dict(checkpoint)
    # the normalisation between the networks belongs to our wrapper
    state = {
        key: value for key, value in state.items()
        if not key.startswith('data_preprocessor.')
    }
    state = mapping.revert(state, meta.pop('unused', {}))
    dataset_meta = meta.pop('dataset_meta', None) or {}
    for theirs, ours in (('CLASSES', 'classes'), ('PALETTE', 'palette')):
        if ours in dataset_meta:
            meta[theirs] = dataset_meta[ours]
    meta.pop('method', None)
    return {mapping.container: state, 'meta': meta}


def _meta(checkpoint: Any) -> Mapping[str, Any]:
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def convert_file(source: str, target: str, method: str,
                 reverse: bool = False) -> dict[str, dict]:
    """Convert a file; the target appears complete or not at all.

    Args:
        source (str): Checkpoint to read.
        target (str): Checkpoint to write.
        method (str): A name in ``mappings.MAPPINGS``.
        reverse (bool): From ours to the authors'. Defaults to False.

    Returns:
        dict: What was written.

    Raises:
        FileNotFoundError: If there is no ``source``.
        ValueError: If the method is unknown, the checkpoint does not fit,
            or ``target`` is ``source``.
    """
    check_outputs([(target, (source, ))])
    work = revert if reverse else convert
    read = read_checkpoint if reverse else tables_of(method)[0].read
    checkpoint = read(source)
    result = work(checkpoint, choose(checkpoint, method, reverse))
    with finished_file(target) as draft:
        torch.save(result, draft)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--method', required=True, **one_of(sorted(MAPPINGS)))
    parser.add_argument('source', metavar='IN', help='checkpoint to read')
    parser.add_argument('target', metavar='OUT', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true',
                        help="from ours to the authors'")
    args = parser.parse_args()
    try:
        result = convert_file(args.source, args.target, args.method,
                              args.reverse)
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f'{error}\n')
    state = next(iter(result.values()))
    unused = len(result['meta'].get('unused', ()))
    print(f'{args.target}: {len(state)} keys' +
          (f', {unused} unused ones kept in meta' if unused else ''))


if __name__ == '__main__':
    sys.exit(run(main))
