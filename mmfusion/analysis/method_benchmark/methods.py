"""The methods of a benchmark: configs with checkpoints, and fusion rules."""
import copy
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmfusion.apis.fusing import use_task
from mmfusion.apis.pairs import inference_pipeline
from mmfusion.fileio import read_lines
from mmfusion.tasks import TASKS
from mmfusion.utils.config_file import (default_work_dir, load_config,
                                        require_file)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.model_index import box_weights_of, is_name, unknown_model

from ..complexity import count_parameters, network_of

#: fusion rules under ``baseline:NAME``
BASELINES = dict(
    average=dict(type='AverageFuser'),
    maximum=dict(type='MaximumFuser'),
    laplacian=dict(type='LaplacianPyramidFuser'),
    guided=dict(type='GuidedFilterFuser'),
    visible=dict(type='SelectModality', modality='vis'),
    infrared=dict(type='SelectModality', modality='ir'),
)
_BASELINE = 'baseline:'
_CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
Entry = str | dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One method.

    Attributes:
        name (str): What the report calls it, unique.
        source (str): Config or ``baseline:NAME``, as the user wrote it.
        cfg (Config): With a ``model``.
        checkpoint (str, optional): Its weights.
        tasks (tuple[str]): What it is compared on, names of ``TASKS``;
            empty for all.
    """
    name: str
    source: str
    cfg: Config
    checkpoint: str | None = None
    tasks: tuple[str, ...] = ()

    def serves(self, task: str) -> bool:
        """Whether it is compared on pairs of a task."""
        return not self.tasks or task in self.tasks

    def for_task(self, task: str) -> 'Method':
        """The same method with a model for pairs of a task."""
        if (self.cfg.model.get('task') or 'ivf') == task:
            return self
        cfg = copy.deepcopy(self.cfg)
        use_task(cfg, task)
        return replace(self, cfg=cfg)

    @property
    def folder(self) -> str:
        """The name as a folder's."""
        return folder_name(self.name)

    def settings(self) -> dict[str, str]:
        """All that decides how its images look, for comparisons."""
        weights = 'none'
        if self.checkpoint is not None:
            content = Path(self.checkpoint).read_bytes()
            weights = hashlib.sha256(content).hexdigest()
        node = dict(model=self.cfg.to_dict()['model'],
                    pipeline=inference_pipeline(self.cfg, native=True))
        return dict(
            source=self.source, config=hashlib.sha256(
                json.dumps(node, sort_keys=True,
                           default=str).encode()).hexdigest(),
            checkpoint=weights)


def folder_name(name: str) -> str:
    """``name`` with what is safe in file names alone."""
    return re.sub(r'^\.+|[^\w.+-]+', '_', name)


def read_methods(entries: Sequence[str]) -> list[Method]:
    """The methods a command line names.

    Args:
        entries (sequence[str]): ``[NAME=]CONFIG[=CHECKPOINT]``,
            ``[NAME=]baseline:RULE`` (or the rule alone) with configs such as
            ``FILE.py``, ``FILE.py@mini`` or a model's name, or a file that
            lists such entries: a
            text file (one a line, ``#`` starts a comment) or a Python file
            with a list ``methods`` of entries or of dicts (``config``,
            ``checkpoint``, ``name``, and ``tasks``, the kinds of pairs that
            it is compared on).

    Returns:
        list[Method]: In order.

    Raises:
        UsageError: If an entry cannot be understood, two have one name, or
            a network comes without a checkpoint.
        FileNotFoundError: If a file is missing.
    """
    methods = [_method(*parts) for parts in _expand(entries)]
    if not methods:
        raise UsageError('Expected at least one method, got none. Name a '
                         f'config or {_BASELINE}average.')
    seen: dict[str, Method] = {}
    for method in methods:
        other = seen.setdefault(method.folder, method)
        if other is not method:
            raise UsageError(
                f'Expected methods of different names, got {method.name!r} '
                f'for {other.source} and {method.source}. Write '
                'NAME=CONFIG=CHECKPOINT.')
    return methods


