"""The networks that the installed mmseg and mmdet bring, as configs."""
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config, ConfigDict

from mmfusion.utils.errors import UsageError
from mmfusion.utils.stack import DISTRIBUTIONS

#: what marks the small variants of a family, smallest first
_SMALL = ('tiny', 'nano', 'swin-t', '_s_', 'pvt-t', 'r18', 'r50', 'x50', 's50')
#: keys of files of weights
_WEIGHTS = ('pretrained', 'teacher_ckpt', 'checkpoint')
#: configs of a family that are tried at most
_TRIED = 3


class Network(NamedTuple):
    """A family of an installed package, and its configs to try."""
    package: str
    name: str
    paths: tuple[Path, ...]

    @property
    def key(self) -> str:
        """Tells networks of both packages apart."""
        return f'{self.package}/{self.name}'


def config_folder(package: str) -> Path:
    """Where an installed package keeps its configs.

    Raises:
        UsageError: If it is not installed, or brings none.
    """
    spec = importlib.util.find_spec(package)
    folder = spec and Path(spec.origin).parent / '.mim/configs'
    if not folder or not folder.is_dir():
        raise UsageError(f'Expected {package} with its configs, got none. '
                         f'pip install {DISTRIBUTIONS[package][0]}')
    return folder


def networks(package: str) -> list[Network]:
    """Every base model of mmseg, or every family of mmdet.

    A family is a folder with a ``metafile.yml``; of its configs three are
    taken, those of the smallest backbones, and of these those of the
    shortest names.

    Args:
        package (str): ``'mmseg'`` or ``'mmdet'``.
    """
    folder = config_folder(package)
    if package == 'mmseg':
        files = sorted((folder / '_base_/models').glob('*.py'))
        return [Network(package, path.stem, (path, )) for path in files]
    families = {
        meta.parent.name: sorted(meta.parent.glob('*.py'), key=_rank)
        for meta in sorted(folder.glob('*/metafile.yml'))
    }
    return [
        Network(package, name, tuple(paths[:_TRIED]))
        for name, paths in families.items() if paths
    ]


def _rank(path: Path) -> tuple:
    size = next((k for k, word in enumerate(_SMALL) if word in path.stem),
                len(_SMALL))
    return ('lsj' in path.stem, size, len(path.stem), path.stem)


def read_network(package: str, path: Path) -> ConfigDict:
    """A network's model config, which reads no file of weights.

    Raises:
        UsageError: If the config has no model.
    """
    model = Config.fromfile(path).get('model')
    if model is None:
        raise UsageError('a config without a model')
    return ConfigDict(_without_weights(model), _scope_=package)


def _without_weights(node: Any, key: str = '') -> Any:
    if isinstance(node, (list, tuple)):
        return type(node)(_without_weights(value) for value in node)
    if not isinstance(node, dict):
        return None if key in _WEIGHTS else node
    if node.get('type') == 'Pretrained' or (key == 'init_cfg'
                                            and 'checkpoint' in node):
        return None
    if node.get('type') == 'MMSyncBN':  # it is built by several processes
        return dict(node, type='BN')
    return {
        name: _without_weights(value, name) for name, value in node.items()
    }
