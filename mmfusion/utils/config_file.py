"""Finding and reading config files."""
import copy
import logging
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config, ConfigDict

from mmfusion.utils import require_detection

from .config_choice import choose, remove_choices, shrink
from .config_overrides import override
from .errors import UsageError, spelled
from .former_configs import former_config
from .model_index import config_folders, model_entry, unknown_model

PathLike = str | os.PathLike
_SUFFIXES = ('.py', '.json', '.yaml', '.yml')


class FoundConfig(NamedTuple):
    """What a config's name stands for.

    Attributes:
        path: The file.
        scale: ``'mini'`` or ``'synthetic'``; None for the full size.
        choices: What is chosen, e.g. ``{'detector': 'dino'}``.
        note: What to write today, for the name of a file of an older release.
    """
    path: Path
    scale: str | None = None
    choices: dict[str, str] = {}
    note: str | None = None

    @property
    def name(self) -> str:
        """All of it as a name."""
        words = [self.scale] if self.scale else []
        words += [f'{key}:{value}' for key, value in self.choices.items()]
        return f'{self.path}@{",".join(words)}' if words else str(self.path)


def find_config(name: PathLike, near: PathLike | None = None) -> Path:
    """The file that a config's name stands for.

    Args:
        name (str | PathLike): The short name of a model, see
            :func:`~mmfusion.utils.model_index.list_models`; a path, absolute
            or relative to the current folder, to the ``configs`` folder that
            holds ``near``, or to mmfusion's ``configs``; or
            ``'mmfusion::folder/file.py'``. A scale and choices may follow,
            as in ``'name@mini'`` or ``'file.py@mini,detector:dino'``.
        near (str | PathLike, optional): Config file that mentions ``name``.

    Returns:
        Path: An existing file, relative to the current folder where it
        lies below it.

    Raises:
        FileNotFoundError: If there is none; says where it was looked for.
    """
    return resolve_config(name, near).path


def resolve_config(name: PathLike,
                   near: PathLike | None = None) -> FoundConfig:
    """As :func:`find_config`, with the scale and choices of the name."""
    name, words = _split(os.fspath(name))
    package, _, inner = name.rpartition('::')
    if package not in ('', 'mmfusion'):
        raise UsageError(
            f'Expected a file or mmfusion::NAME, got {name!r}. Write a '
            f'config of your own that has _base_ = {name!r}.')
    if Path(inner or name).suffix not in _SUFFIXES:
        entry = model_entry(inner or name)
        if entry is not None:
            return FoundConfig(_from_here(entry.path), *words)
    folders = config_folders()
    if not package:
        if near is not None:
            folders = [
                parent for parent in Path(near).resolve().parents
                if parent.name == 'configs'
            ] + folders
        folders.insert(0, Path())
    for folder in folders:
        path = folder / (inner or name)
        if path.is_file():
            return FoundConfig(_from_here(path), *words)
    former = former_config(inner or name)
    if former is not None:
        form, scale, choices = former
        today = [f'configs/{form}', *([f'--scale {scale}'] if scale else [])]
        if choices:
            today += ['--cfg-options']
            today += [f'{key}={value}' for key, value in choices.items()]
        return FoundConfig(
            find_config(f'mmfusion::{form}'), words[0] or scale,
            choices | words[1],
            f'{name} is no file any more, today: {" ".join(today)}')
    looked = ', '.join(str(folder.resolve()) for folder in folders)
    raise FileNotFoundError(
        unknown_model(inner or name, f'It is in none of: {looked}.'))


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _split(name: str) -> tuple[str, tuple[str | None, dict[str, str]]]:
    """``'file.py@mini,detector:dino'`` -> file, (scale, choices)."""
    file, _, words = name.rpartition('@')
    if not file.endswith('.py') and model_entry(file) is None:
        return name, (None, {})
    pairs = [word.partition(':') for word in words.split(',')]
    scales = [key for key, colon, _ in pairs if not colon]
    return file, (scales[-1] if scales else None, {
        key: value for key, colon, value in pairs if colon
    })