Parts = tuple[str | None, str, str | None, tuple[str, ...]]


def _expand(entries: Sequence[Entry], near: Path | None = None) -> list[Parts]:
    """Parts of all entries, files of entries read."""
    found: list[Parts] = []
    for entry in entries:
        if isinstance(entry, dict):
            found.append(_from_dict(entry, near))
            continue
        name, config, checkpoint = _split(entry)
        listed = None if name or checkpoint else _listed(config)
        if listed is None:
            found.append((name, config, checkpoint, ()))
        else:
            found += _expand(listed, Path(config))
    return found


def _from_dict(entry: dict[str, Any], near: Path | None) -> Parts:
    unknown = set(entry) - {'name', 'config', 'checkpoint', 'tasks'}
    tasks = entry.get('tasks', ())
    if (unknown or not isinstance(entry.get('config'), str)
            or isinstance(tasks, str) or not set(tasks) <= set(TASKS)):
        raise UsageError(
            f'{near}: expected methods as dict(config=..., checkpoint=..., '
            f'name=..., tasks=[...]) with tasks out of {", ".join(TASKS)}, '
            f'got {entry}.')
    return (entry.get('name'), entry['config'], entry.get('checkpoint'),
            tuple(tasks))


def _split(entry: str) -> tuple[str | None, str, str | None]:
    """``[NAME=]CONFIG[=CHECKPOINT]`` in its parts."""
    first, *rest = entry.split('=', 1)
    name = None
    if rest and not _is_config(first):
        name, (first, *rest) = first, rest[0].split('=', 1)
    return name, first, rest[0] if rest else None


def _is_config(text: str) -> bool:
    return (text in BASELINES or text.startswith(_BASELINE)
            or text.partition('@')[0].endswith(_CONFIG_SUFFIXES)
            or is_name(text))


def _listed(path: str) -> Sequence[Entry] | None:
    """Entries of a list file; None if it is none."""
    if path.endswith('.txt'):
        require_file(path, 'a list of methods', 'Write one entry a line.')
        lines = (line.partition('#')[0].strip() for line in read_lines(path))
        return [line for line in lines if line]
    if path.endswith('.py') and Path(path).is_file():
        return Config.fromfile(path).get('methods')
    return None


def _method(name: str | None, config: str, checkpoint: str | None,
            tasks: tuple[str, ...]) -> Method:
    if config in BASELINES or config.startswith(_BASELINE):
        rule = config.removeprefix(_BASELINE)
        if rule not in BASELINES or checkpoint is not None:
            raise UsageError(
                'Expected a baseline out of '
                f'{", ".join(_BASELINE + known for known in BASELINES)}, '
                f'without a checkpoint, got {config!r}.')
        cfg = Config(
            dict(default_scope='mmfusion', model=dict(type='ImageFuser',
                                                      fuser=BASELINES[rule])))
        return Method(name or rule, config, cfg, None, tasks)
    if not _is_config(config):
        raise UsageError(
            f'{unknown_model(config)} Write [NAME=]CONFIG[=CHECKPOINT] or '
            f'baseline:RULE, of {", ".join(BASELINES)}.')
    cfg = load_config(config)
    checkpoint = checkpoint or box_weights_of(config)
    if checkpoint is not None:
        require_file(
            checkpoint, f'the checkpoint of {config}',
            'Train it with tools/train.py, or convert published '
            'weights with tools/model_converters/convert.py.')
    elif count_parameters(network_of(cfg, 'fuser')):
        raise UsageError(
            f'{config}: expected CONFIG=CHECKPOINT, got no checkpoint for a '
            'fuser with weights. Train it with tools/train.py or leave it '
            'out: an untrained network is not measured.')
    return Method(name or Path(default_work_dir(cfg)).name, config, cfg,
                  checkpoint, tasks)
