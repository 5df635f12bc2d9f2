"""Short names of the configs, and what the metafiles know of them.

Neither torch nor mmengine is imported: a command line looks here first.
"""
import difflib
import fnmatch
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import mmfusion

from .errors import UsageError

#: what a config is called by those who name none
DEFAULT = 'default'
#: how ``Weights`` of a metafile says that the file is in the package
BOX = 'box:'
_CONVERTER = Path('tools/model_converters/convert.py')


def config_folders() -> list[Path]:
    """Folders with mmfusion's configs: the repository's, the package's."""
    package = Path(mmfusion.__file__).resolve().parent
    folders = (package.parent / 'configs', package / '.mim' / 'configs')
    # an editable install links the second to the first
    return list(
        dict.fromkeys(folder.resolve() for folder in folders
                      if folder.is_dir()))


@dataclass(frozen=True)
class ModelEntry:
    """What is known of a config that has a name.

    Attributes:
        name (str): Its short name.
        path (Path): The config.
        config (str): The config from its ``configs`` folder on.
        collection (str): The method.
        trained_on (str): Its training data; ``'none'`` of a rule.
        paper (dict): ``Title`` and ``URL``, where there is one.
        readme (str): The page about it, from the repository on.
        weights (str, optional): File in the package's box of weights.
        method (str, optional): What ``convert.py`` calls published weights
            that it turns into this model's.
    """
    name: str
    path: Path
    config: str
    collection: str = ''
    trained_on: str = ''
    paper: dict[str, str] = field(default_factory=dict)
    readme: str = ''
    weights: str | None = None
    method: str | None = None

    @property
    def ready(self) -> bool:
        """Whether the model fuses as it is installed."""
        return bool(self.weights) or self.trained_on == 'none'

    @property
    def source(self) -> str:
        """Where weights come from, in few words."""
        if self.weights:
            return 'in the box'
        if self.method:
            return f'converter: {self.method}'
        return 'none needed' if self.trained_on == 'none' else 'to be trained'

    def advice(self) -> str:
        """How to get weights."""
        train = f'train them: mmfusion train {self.name}'
        if not self.method:
            return f'{train[0].upper()}{train[1:]}'
        root = self.path.parents[self.config.count('/') + 1]
        tool = root / _CONVERTER if 'mmfusion' in root.parts else _CONVERTER
        return (f"Convert the authors' file: python {tool} --method "
                f'{self.method} THEIRS OURS; or {train}')


def list_models(pattern: str | None = None) -> list[str]:
    """Names of mmfusion's models, as all functions and tools take them.

    Args:
        pattern (str, optional): Such as ``'realtime*'``. With a slash, as in
            ``'fusers/*msrs*'``, or without a pattern, the files of the
            configs are given.

    Returns:
        list[str]: In alphabetical order.

    Examples:
        >>> list_models('psfusion_m*'), list_models('fusers/psfusion_m*')
        (['psfusion_msrs'], ['fusers/psfusion_msrs.py'])
    """
    files = [entry.config for entry in _entries().values()]
    if pattern is not None and '/' not in pattern:
        return sorted(fnmatch.filter(_entries(), pattern))
    return sorted(fnmatch.filter(files, pattern or '*'))


def model_entry(name: Any) -> ModelEntry | None:
    """What is known of a model.

    Args:
        name (str | PathLike): Its short name, in any case, or its config.

    Returns:
        ModelEntry | None: None for anything else.
    """
    if not isinstance(name, (str, os.PathLike)):
        return None
    text = os.fspath(name).removeprefix('mmfusion::')
    for entry in _entries().values():
        if text.lower() == entry.name or text in (
                entry.config, entry.config.removesuffix('.py')):
            return entry
    path = Path(text)
    if path.suffix != '.py' or not path.is_file():
        return None
    return next(
        (entry for entry in _entries().values() if entry.path.samefile(path)),
        None)


def is_name(name: Any) -> bool:
    """Whether this is a model's short name, perhaps with a scale."""
    return (isinstance(name, str) and '.' not in name and '/' not in name
            and model_entry(name.partition('@')[0]) is not None)


def box_weights_of(name: Any) -> Path | None:
    """The weights in the package of a model; None where it has none.

    Args:
        name (str | PathLike): Short name or config, see
            :func:`model_entry`. Others have none.
    """
    entry = model_entry(name)
    if entry is None or entry.weights is None:
        return None
    from .box_weights import box_weights
    return box_weights(entry.weights)


def unknown_model(name: str, where: str = '') -> str:
    """The message about a name that no model has.

    Args:
        name (str): As it was written.
        where (str): Where a file was looked for.
    """
    word = name.lower()
    close = [known for known in _entries() if word and known.startswith(word)]
    close = close or difflib.get_close_matches(
        word, [*_entries(), *list_models()], 1, 0.5)
    hint = [f'Did you mean {close[0]!r}?'] if close else []
    if Path(name).suffix:
        what, hint = 'a config file', [where, *hint]
    else:
        what = 'the name of a model or a config file'
        hint.append('mmfusion list shows all names.')
    return f'Expected {what}, got {name!r}. {" ".join(hint)}'


@cache
def _entries() -> dict[str, ModelEntry]:
    """All models by name, in the order of the names."""
    found: dict[str, ModelEntry] = {}
    for folder in config_folders():
        known = _metafiles(folder)
        for path in sorted(folder.rglob('*.py')):
            config = path.relative_to(folder).as_posix()
            if '_base_' in path.parts or path.stem in found:
                continue
            found[path.stem] = ModelEntry(path.stem, path, config,
                                          **known.get(config, {}))
    return dict(sorted(found.items()))


def _metafiles(folder: Path) -> dict[str, dict[str, Any]]:
    """What the metafiles below a folder say, by config."""
    import yaml
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    found = {}
    for path in folder.glob('*/metafile.yml'):
        content = yaml.load(path.read_text(encoding='utf-8'), loader)
        collections = {item['Name']: item for item in content['Collections']}
        for model in content['Models']:
            collection = collections[model['In Collection']]
            weights = model.get('Weights')
            if weights is not None and not weights.startswith(BOX):
                raise UsageError(f'{path}: expected Weights: {BOX}FILE, got '
                                 f'{weights!r}.')
            config = model['Config'].removeprefix('configs/')
            # a config of the zoo has the name that the converter knows
            method = model['Name'] if config.startswith('zoo/') else None
            found[config] = dict(
                collection=collection['Name'],
                trained_on=model['Metadata'].get('Training Data', ''),
                paper=collection.get('Paper',
                                     {}), readme=collection.get('README', ''),
                weights=weights and weights.removeprefix(BOX),
                method=model.get('Converter', method))
    return found
