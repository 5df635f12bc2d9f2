"""Finding and reading config files."""
import copy
import difflib
import fnmatch
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

import mmfusion
from mmfusion.utils import require_detection

from .errors import UsageError

PathLike = str | os.PathLike


def config_folders() -> list[Path]:
    """Folders with mmfusion's configs: the repository's, the package's."""
    package = Path(mmfusion.__file__).resolve().parent
    folders = (package.parent / 'configs', package / '.mim' / 'configs')
    # an editable install links the second to the first
    return list(
        dict.fromkeys(folder.resolve() for folder in folders
                      if folder.is_dir()))


def find_config(name: PathLike, near: PathLike | None = None) -> Path:
    """The file that a config's name stands for.

    Args:
        name (str | PathLike): A path, absolute or relative to the current
            folder, to the ``configs`` folder that holds ``near``, or to
            mmfusion's ``configs``; or ``'mmfusion::folder/file.py'``.
        near (str | PathLike, optional): Config file that mentions ``name``.

    Returns:
        Path: An existing file, relative to the current folder where it
        lies below it.

    Raises:
        FileNotFoundError: If there is none; says where it was looked for.
    """
    name = os.fspath(name)
    package, _, inner = name.rpartition('::')
    if package not in ('', 'mmfusion'):
        raise UsageError(
            f'Expected a file or mmfusion::NAME, got {name!r}. Write a '
            f'config of your own that has _base_ = {name!r}.')
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
            here = Path.cwd()
            return (path.relative_to(here)
                    if path.is_relative_to(here) else path)
    looked = ', '.join(str(folder.resolve()) for folder in folders)
    close = difflib.get_close_matches(inner or name, list_models(), 1, 0.5)
    hint = f' Did you mean {close[0]!r}?' if close else ''
    raise FileNotFoundError(f'Expected a config file, got {name!r}, which is '
                            f'in none of: {looked}.{hint}')


def list_models(pattern: str | None = None) -> list[str]:
    """Names of mmfusion's configs, as :func:`load_config` takes them.

    Args:
        pattern (str, optional): Such as ``'fusers/*msrs*'``.

    Returns:
        list[str]: In alphabetical order.

    Examples:
        >>> list_models('fusers/psfusion_msrs.py')
        ['fusers/psfusion_msrs.py']
    """
    known = {
        path.relative_to(folder).as_posix()
        for folder in config_folders()
        for path in folder.rglob('*.py') if '_base_' not in path.parts
    }
    return sorted(fnmatch.filter(known, pattern or '*'))


def load_config(name: PathLike, options: dict | None = None,
                near: PathLike | None = None) -> Config:
    """Read a config and override entries.

    An override of ``stage1_checkpoint`` also reaches the places of the
    model that name the same file.

    Args:
        name (str | PathLike): See :func:`find_config`.
        options (dict, optional): Dotted keys to values.
        near (str | PathLike, optional): See :func:`find_config`.

    Returns:
        Config: With ``default_scope`` set to ``'mmfusion'`` unless given.

    Raises:
        FileNotFoundError: If there is no such file.
        DetectionMissing: If it is about detection, which is not installed.

    Examples:
        >>> name = 'mmfusion::fusers/laplacian_pyramid.py'
        >>> load_config(name, {'model.fuser.type': 'MaximumFuser'}).model.fuser
        {'type': 'MaximumFuser'}
    """
    try:
        cfg = Config.fromfile(find_config(name, near))
    except Exception as error:
        if 'mmdet' in str(error):
            require_detection()
        raise
    before = cfg.get('stage1_checkpoint')
    cfg.merge_from_dict(dict(options or {}))
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
        cfg.merge_from_dict(dict(options or {}))
    else:
        cfg = load_config(cfg, options)
    if work_dir is not None:
        cfg.work_dir = os.fspath(work_dir)
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(cfg)
    return cfg


def _replace(node: Any, old: Any, new: Any) -> Any:
    """``node`` with every value ``old`` replaced."""
    if isinstance(node, dict):
        return ConfigDict({
            key: _replace(value, old, new)
            for key, value in node.items()
        })
    if isinstance(node, (list, tuple)):
        return type(node)(_replace(value, old, new) for value in node)
    return new if node == old else node


def default_work_dir(cfg: Config) -> str:
    """``work_dirs/<name of the config file>``."""
    return os.path.join('work_dirs', Path(cfg.filename or 'unnamed').stem)


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
