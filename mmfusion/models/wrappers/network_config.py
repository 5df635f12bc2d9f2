"""What the config of a task network leaves to its package and its data."""
import copy
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def scope_of(cfg: dict, default: str) -> str:
    """The package of a network: what its config says, else its class.

    Args:
        cfg (dict): Of the network.
        default (str): Package of a type that is a plain name.
    """
    kind = cfg.get('type', '')
    own = '' if isinstance(kind, str) else kind.__module__.partition('.')[0]
    return cfg.get('_scope_') or own or default


def complete_network(cfg: dict, scope: str,
                     classes: Sequence[str] | None = None) -> dict:
    """A task network's config, ready to be built.

    - Sides of a sliding window may be one number for both.
    - Paths of other configs are those of the network's package, as in a
      checkout of it, where nothing lies there from here.
    - Names inside of a config whose type is a class are those of its package.
    - A text encoder without ``dataset_name`` and ``vocabulary`` gets the
      names of the classes.

    Args:
        cfg (dict): Config of a whole mmseg or mmdet model; left as it is.
        scope (str): Its package, ``'mmseg'`` or ``'mmdet'``.
        classes (sequence[str], optional): Names of the classes.

    Returns:
        dict: A copy.
    """
    cfg = _with_paths(copy.deepcopy(cfg), scope)
    if not isinstance(cfg.get('type', ''), str):
        cfg['_scope_'] = scope
    test_cfg = cfg.get('test_cfg') or {}
    for key in ('crop_size', 'stride'):
        if isinstance(test_cfg.get(key), int):
            test_cfg[key] = (test_cfg[key], ) * 2
    if classes is not None and asks_for_names(cfg):
        cfg['text_encoder']['vocabulary'] = list(classes)
    return cfg


def asks_for_names(cfg: dict) -> bool:
    """Whether a network's config leaves the names of classes to the data."""
    encoder = cfg.get('text_encoder')
    return isinstance(encoder, dict) and 'dataset_name' in encoder and not (
        encoder['dataset_name'] or encoder.get('vocabulary'))


def _with_paths(node: Any, scope: str) -> Any:
    if isinstance(node, dict):
        for key, value in node.items():
            node[key] = _with_paths(value, scope)
    elif isinstance(node, (list, tuple)):
        return type(node)(_with_paths(value, scope) for value in node)
    elif (isinstance(node, str) and node.startswith('configs/')
          and not Path(node).is_file()):
        spec = importlib.util.find_spec(scope)
        packed = spec and Path(spec.origin).parent / '.mim' / node
        if packed and packed.is_file():
            return str(packed)
    return node
