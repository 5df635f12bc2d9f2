"""Values of single images: kept while they are measured, and as CSV."""
import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmfusion.utils.disk import writing
from mmfusion.utils.errors import changed_entries
from mmfusion.utils.files import write_text

PathLike = str | os.PathLike


@dataclass(frozen=True)
class Record:
    """What became of one fused image.

    Attributes:
        method (str): Which method fused it; '' where its sources failed.
        stem (str): Name of the image.
        values (dict[str, float]): Heading -> value; empty where it failed.
        error (str, optional): Why it failed.
    """
    method: str
    stem: str
    values: dict[str, float] = field(default_factory=dict)
    error: str | None = None


def write_csv(path: PathLike, records: Iterable[Record],
              headings: Sequence[str]) -> None:
    """Write one row an image: method, image and the values.

    Args:
        path (str | PathLike): Target; see :func:`write_text`.
        records (iterable[Record]): What to write. Without any method the
            first column is left out.
        headings (sequence[str]): Columns of values.
    """
    records = list(records)
    named = any(record.method for record in records)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([*(['method'] if named else []), 'image', *headings])
    for record in records:
        writer.writerow([
            *([record.method] if named else []), record.stem,
            *(repr(float(record.values[head])) for head in headings)
        ])
    write_text(path, text.getvalue())


class RecordStore:
    """A file that grows by one line an image, so that a run can go on.

    Its first line holds the settings, each other line a record with the
    sizes and times of its files: an image that was fused anew is measured
    anew. What a killed run left of its last line is dropped.

    Args:
        path (str | PathLike): The file; made with its folder.
        settings (mapping): What all records depend on, as JSON takes it.
        restart (bool): Whether to forget what is there. Defaults to False.

    Raises:
        ValueError: If the file has records of other settings; says which.
    """

    def __init__(self, path: PathLike, settings: Mapping[str, Any],
                 restart: bool = False) -> None:
        self.path = Path(path)
        self._settings = json.loads(json.dumps(settings))
        self._known: dict[tuple[str, str], tuple[list, dict[str, float]]] = {}
        self._file: Any = None
        self._restart = restart
        if not restart and self.path.exists():
            self._read()

    def find(self, method: str, stem: str,
             files: Sequence[PathLike]) -> Record | None:
        """The record of an image if its files are still the same."""
        state, values = self._known.get((method, stem), (None, {}))
        if state is None or state != _state(files):
            return None
        return Record(method, stem, values)

    def add(self, record: Record, files: Sequence[PathLike]) -> None:
        """Append a record.

        Raises:
            DiskError: If there is no room; what was added before is kept.
        """
        line = json.dumps(
            dict(method=record.method, stem=record.stem, files=_state(files),
                 values=record.values)) + '\n'
        with writing(self.path, len(line)):
            if self._file is None:
                self._open()
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            with writing(self.path):
                file.close()

    def _open(self) -> None:
        """Begin a file, or cut a line that was not finished."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._restart or not self.path.exists():
            write_text(self.path,
                       json.dumps(dict(settings=self._settings)) + '\n')
        content = self.path.read_bytes()
        if not content.endswith(b'\n'):
            os.truncate(self.path, content.rfind(b'\n') + 1)
        self._file = open(self.path, 'a', encoding='utf-8')  # noqa: SIM115

    def _read(self) -> None:
        lines = self._lines()
        before = (lines or [{}])[0].get('settings')
        if before is None:
            raise ValueError(
                f'Expected records of this tool in {self.path}, got '
                'something else. Name another --out, or give --restart.')
        changed = changed_entries(before, self._settings, _brief)
        if changed:
            raise ValueError(
                f'Expected the settings that the records in {self.path} '
                f'were made with, got others: {changed}. Name '
                'another --out, or give --restart to measure anew.')
        for line in lines[1:]:
            self._known[line['method'],
                        line['stem']] = (line['files'], line['values'])

    def _lines(self) -> list[dict]:
        """Content of the lines that were finished."""
        lines = []
        for line in self.path.read_bytes().split(b'\n')[:-1]:
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
        return lines


def _brief(value: Any) -> str:
    """A setting as text; of metrics their keys."""
    return ', '.join(value.values()) if isinstance(value, dict) else str(value)


def _state(files: Sequence[PathLike]) -> list:
    """Path, size and time of change of each file."""
    found = []
    for file in files:
        stat = os.stat(file)
        found.append([os.path.abspath(file), stat.st_size, stat.st_mtime_ns])
    return found
