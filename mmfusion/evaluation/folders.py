"""Measuring folders of fused images: what fits together, resuming, files."""
import json
import os
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmfusion.fileio import FileRule, join_by_stem, natural_key
from mmfusion.fileio.paths import check_outputs
from mmfusion.fileio.reading import tell_again
from mmfusion.utils.files import write_text
from mmfusion.utils.processes import available_cores

from .protocol import Protocol
from .records import PathLike, Record, RecordStore, write_csv
from .scenes import Scene, measure
from .tables import ScoreTable

PLAIN, WITH_METHOD = '{stem}', '{stem}_{method}'
RECORDS = 'records.jsonl'
#: what an evaluation writes once it is done
FILES = ('per_image.csv', 'summary.md', 'summary.tex', 'summary.json')
Folders = Mapping[str, PathLike]


def named_folders(folders: Sequence[str]) -> dict[str, str]:
    """Names of folders: ``NAME=DIR``, or the last part of the path.

    Raises:
        ValueError: If two have the same name.
    """
    named: dict[str, str] = {}
    for text in folders:
        name, _, folder = text.partition('=')
        if not folder or Path(text).is_dir():
            name, folder = Path(os.path.realpath(text)).name, text
        if name in named:
            raise ValueError(
                f'Expected folders of different names, got {named[name]!r} '
                f'and {folder!r}. Write NAME={folder}.')
        named[name] = folder
    return named


def match_scenes(
        fused: Folders | PathLike, sources: Folders,
        fused_rule: str | None = None,
        source_rules: Mapping[str, str] | None = None,
        stems: Sequence[str] | None = None) -> tuple[list[Scene], list[str]]:
    """Match fused images with their sources by their stems.

    Args:
        fused (mapping | str | PathLike): Method -> folder; suffixes may
            differ. Or one folder, whose files are named after scene and
            method.
        sources (mapping): Name -> folder, infrared first.
        fused_rule (str, optional): Names of fused files. Defaults to
            ``'{stem}'``, for one folder to ``'{stem}_{method}'``.
        source_rules (mapping, optional): The same for some sources.
        stems (sequence[str], optional): Which to measure; by default all
            that any folder has.

    Returns:
        tuple[list[Scene], list[str]]: Scenes that at least one method has,
        and a line for each file that is missing.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If a folder has no images or two for one stem, or if
            nothing fits together.
    """
    rules = source_rules or {}
    listed = {
        ('source', name):
        FileRule(stem=rules.get(name) or PLAIN).list(str(folder), name)
        for name, folder in sources.items()
    }
    strays = []
    if isinstance(fused, Mapping):
        rule = fused_rule or PLAIN
        listed.update({
            ('fused', method):
            FileRule(stem=rule.replace('{method}', method)).list(
                str(folder), method) for method, folder in fused.items()
        })
    else:
        known = set().union(*listed.values())
        methods, strays = _by_method(fused, fused_rule or WITH_METHOD, known)
        listed.update(
            (('fused', method), files) for method, files in methods.items())
    samples, missing = join_by_stem(listed, stems)
    scenes = []
    for stem, found in samples:
        paths = tuple(path for (kind, _), path in found.items()
                      if kind == 'source')
        made = {
            name: path for (kind, name), path in found.items()
            if kind == 'fused'
        }
        if made and len(paths) == len(sources):
            scenes.append(Scene(stem, paths, made))
    if not scenes:
        example = ', '.join([
            *(next(iter(files.values())) for files in listed.values()),
            *strays[:1]
        ])
        raise ValueError(
            f'Expected files of equal stems in all folders, got none, e.g. '
            f'{example}. Rename them or give a rule for their stems.')
    return scenes, [
        *(f'{stem}: no file of {name}' for stem, (_, name) in missing),
        *(f'{path}: no scene and method in its name' for path in strays)
    ]


