"""The steps of a config that load pairs, and what they state."""
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from .config_file import type_name
from .config_overrides import LOADING_FLAGS
from .errors import UsageError

STEP = 'LoadFusionPair'


def loading_steps(node: Any) -> Iterator[dict]:
    """Every ``LoadFusionPair`` in a config, a data loader or a pipeline."""
    if isinstance(node, Config):
        node = node._cfg_dict
    if isinstance(node, dict):
        if type_name(node.get('type')) == STEP:
            yield node
        node = list(node.values())
    if isinstance(node, (list, tuple)):
        for part in node:
            yield from loading_steps(part)


def stated_loading(*nodes: Any) -> dict[str, Any]:
    """What loading steps state beyond the defaults.

    Args:
        nodes: See :func:`loading_steps`.

    Returns:
        dict: ``on_size_mismatch`` and ``uint16_range``, where stated.

    Raises:
        UsageError: If two steps state different things.
    """
    stated: dict[str, Any] = {}
    for step in (step for node in nodes for step in loading_steps(node)):
        for key, flag in LOADING_FLAGS.items():
            value = step.get(key)
            value = tuple(value) if isinstance(value, list) else value
            if value in (None, 'error', 'full'):
                continue
            if stated.setdefault(key, value) != value:
                raise UsageError(
                    f'Expected one {key} for pairs of two folders, got '
                    f'{stated[key]!r} and {value!r} in the pipelines. Say '
                    f'which: {flag}.')
    return stated


def state_loading(cfg: Config, **settings: Any) -> None:
    """Let all pipelines of a config load pairs by these settings.

    Args:
        cfg (Config): Changed. Where it has no pipeline, it gets a
            ``fusion_pipeline``.
        settings: Of ``LoadFusionPair``; None leaves what is there.

    Raises:
        UsageError: If its pipelines load pairs by something else.
    """
    settings = {
        key: value for key, value in settings.items() if value is not None
    }
    if not settings:
        return
    steps = list(loading_steps(cfg))
    if not steps and any(
            name.endswith('_dataloader') and cfg[name] for name in cfg):
        flags = ' and '.join(LOADING_FLAGS[key] for key in settings)
        raise UsageError(f'Expected {STEP} in the pipelines of '
                         f'{cfg.filename}, for {flags}, got none.')
    if not steps:
        cfg.fusion_pipeline = [dict(type=STEP), dict(type='PackFusionInputs')]
        steps = list(loading_steps(cfg.fusion_pipeline))
    for step in steps:
        step.update(settings)
