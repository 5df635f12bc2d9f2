"""Convert authors' checkpoints to ours and back.

The result is ``{'state_dict': ..., 'meta': ...}`` with the fuser's keys
under ``fuser.``. One mapping table a method lies in ``mappings/``.
"""
import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import mmfusion  # noqa: F401  isort: skip  (first, for Ctrl-C)

import torch
from mappings import MAPPINGS, KeyMapping
from mappings.published import find_file, find_parts, write_tensors

from mmfusion.cli.flags import one_of
from mmfusion.cli.legacy import run
from mmfusion.fileio.paths import check_outputs
from mmfusion.utils.checkpoint import State, find_state_dict, read_checkpoint
from mmfusion.utils.errors import UsageError
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


def choose(checkpoint: Any, method: str, reverse: bool = False,
           name: str = '') -> KeyMapping:
    """The table of a method that fits a checkpoint best.

    Args:
        checkpoint (object): What is to be converted.
        method (str): A name in ``mappings.MAPPINGS``.
        reverse (bool): Whether the checkpoint is ours, which may say what it
            was made for. Defaults to False.
        name (str): Of the file, for tables with the same keys; without a
            telling one the result's ``made_for`` is empty.

    Returns:
        KeyMapping: One of the method's tables.

    Raises:
        ValueError: If the method is unknown or there is no state dict.
    """
    tables = tables_of(method)
    if len(tables) == 1:
        return tables[0]
    made_for = _meta(checkpoint).get('made_for') if reverse else None
    for table in tables:
        if made_for and table.made_for == made_for:
            return table
    keys = set(find_state_dict(checkpoint, tables[0].container))
    distances = [
        len(
            keys.symmetric_difference(
                table.our_shapes() if reverse else table.reference_shapes()))
        for table in tables
    ]
    best = [
        table for table, distance in zip(tables, distances, strict=True)
        if distance == min(distances)
    ]
    if len(best) == 1 or reverse:
        return best[0]
    marked = [table for table in best if table.mark.lower() in name.lower()]
    return marked[0] if marked else replace(best[0], made_for={})


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
    if mapping.made_for:
        meta['made_for'] = mapping.made_for
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
    for key in ('method', 'made_for'):
        meta.pop(key, None)
    return {mapping.container or 'state_dict': state, 'meta': meta}


def _meta(checkpoint: Any) -> Mapping[str, Any]:
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    return meta if isinstance(meta, Mapping) else {}


def read_published(source: str, method: str) -> Any:
    """What the published file, or folder of files, of a method holds.

    Raises:
        FileNotFoundError: If there is nothing.
        UsageError: If it cannot be read safely, is incomplete, or files of a
            folder hold one another's content.
    """
    table = tables_of(method)[0]
    if not table.parts:
        return table.read(find_file(source))
    files = find_parts(source, table.parts, method)
    found = {name: table.read(path) for name, path in files.items()}
    for name, state in found.items():
        for other in table.parts:
            if other != name and table.part_fits(state, other):
                raise UsageError(
                    f'{files[name]} holds what is published as {other}: the '
                    'names are swapped. Rename the files.')
    return {
        f'{name}/{key}': value for name, state in found.items()
        for key, value in state.items()
    }


def what_it_is(state: State, source: str, method: str) -> str | None:
    """One line on a file that does not fit, where it is known."""
    advice = f'{source}: expected weights of method {method!r}, got'
    shapes = choose(state, method).reference_shapes()
    differ = [(shapes[name], tuple(value.shape))
              for name, value in state.items()
              if name in shapes and shapes[name] != tuple(value.shape)]
    if differ and all(
        {*zip(ours, theirs, strict=True)} <= {(k, k) for k in ours} | {(1, 3)}
            for ours, theirs in differ):
        return (f'{advice} those of a network for three colour channels. '
                'Fetch the one for grey images.')
    for other, tables in reversed(MAPPINGS.items()):
        if other != method and any(
                table.fits(state) or any(
                    table.part_fits(state, part) for part in table.parts)
                for table in tables):
            return f'{advice} those of {other!r}. Give --method {other}.'
    return None


def convert_file(source: str, target: str, method: str,
                 reverse: bool = False) -> dict[str, dict]:
    """Convert a file; the target appears complete or not at all.

    Args:
        source (str): Checkpoint to read: a file, the ``.index`` of a
            TensorFlow bundle, or the folder of a method of several files.
        target (str): Checkpoint to write; reversed, a method of several
            files is written into a folder.
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
    checkpoint = (read_checkpoint(source) if reverse else read_published(
        source, method))
    table = choose(checkpoint, method, reverse, Path(source).name)
    if reverse:
        result = revert(checkpoint, table)
        _write_reverted(result, target, table)
        return result
    try:
        result = convert(checkpoint, table)
    except ValueError as error:
        state = find_state_dict(checkpoint, table.container)
        known = what_it_is(state, source, method)
        raise (UsageError(known) if known else error) from error
    with finished_file(target) as draft:
        torch.save(result, draft)
    return result


def _write_reverted(result: dict[str, dict], target: str,
                    table: KeyMapping) -> None:
    state, meta = result.values()
    if not table.parts:
        write_tensors(target, state, table.suffix, table.container, meta)
    for name in table.parts:
        part = {
            key.removeprefix(f'{name}/'): value
            for key, value in state.items() if key.startswith(f'{name}/')
        }
        write_tensors(Path(target, name), part,
                      Path(name).suffix, table.container)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--method', required=True, **one_of(sorted(MAPPINGS)))
    parser.add_argument(
        'source', metavar='IN', help='checkpoint to read: a file, the .index '
        'of a TensorFlow bundle, or the folder of a method of several files')
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