def _by_method(
        folder: PathLike, rule: str,
        stems: Container[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Files by method and stem, and those whose name fits no stem.

    Where a name can be cut in several ways, the longest stem counts.
    """
    parts = re.fullmatch(r'(.*?)\{(stem|method)\}(.*?)\{(stem|method)\}(.*)',
                         rule, re.DOTALL)
    if parts is None or parts[2] == parts[4]:
        raise ValueError("Expected a rule that holds '{stem}' and '{method}' "
                         f'once each, such as {WITH_METHOD!r}, got {rule!r}.')
    before, first, between, _, after = parts.groups()
    found: dict[str, dict[str, str]] = {}
    strays = []
    for name, path in FileRule().list(str(folder), 'fused images').items():
        place, base = os.path.split(name)
        cuts = []
        if base.startswith(before) and base.endswith(after):
            base = base[len(before):len(base) - len(after)]
            cuts = [(base[:index], base[index + len(between):])
                    for index in range(1,
                                       len(base) - len(between))
                    if base.startswith(between, index)]
        if first == 'method':
            cuts = [cut[::-1] for cut in cuts]
        fitting = [(os.path.join(place, stem), method) for stem, method in cuts
                   if os.path.join(place, stem) in stems]
        if fitting:
            stem, method = max(fitting, key=lambda cut: len(cut[0]))
            found.setdefault(method, {})[stem] = path
        else:
            strays.append(path)
    return dict(sorted(found.items(), key=lambda i: natural_key(i[0]))), strays


@dataclass(frozen=True)
class FolderScores:
    """What an evaluation of folders found.

    Attributes:
        table (ScoreTable): Summary of what could be measured.
        problems (list[str]): A line for each file that is missing, does
            not fit or cannot be read.
    """
    table: ScoreTable
    problems: list[str]


class FolderEvaluation:
    """Measures the fused images of several methods into a folder.

    Writes ``records.jsonl`` (a line as soon as an image is measured),
    ``per_image.csv``, ``summary.md``, ``summary.tex`` and ``summary.json``.
    A run that was stopped goes on when it is started again; images that
    changed in the meantime are measured anew.

    Args:
        fused (mapping | str | PathLike): As :func:`match_scenes`.
        sources (mapping): Name -> folder, infrared first.
        out (str | PathLike): Folder of the results; made if missing.
        protocol (Protocol, optional): How to measure.
        restart (bool): Whether to forget records of an earlier run.
        kwargs: Rules and stems, see :func:`match_scenes`.

    Raises:
        FileNotFoundError: If a folder does not exist.
        ValueError: If folders do not fit together, or ``out`` is one of
            them or has records of other settings.

    Examples:
        >>> evaluation = FolderEvaluation(
        ...     dict(mine='results/mine'), dict(ir='data/ir', vis='data/vi'),
        ...     'work_dirs/scores', Protocol(preset='film'))
        >>> evaluation.run(workers=1).table.images
        {'mine': 2}
    """

    def __init__(self, fused: Folders | PathLike, sources: Folders,
                 out: PathLike, protocol: Protocol | None = None,
                 restart: bool = False, **kwargs) -> None:
        self.protocol = protocol or Protocol()
        self.sources = list(sources)
        self.out = Path(out)
        named = isinstance(fused, Mapping)
        made = fused.values() if named else [fused]
        check_outputs([(out, ()), *((self.out / name, ()) for name in FILES)],
                      [*made, *sources.values()], restart,
                      ours=lambda path: path.with_name(RECORDS).is_file(),
                      flag='--restart')
        self.scenes, self.missing = match_scenes(fused, sources, **kwargs)
        self.methods = list(fused) if named else sorted(
            {name for scene in self.scenes
             for name in scene.fused}, key=natural_key)
        self.store = RecordStore(self.out / RECORDS, self.protocol.settings(),
                                 restart)
        tell_again()

    def run(self, workers: int | None = None) -> FolderScores:
        """Measure what is not measured yet, write all files.

        Args:
            workers (int, optional): Processes, by default one a core. Set
                ``OMP_NUM_THREADS=1`` with many.

        Returns:
            FolderScores: Of old and new records. Where nothing could be
            measured its table has no methods, and no file is written.

        Raises:
            ChildProcessError: If a process was killed.
        """
        records, failures = self._measure(available_cores() if workers is
                                          None else workers)
        problems = [
            *self.missing, *(': '.join(
                filter(None, (failure.stem, failure.method, failure.error)))
                             for failure in failures)
        ]
        scores = FolderScores(
            ScoreTable.from_records(records, self.protocol.specs), problems)
        if records:
            self._write(records, scores)
        return scores

    def _measure(self, workers: int) -> tuple[list[Record], list[Record]]:
        """Records in the order of the tables, and failures."""
        done: dict[tuple[str, str], Record] = {}
        failures: list[Record] = []
        todo, files = [], {}
        for scene in self.scenes:
            new = {}
            for method, path in scene.fused.items():
                key = method, scene.stem
                files[key] = (path, *scene.sources)
                found = self.store.find(*key, files[key])
                if found is None:
                    new[method] = path
                else:
                    done[key] = found
            if new:
                todo.append(Scene(scene.stem, scene.sources, new))
        load = partial(self.protocol.read_sources, names=self.sources)
        try:
            for records in measure(todo, self.protocol, workers, load):
                for record in records:
                    if record.error is not None:
                        failures.append(record)
                        continue
                    key = record.method, record.stem
                    done[key] = record
                    self.store.add(record, files[key])
        finally:
            self.store.close()
        order = [(method, scene.stem) for method in self.methods
                 for scene in self.scenes]
        failures.sort(key=lambda record: natural_key(record.stem))
        return [done[key] for key in order if key in done], failures

    def _write(self, records: list[Record], scores: FolderScores) -> None:
        protocol, table = self.protocol, scores.table
        write_csv(self.out / 'per_image.csv', records, protocol.specs)
        write_text(
            self.out / 'summary.md',
            table.to_markdown() + f'\nSources: {", ".join(self.sources)}. '
            f'{describe(protocol)}\n')
        write_text(self.out / 'summary.tex', table.to_latex())
        content = dict(settings=protocol.settings(),
                       preset=protocol.preset, sources=self.sources,
                       **table.to_json(), problems=scores.problems)
        write_text(self.out / 'summary.json',
                   json.dumps(content, indent=2, allow_nan=False) + '\n')


def describe(protocol: Protocol) -> str:
    """The protocol in one line."""
    used = protocol.settings()
    return (f'Preset {protocol.preset}; channels {used["channels"]}, grey '
            f'rule {protocol.grey}, stretched: {protocol.stretch}, '
            f'{"" if protocol.quantize else "not "}rounded to 256 levels; ' +
            ''.join(f'{key} {value}; '
                    for key, value in protocol.reading.stated().items()) +
            f'mmfusion {used["mmfusion"]}.')
