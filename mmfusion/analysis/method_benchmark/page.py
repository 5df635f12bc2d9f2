"""The report as one self-contained HTML page."""
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from mmfusion.visualization.html import PAGE_STYLE

from .measuring import Table

_HERE = Path(__file__).resolve().parent
#: what reproduces a published table although its definition is wrong
NOT_CORRECT = 'published-table compatible, not correct'
_DIRECTIONS = {True: 1, False: -1, None: 0}


def describe_tables(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """The presets as the page's script takes them."""
    return [
        dict(
            name=table.name, note=table.note, columns=[
                dict(
                    head=column.head, key=column.key, variant=column.spec.key,
                    channels=column.channels, arrow=column.spec.arrow,
                    better=_DIRECTIONS[column.spec.higher_is_better], range=[
                        limit if math.isfinite(limit) else None
                        for limit in column.spec.value_range
                    ], reference=column.spec.reference,
                    label='' if column.spec.correct else NOT_CORRECT)
                for column in table.columns
            ]) for table in tables
    ]


def render_page(report: Mapping[str, Any],
                strips: Mapping[str, Sequence[str]]) -> str:
    """The page's text.

    Args:
        report (mapping): As ``report.json`` holds it: ``methods``, ``sets``,
            ``presets``, ``values``, ``ranks``, ``segmentation``, ``tasks``
            and ``setting``.
        strips (mapping): Name of each set -> HTML of its strips, in the
            order of the report.

    Returns:
        str: HTML without references to other files.
    """
    # A closing tag inside of a string would end the script.
    data = json.dumps(report, allow_nan=False,
                      separators=(',', ':')).replace('<', '\\u003c')
    sections = ''.join(f'<div class="strips" data-set="{index}" hidden>'
                       f'{"".join(parts)}</div>'
                       for index, parts in enumerate(strips.values()))
    return Template(_read('report.html')).substitute(
        style=PAGE_STYLE + _read('report.css'), strips=sections, data=data,
        script=_read('ranks.js') + _read('report.js'))


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding='utf-8')
