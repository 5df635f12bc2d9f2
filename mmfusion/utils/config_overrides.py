"""Overrides of single entries of a config, each of which has to reach one."""
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from .errors import UsageError

#: what the runner and mmfusion read; the rest serves the file itself
ENTRIES = frozenset([
    'activation_checkpointing', 'auto_scale_lr', 'compile', 'custom_hooks',
    'data_preprocessor', 'default_hooks', 'default_scope',
    'efficient_conv_bn_eval', 'env_cfg', 'experiment_name',
    'find_unused_parameters', 'fusion_dataloader', 'launcher', 'load_from',
    'log_level', 'log_processor', 'model', 'model_wrapper_cfg',
    'optim_wrapper', 'param_scheduler', 'randomness', 'resume', 'run_name',
    'runner_type', 'stage1_checkpoint', 'stage1_config', 'strategy', 'sync_bn',
    'test_cfg', 'test_dataloader', 'test_evaluator', 'train_cfg',
    'train_dataloader', 'tta_model', 'tta_pipeline', 'val_cfg',
    'val_dataloader', 'val_evaluator', 'visualizer', 'work_dir'
])
_LOADER = frozenset([
    '_delete_', 'batch_sampler', 'batch_size', 'collate_fn', 'dataset',
    'drop_last', 'generator', 'multiprocessing_context', 'num_batch_per_epoch',
    'num_workers', 'persistent_workers', 'pin_memory', 'pin_memory_device',
    'prefetch_factor', 'sampler', 'timeout', 'worker_init_fn'
])
#: entries that take any key, and need not be there
_OPEN = ('auto_scale_lr', 'compile', 'env_cfg', 'log_processor',
         'model_wrapper_cfg', 'optim_wrapper', 'randomness', 'test_cfg',
         'train_cfg', 'val_cfg')

#: settings of a pair's numbers, and the flags that set all pipelines
LOADING_FLAGS = dict(on_size_mismatch='--on-size-mismatch',
                     uint16_range='--uint16-range', register='--register')


def override(
    cfg: Config, options: Mapping[str, Any] | None,
    choices: Collection[str] = ()) -> None:
    """Override entries of a config, in place.

    Args:
        cfg (Config): The config.
        options (mapping, optional): Dotted keys to values.
        choices (collection[str]): What the config offered to choose, for
            messages.

    Raises:
        UsageError: If an override would reach nothing.
    """
    options = dict(options or {})
    made = {key.rpartition('.')[0] for key in options if key.endswith('.type')}
    for key in options:
        _check(cfg, key.split('.'), made, choices)
    try:
        cfg.merge_from_dict(options)
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(f'{_name(cfg)}: the overrides {list(options)} do '
                         f'not fit: {error}') from error


def _check(cfg: Config, names: list[str], made: Collection[str],
           choices: Collection[str]) -> None:
    key = '.'.join(names)
    if names[0] not in ENTRIES:
        _check_own_entry(cfg, key, choices)
    flag = LOADING_FLAGS.get(names[-1])
    hint = f' Or give {flag}.' if flag else ''
    node: Any = cfg._cfg_dict
    for place, name in enumerate(names):
        before = '.'.join(names[:place])
        if isinstance(node, (list, tuple)):
            if not name.isdecimal() or int(name) >= len(node):
                raise UsageError(
                    f'{_name(cfg)}: expected {before}.N with N below '
                    f'{len(node)}, got {key!r}: {_types(node)}.{hint}')
            node = node[int(name)]
        elif not isinstance(node, Mapping):
            raise UsageError(
                f'{_name(cfg)}: {key!r} reaches nothing, since {before} is '
                f'{node!r}. Override {before} as a whole.')
        elif name in node:
            node = node[name]
        elif _may_be_new(node, names, place, made):
            return
        else:
            there = ', '.join(
                sorted(set(node) & ENTRIES if place == 0 else node))
            raise UsageError(
                f'{_name(cfg)}: {key!r} reaches nothing: '
                f'{before or "the config"} has no {name!r}, but {there}.'
                f'{hint}')


def _may_be_new(node: Mapping, names: list[str], place: int,
                made: Collection[str]) -> bool:
    """Whether somebody looks at a key that is not there yet: what builds
    ``node`` refuses keys that it does not know."""
    leaf = place == len(names) - 1
    if place == 1 and names[0].endswith('_dataloader'):
        return names[1] in _LOADER and (leaf or '.'.join(names[:2]) in made)
    return (leaf or 'type' in node or names[0] in _OPEN
            or '.'.join(names[:place + 1]) in made)


def _check_own_entry(cfg: Config, key: str, choices: Collection[str]) -> None:
    """Entries that we do not read serve the file, or code of its own."""
    name, entries = key.partition('.')[0], sorted(ENTRIES & set(cfg))
    if name not in cfg:
        offered = (f' It offers {", ".join(choices)} to choose.'
                   if choices else '')
        raise UsageError(f'{_name(cfg)}: {key!r} reaches nothing: there is '
                         f'no entry {name!r}.{offered}')
    made_of = [
        place for entry in entries
        for place in _places(cfg[entry], cfg[name], entry)
    ]
    if made_of or (entries and 'custom_imports' not in cfg):
        raise UsageError(
            f'{_name(cfg)}: {key!r} reaches nothing: the file itself has '
            f'read {name!r} before. Override what is made of it' +
            (f': {", ".join(made_of[:4])}.' if made_of else '.'))


def _places(node: Any, value: Any, where: str) -> Iterator[str]:
    """Keys of what equals a value, or of texts that begin with it."""
    if type(node) is type(value) and (node == value or
                                      (isinstance(value, str) and value
                                       and node.startswith(value))):
        yield where
    elif isinstance(node, Mapping):
        for name, part in node.items():
            yield from _places(part, value, f'{where}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, part in enumerate(node):
            yield from _places(part, value, f'{where}.{index}')


def _types(node: Sequence) -> str:
    return ', '.join(
        f'{index} is {part.get("type") if isinstance(part, Mapping) else part}'
        for index, part in enumerate(node))


def _name(cfg: Config) -> str:
    return str(cfg.filename or 'the config')
