"""Metrics of the fused images of all methods."""
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.records import Record, RecordStore
from mmfusion.evaluation.scenes import Scene
from mmfusion.evaluation.scenes import measure as measure_scenes
from mmfusion.evaluation.selection import split_words
from mmfusion.fileio import PairReading
from mmfusion.fileio.paths import output_path
from mmfusion.functional import FusionMetricSpec, get_preset, select_metrics
from mmfusion.utils.errors import UsageError

ALL = 'all'


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
    columns: tuple[Column, ...]


def read_tables(names: Sequence[str],
                metrics: Sequence[str] | None = None) -> list[Table]:
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
            tables.append(
                _table('selected', 'The chosen metrics.',
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
    return Table(
        name, note,
        tuple(Column(head, spec, channels) for head, spec in specs.items()))


Values = dict[str, float]


def measure(
    pairs: Sequence[Mapping[str, str]], images: Mapping[str, Path],
    columns: Sequence[Column], store: RecordStore, workers: int = 1,
    reading: PairReading | None = None, sources: Sequence[str] = ('ir', 'vis')
) -> tuple[dict[str, dict[str, Values]], dict[tuple[str, str], str]]:
    """Measure what the store does not have yet.

    Args:
        pairs (sequence[mapping]): ``stem`` and the paths of the sources,
            such as ``vis_path``.
        images (mapping): Method -> folder of its images ``<stem>.png``;
            what is not there is left out.
        columns (sequence[Column]): What to measure.
        store (RecordStore): Where values are looked up and added.
        workers (int): Processes that measure.
        reading (PairReading, optional): How the sources are read.
        sources (sequence[str]): Their names, in the order of the metrics.

    Returns:
        tuple[dict, dict]: Values by method and stem, and reasons by method
        and stem of what could not be measured.
    """
    found: dict[str, dict[str, Values]] = {method: {} for method in images}
    files: dict[tuple[str, str], list] = {}
    failures: dict[tuple[str, str], str] = {}
    for pair in pairs:
        for method, folder in images.items():
            path = output_path(folder, pair['stem'])
            if not path.is_file():
                continue
            name = method, pair['stem']
            files[name] = [path, *(pair[f'{kind}_path'] for kind in sources)]
            record = store.find(*name, files[name])
            found[method][pair['stem']] = dict(record.values if record else {})
    settings = (reading or PairReading()).stated()
    for protocol, scenes in _plan(found, files, columns, settings).items():
        load = partial(protocol.read_sources, names=tuple(sources))
        for records in measure_scenes(scenes, protocol, workers, load):
            for record in _of_methods(records, images):
                name = record.method, record.stem
                if name not in files:
                    continue
                if record.error is not None:
                    failures[name] = record.error
                else:
                    values = found[record.method][record.stem]
                    values.update({
                        f'{key}@{protocol.channels}': value
                        for key, value in record.values.items()
                    })
                    store.add(Record(*name, values), files[name])
    store.close()
    for method, stem in failures:
        del found[method][stem]
    return found, failures


def _plan(found: Mapping[str, Mapping[str, Values]],
          files: Mapping[tuple[str, str], list], columns: Sequence[Column],
          settings: Mapping[str, Any]) -> dict[Protocol, list[Scene]]:
    """Scenes to measure, by what is missing."""
    plan: dict[Protocol, dict[str, Scene]] = {}
    for (method, stem), (fused, *originals) in files.items():
        missing: dict[str, list[str]] = {}
        for column in columns:
            if column.key not in found[method][stem]:
                missing.setdefault(column.channels, []).append(column.spec.key)
        for channels, keys in missing.items():
            protocol = Protocol(metrics=tuple(keys), channels=channels,
                                **settings)
            scenes = plan.setdefault(protocol, {})
            scene = scenes.setdefault(stem, Scene(stem, originals, {}))
            scene.fused[method] = str(fused)
    return {key: list(scenes.values()) for key, scenes in plan.items()}


def _of_methods(records: Sequence[Record],
                methods: Iterable[str]) -> Iterator[Record]:
    """Records of methods; an error of the sources is one of each."""
    for record in records:
        if record.method:
            yield record
        else:
            for method in methods:
                yield Record(method, record.stem, error=record.error)