def load_config(name: PathLike, options: dict | None = None,
                near: PathLike | None = None,
                scale: str | None = None) -> Config:
    """Read a config, bring it to a scale and override entries.

    The first stage follows the scale: ``stage1_checkpoint`` names what the
    scaled ``stage1_config`` writes. An override of ``stage1_checkpoint``
    also reaches the places of the model that name the same file.

    Args:
        name (str | PathLike): See :func:`find_config`.
        options (dict, optional): Dotted keys to values. What the config
            offers as a choice, e.g. ``detector='dino'``, takes effect first.
        near (str | PathLike, optional): See :func:`find_config`.
        scale (str, optional): ``'mini'``, a small real set and a short
            training, or ``'synthetic'``, the same on generated scenes, where
            the config has it; see :mod:`mmfusion.utils.config_choice`.
            Defaults to what the name says, else to the full size.

    Returns:
        Config: With ``default_scope`` set to ``'mmfusion'`` unless given.

    Raises:
        FileNotFoundError: If there is no such file.
        DetectionMissing: If it is about detection, which is not installed.
        UsageError: If the config has no such scale or choice, an override
            reaches nothing, or the file is no config.

    Examples:
        >>> name = 'mmfusion::fusers/laplacian_pyramid.py'
        >>> load_config(name, {'model.fuser.type': 'MaximumFuser'}).model.fuser
        {'type': 'MaximumFuser'}
    """
    found = resolve_config(name, near)
    if found.note:
        print(f'note: {found.note}', file=sys.stderr)
    scale = scale or found.scale
    options = {**found.choices, **(options or {})}
    cfg = read_file(found.path)
    offered = list(cfg.get('choices') or {})
    for key in offered:
        cfg[key] = options.pop(key, cfg[key])
    choose(cfg, read_file)
    before = cfg.get('stage1_checkpoint')
    if scale is not None:
        scale = spelled(cfg.get('scales') or {}, scale)
        shrink(cfg, scale, read_file)
        if cfg.get('stage1_config') is not None:
            mark = ',' if '.py@' in cfg.stage1_config else '@'
            cfg.stage1_config += f'{mark}{scale}'
            first = load_config(cfg.stage1_config, near=found.path)
            cfg.stage1_checkpoint = os.path.join(
                default_work_dir(first),
                f'iter_{first.train_cfg.max_iters}.pth')
        cfg.setdefault('run_name', f'{found.path.stem}_{scale}')
    if 'run_name' in cfg:
        cfg.run_name = cfg.run_name.format_map(cfg)
    remove_choices(cfg)
    override(cfg, options, offered)
    after = cfg.get('stage1_checkpoint')
    if before is not None and after != before:
        cfg.model = _replace(cfg.model, before, after)
    cfg.setdefault('default_scope', 'mmfusion')
    return cfg


def copy_config(cfg: PathLike | Config, options: dict | None = None,
                work_dir: PathLike | None = None) -> Config:
    """A config of its own: what is changed in it changes no other.

    Args:
        cfg (str | PathLike | Config): The config, or where it lies.
        options (dict, optional): Dotted keys to values.
        work_dir (str | PathLike, optional): Replaces its ``work_dir``; None
            sets one where there is none.
    """
    if isinstance(cfg, Config):
        cfg = copy.deepcopy(cfg)
        override(cfg, options)
    else:
        cfg = load_config(cfg, options)
    if work_dir is not None:
        cfg.work_dir = os.fspath(work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(cfg)
    return cfg


def read_file(name: PathLike) -> Config:
    """A config as its file says, with what it offers still to be chosen."""
    path = find_config(name)
    if path.suffix not in _SUFFIXES:
        raise UsageError(
            f'Expected a config ({", ".join(_SUFFIXES)}), got {path}. Name '
            'the config first, then its weights or an exported file.')
    for variable in ('MMFUSION_DATA', 'MMFUSION_DEMO'):
        if os.environ.get(variable) == '':  # mmengine refuses empty ones
            del os.environ[variable]
    level = logging.root.manager.disable
    logging.disable(logging.INFO)  # mmengine tells of each variable it reads
    try:
        return Config.fromfile(path)
    except Exception as error:
        if 'mmdet' in str(error):
            require_detection()
        raise
    finally:
        logging.disable(level)


def _replace(node: Any, old: Any, new: Any) -> Any:
    """``node`` with every value ``old`` replaced."""
    if isinstance(node, dict):
        return ConfigDict({
            key: _replace(value, old, new) for key, value in node.items()
        })
    if isinstance(node, (list, tuple)):
        return type(node)(_replace(value, old, new) for value in node)
    return new if node == old else node


def default_work_dir(cfg: Config) -> str:
    """``work_dirs/<run_name>``, by default the name of the config file."""
    return os.path.join(
        'work_dirs',
        cfg.get('run_name') or Path(cfg.filename or 'unnamed').stem)


def require_file(path: PathLike, what: str, advice: str) -> str:
    """``path`` as text if it is a file.

    Raises:
        FileNotFoundError: If it is not.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'Expected {what}, got {os.fspath(path)!r}, which does not '
            f'exist. {advice}')
    return os.fspath(path)


def type_name(kind: Any) -> str:
    """Name of a config's ``type`` without its scope.

    Examples:
        >>> type_name('mmseg.IoUMetric'), type_name(dict)
        ('IoUMetric', 'dict')
    """
    name = kind if isinstance(kind, str) else getattr(kind, '__name__',
                                                      str(kind))
    return name.rpartition('.')[2]
