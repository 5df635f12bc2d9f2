"""Metrics of fused images, all methods of a pair at once."""
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

import cv2
import torch

from mmfusion.evaluation.functional import (
    FusionMetricSpec,
    SourceContext,
    compute,
    get_preset,
    select_metrics,
)
from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.records import Record, RecordStore
from mmfusion.evaluation.selection import split_words

from ..cli import UsageError
from ..progress import track

ALL = 'all'
#: files as they are; each metric's own grey rule
_AS_STORED = Protocol(metrics='EN', channels='rgb')


@dataclass(frozen=True)
class Column:
    """One metric of a table.

    Attributes:
        head (str): Heading.
        spec (FusionMetricSpec): The variant behind it.
        channels (str): ``'gray'`` or ``'rgb'``.
    """
    head: str
    spec: FusionMetricSpec
    channels: str

    @property
    def key(self) -> str:
        """Name of its values, whatever the table."""
        return f'{self.spec.key}@{self.channels}'


@dataclass(frozen=True)
class Table:
    """The columns of one preset.

    Attributes:
        name (str): Name of the preset.
        note (str): What to know about it.
        columns (tuple[Column]): Its metrics.
    """
    name: str
    note: str
    columns: Tuple[Column, ...]


def read_tables(names: Sequence[str],
                metrics: Optional[Sequence[str]] = None) -> List[Table]:
    """The tables that presets stand for.

    Args:
        names (sequence[str]): Presets, or ``'all'`` for every correct
            variant of every metric.
        metrics (sequence[str], optional): Metrics of one more table, of the
            luminance, e.g. ``'SSIM:film'``.

    Returns:
        list[Table]: That of ``metrics`` comes first.

    Raises:
        UsageError: If a name is not known.
    """
    tables = []
    try:
        if metrics:
            tables.append(_table('selected', 'The chosen metrics.',
                                 select_metrics(split_words(metrics))))
        for name in dict.fromkeys(names):
            if name == ALL:
                tables.append(
                    _table(name, 'Every correct definition.',
                           select_metrics(ALL)))
                continue
            preset = get_preset(name)
            tables.append(
                _table(name, preset.note, select_metrics(None, name),
                       preset.channels))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return tables


def _table(name: str, note: str, specs: Mapping[str, FusionMetricSpec],
           channels: str = 'gray') -> Table:
    return Table(name, note, tuple(
        Column(head, spec, channels) for head, spec in specs.items()))


Values = Dict[str, float]
Task = Tuple[Mapping[str, str], Dict[str, str], Dict[str, List[Column]]]
Result = Tuple[Dict[str, Values], Dict[str, str]]


def measure(pairs: Sequence[Mapping[str, str]],
            images: Mapping[str, Path],
            columns: Sequence[Column],
            store: RecordStore,
            workers: int = 1) -> Tuple[Dict[str, Dict[str, Values]],
                                       Dict[Tuple[str, str], str]]:
    """Measure what the store does not have yet.

    Args:
        pairs (sequence[mapping]): ``stem``, ``vis_path``, ``ir_path``.
        images (mapping): Method -> folder of its images ``<stem>.png``;
            what is not there is left out.
        columns (sequence[Column]): What to measure.
        store (RecordStore): Where values are looked up and added.
        workers (int): Processes that measure.

    Returns:
        tuple[dict, dict]: Values by method and stem, and reasons by method
        and stem of what could not be measured.
    """
    found: Dict[str, Dict[str, Values]] = {method: {} for method in images}
    tasks = []
    for pair in pairs:
        files, wanted = {}, {}
        for method, folder in images.items():
            path = folder / f'{pair["stem"]}.png'
            if not path.is_file():
                continue
            record = store.find(method, pair['stem'], _files(pair, path))
            values = found[method][pair['stem']] = dict(
                record.values if record else {})
            missing = [
                column for column in columns if column.key not in values
            ]
            if missing:
                files[method], wanted[method] = str(path), missing
        if wanted:
            tasks.append((dict(pair), files, wanted))
    failures = {}
    for (pair, files, _), (values, reasons) in zip(
            tasks, track(_run(tasks, workers), len(tasks)), strict=True):
        for method, new in values.items():
            merged = found[method][pair['stem']]
            merged.update(new)
            store.add(Record(method, pair['stem'], merged),
                      _files(pair, files[method]))
        for method, reason in reasons.items():
            del found[method][pair['stem']]
            failures[method, pair['stem']] = reason
    store.close()
    return found, failures


def _files(pair: Mapping[str, str], fused: Any) -> list:
    return [fused, pair['vis_path'], pair['ir_path']]


def _run(tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    if workers < 2 or len(tasks) < 2:
        yield from map(measure_pair, tasks)
        return
    with ProcessPoolExecutor(workers, initializer=_single_thread) as pool:
        yield from pool.map(measure_pair, tasks)


def _single_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def measure_pair(task: Task) -> Result:
    """Measure several methods' images of one pair.

    What belongs to the sources is computed once.

    Args:
        task (tuple): The pair, path of each method's image, and the columns
            wanted of each.

    Returns:
        tuple[dict, dict]: Values, or the reason why there are none, of each
        method.
    """
    pair, files, wanted = task
    try:
        sources = SourceContext(
            _AS_STORED.read_sources([pair['ir_path'], pair['vis_path']]), 1)
    except Exception as error:  # the others must go on, whatever it is
        return {}, dict.fromkeys(files, _one_line(error))
    values, reasons = {}, {}
    for method, path in files.items():
        try:
            fused = _AS_STORED.read_fused(path)
            values[method] = {}
            for channels in {column.channels for column in wanted[method]}:
                keys = {
                    column.spec.key: column.key for column in wanted[method]
                    if column.channels == channels
                }
                measured = compute(
                    fused, sources, list(keys), data_range=1,
                    channels=channels)
                values[method].update(
                    {keys[key]: value for key, value in measured.items()})
        except Exception as error:
            values.pop(method, None)
            reasons[method] = _one_line(error)
    return values, reasons


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__
