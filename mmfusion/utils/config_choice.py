"""Small scales and other choices of a config, applied after it is read.

A form says what it offers::

    fuser = 'psfusion'  # or 'transfuser6'
    choices = dict(fuser=dict(psfusion=dict(), transfuser6=dict(...)))
    scales = dict(mini=dict(...), synthetic=dict(...))

The first of each choice is what the file holds as it is. Where another is
chosen, all are applied, in the order of ``choices``.
Files of ``_base_`` add what they know to a scale of their forms in entries
whose names end in ``_scales``, e.g. ``model_scales``. The dicts are merged
into the config as a child config is, and

- ``_base_`` names files whose entries replace the config's;
- what is switched off, None or the empty list, stays off;
- ``_drop_=True`` replaces a dict, ``_drop_=['a', 'b']`` removes entries;
- ``_of_='PSFusion'``: what has another ``type`` stays as it is;
- a dict merged into a list changes those of its members that have the named
  ``type``: ``pipeline=dict(RandomCrop=dict(crop_size=(96, 96)))``;
  ``_after_=dict(LoadFusionPair=dict(type=...))`` adds one behind another.

A choice that holds scales replaces those of the config.
"""
import copy
from collections.abc import Callable, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from .errors import UsageError, spelled


def choose(cfg: Config, read: Callable[[str], Config]) -> None:
    """Apply what a config's entries choose of its ``choices``, in place.

    Args:
        cfg (Config): As its file says, with the entries as they are wanted.
        read (callable): Reads a file that ``_base_`` names.

    Raises:
        UsageError: If there is no such choice.
    """
    choices = cfg.get('choices') or {}
    for key, offered in choices.items():
        cfg[key] = spelled(offered, cfg[key])
        if cfg[key] not in offered:
            raise UsageError(f'{cfg.filename}: expected {key} to be one of '
                             f'{list(offered)}, got {cfg[key]!r}.')
    if any(cfg[key] != next(iter(offered))
           for key, offered in choices.items()):
        for key, offered in choices.items():
            _apply(cfg, offered[cfg[key]], read)


def shrink(cfg: Config, scale: str, read: Callable[[str], Config]) -> None:
    """Bring a config to one of its ``scales``, in place.

    Args:
        cfg (Config): As its file says.
        scale (str): ``'mini'`` or ``'synthetic'``.
        read (callable): Reads a file that ``_base_`` names.

    Raises:
        UsageError: If the config has no such scale.
    """
    offered = cfg.get('scales') or {}
    if scale not in offered:
        raise UsageError(f'{cfg.filename}: expected --scale to be one of '
                         f'{list(offered)}, got {scale!r}.' if offered else
                         f'{cfg.filename} comes in one size: leave --scale '
                         f'{scale} out.')
    parts = [cfg[key] for key in list(cfg) if key.endswith('_scales')]
    for part in [*parts, cfg.scales]:
        _apply(cfg, (part or {}).get(scale, {}), read)


def remove_choices(cfg: Config) -> None:
    """Take out what only served choosing, so that it happens once."""
    for key in list(cfg):
        if key == 'choices' or _is_scales(key):
            cfg.pop(key)


def _apply(cfg: Config, part: dict, read: Callable[[str], Config]) -> None:
    part = _without_scope(dict(part))
    files = part.pop('_base_', [])
    for file in [files] if isinstance(files, str) else files:
        for key, value in read(file).items():
            if cfg.get(key, value) not in (None, []):
                cfg[key] = value
    for key, value in part.items():
        cfg[key] = (value if _is_scales(key) else _merge(
            cfg.get(key, {}), value, key))


def _without_scope(node: Any) -> Any:
    """A copy without the scope that mmengine adds where a config of another
    project inherits ours: to types that are outer ones here, inner ones
    where they are merged in."""
    if isinstance(node, dict):
        return ConfigDict({
            key: _without_scope(value) for key, value in node.items()
            if (key, value) != ('_scope_', 'mmfusion')
        })
    if isinstance(node, (list, tuple)):
        return type(node)(map(_without_scope, node))
    return copy.deepcopy(node)


def _is_scales(key: str) -> bool:
    return key == 'scales' or key.endswith('_scales')


def _merge(old: Any, new: Any, where: str) -> Any:
    """``new`` merged into ``old``, which is left as it is."""
    if not isinstance(new, dict):
        return new
    if isinstance(old, (list, tuple)):
        return _merge_members(old, new, where)
    drop, kind = new.pop('_drop_', []), new.pop('_of_', None)
    if drop is True or not isinstance(old, dict | None):
        old = {}
    elif old is None or (kind and _type_of(old) != kind):
        return old
    kept = {key: value for key, value in old.items() if key not in drop}
    for key, value in new.items():
        if key in kept or not _only_drops(value):
            kept[key] = _merge(kept.get(key, {}), value, f'{where}.{key}')
    return ConfigDict(kept)


def _type_of(node: dict) -> str:
    return str(node.get('type')).rpartition('.')[2]


def _only_drops(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get('_drop_'), list)


def _merge_members(old: Sequence, new: dict, where: str) -> list:
    """Change members of a list, or of lists in it, by their type."""
    after = new.pop('_after_', {})
    found = set()

    def change(members: Sequence) -> list:
        changed = []
        for member in members:
            if isinstance(member, (list, tuple)):
                changed.append(change(member))
                continue
            name = _type_of(member)
            found.add(name)
            changed.append(
                _merge(member, copy.deepcopy(new.get(name, {})),
                       f'{where}.{name}'))
            if name in after:
                changed.append(after[name])
        return changed

    merged = change(old)
    missing = sorted({*new, *after} - found)
    if missing:
        raise ValueError(f'{where}: expected members of the types {missing}, '
                         f'got none among {len(old)}.')
    return merged
