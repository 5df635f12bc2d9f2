"""Configs that come with weights: data, of which nothing is run."""
import ast
from collections.abc import Mapping
from typing import Any

from mmengine.registry import FUNCTIONS

from mmfusion import registry

from .errors import UsageError

#: registered types that call what their arguments name
_CALLERS = ('CallableDenoiser', )


def literal_config(text: str) -> dict[str, Any]:
    """Read assignments of literals, as mmengine writes a config.

    Raises:
        UsageError: If there is anything else in it.
    """
    try:
        found = {}
        for node in ast.parse(text).body:
            if not isinstance(node, ast.Assign):
                raise ValueError(f'line {node.lineno} assigns nothing')
            target, = node.targets
            found[_name(target)] = _value(node.value)
        return found
    except (SyntaxError, TypeError, ValueError, RecursionError,
            MemoryError) as error:
        raise UsageError(
            'Expected a config of literals in the checkpoint, got another '
            f'one ({error}): name the config by --config.') from error


def _name(node: ast.AST) -> str:
    if not isinstance(node, ast.Name):
        raise ValueError(f'{ast.dump(node)} is no name')
    return node.id


def _value(node: ast.AST | None) -> Any:
    if isinstance(node, (ast.List, ast.Tuple)):
        kind = list if isinstance(node, ast.List) else tuple
        return kind(map(_value, node.elts))
    if isinstance(node, ast.Dict):
        return {
            _value(key): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
        }
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id != 'dict':
            raise ValueError(f'line {node.lineno} calls a function')
        found = dict(*map(_value, node.args))
        for word in node.keywords:
            value = _value(word.value)
            found.update({word.arg: value} if word.arg else value)
        return found
    if node is None:
        raise ValueError('a dictionary is unpacked')
    return ast.literal_eval(node)


def check_types(node: Any, source: Any) -> None:
    """Refuse types that are not registered.

    mmengine takes such a ``type`` for the place of any function.

    Args:
        node (object): A config, or a part of it.
        source (str | PathLike): Where it comes from, for the message.

    Raises:
        UsageError: If there is one; names it.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            named = key == 'type' or (str(key).endswith('_type')
                                      and '.' in str(value))
            if named and not _is_registered(value):
                raise UsageError(
                    f'{source}: expected registered types in the config that '
                    f'comes with the weights, got {key}={value!r}, which '
                    'could run code. Name a config of your own.')
            check_types(value, source)
    elif isinstance(node, (list, tuple)):
        for value in node:
            check_types(value, source)


def _is_registered(kind: Any) -> bool:
    if not isinstance(kind, str):
        return False
    scope, _, name = kind.rpartition('.')
    if name in _CALLERS:
        return False
    if name in FUNCTIONS.module_dict and not scope:
        return True
    for known in vars(registry).values():
        if not isinstance(known, registry.LazyRegistry):
            continue
        places = [known, known.parent] if not scope else [
            *(known.parent.children.values() if known.parent else
              ()), known, known.parent
        ]
        for place in places:
            if place is None or scope not in ('', place.scope):
                continue
            if isinstance(place, registry.LazyRegistry):
                place.import_file_of(name)
            else:
                place.import_from_location()
            if name in place.module_dict:
                return True
    return False
