"""Summary tables of methods and metrics: Markdown, LaTeX and JSON."""
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmfusion.functional import FusionMetricSpec
from mmfusion.utils.errors import printable

from .records import Record

#: name -> function of the values of all images; ``std`` is that of the
#: images themselves (divided by their number)
STATISTICS = dict(mean=np.mean, median=np.median, std=np.std)
TITLES = dict(mean='Mean', median='Median', std='Standard deviation',
              rank='Rank of the mean')
LABEL = 'published-table compatible, not correct'
_LATEX_ARROWS = {
    '↑': r'$\uparrow$',
    '↓': r'$\downarrow$',
    '→0': r'$\rightarrow\!0$'
}
_LATEX_ESCAPES = str.maketrans({
    **{
        character: '\\' + character for character in '&%$#_{}'
    }, '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}'
})

Values = dict[str, dict[str, float]]


@dataclass(frozen=True)
class ScoreTable:
    """Statistics of several methods.

    Attributes:
        specs (mapping): Heading -> metric, in the order of the columns.
        images (dict[str, int]): Method -> number of images measured, in the
            order of the rows.
        statistics (dict): Name of a statistic -> method -> heading -> value;
            besides :data:`STATISTICS`, ``rank``: the place by the mean, 1
            is best, equal means share a place.
    """
    specs: Mapping[str, FusionMetricSpec]
    images: dict[str, int]
    statistics: dict[str, Values]

    @classmethod
    def from_records(cls, records: Iterable[Record],
                     specs: Mapping[str, FusionMetricSpec]) -> 'ScoreTable':
        """Summarize images.

        Args:
            records (iterable[Record]): With values of all headings.
            specs (mapping): Heading -> metric.

        Returns:
            ScoreTable: Methods in the order of their first record.
        """
        rows: dict[str, list[list[float]]] = {}
        for record in records:
            rows.setdefault(record.method,
                            []).append([record.values[head] for head in specs])
        statistics = {
            name: {
                method:
                dict(zip(specs,
                         function(values, axis=0).tolist(), strict=True))
                for method, values in rows.items()
            } for name, function in STATISTICS.items()
        }
        statistics['rank'] = _ranks(statistics['mean'], specs)
        return cls(specs, {
            method: len(values) for method, values in rows.items()
        }, statistics)

    def mean_rank(self, method: str) -> float:
        """Mean of a method's places over all metrics."""
        return float(np.mean(list(self.statistics['rank'][method].values())))

    def to_json(self) -> dict[str, Any]:
        """Statistics and what the columns are, of JSON's types."""
        return dict(
            metrics={
                head:
                dict(
                    metric=spec.key, higher_is_better=spec.higher_is_better,
                    range=[
                        bound if math.isfinite(bound) else None
                        for bound in spec.value_range
                    ], reference=spec.reference, correct=spec.correct)
                for head, spec in self.specs.items()
            }, methods={
                method:
                dict(
                    images=count, mean_rank=self.mean_rank(method), **{
                        name: values[method]
                        for name, values in self.statistics.items()
                    }) for method, count in self.images.items()
            })

    def to_markdown(self, statistics: Iterable[str] = TITLES) -> str:
        """Tables with the best values in bold, and what their columns are.

        A single method gets one table with a row a metric.

        Args:
            statistics (iterable[str]): Which, by default all.

        Returns:
            str: Markdown.
        """
        blocks = []
        if len(self.images) == 1:
            blocks.append(self._one_method())
        else:
            for name in statistics:
                blocks += [f'### {TITLES[name]}', self._markdown_grid(name)]
        return '\n\n'.join([*blocks, '\n'.join(self._legend())]) + '\n'

    def to_latex(self) -> str:
        """One table a statistic, best values bold; needs ``booktabs``."""
        names = ['mean', 'median', 'std']
        if len(self.images) > 1:
            names.append('rank')
        blocks = ['% needs \\usepackage{booktabs}']
        blocks += [self._latex_grid(name) for name in names]
        return '\n\n'.join(blocks) + '\n'

    def _one_method(self) -> str:
        (method, count), = self.images.items()
        texts = [self._texts(name)[method] for name in STATISTICS]
        rows = [[
            f'{method}: {count} images',
            *map(str.lower, (TITLES[name] for name in STATISTICS))
        ]]
        rows += [[self._heading(head), *(text[head] for text in texts)]
                 for head in self.specs]
        return _markdown(rows)

    def _markdown_grid(self, name: str) -> str:
        return _markdown(
            self._grid(name, self._heading, lambda text: f'**{text}**'))

    def _latex_grid(self, name: str) -> str:
        head, *rows = self._grid(
            name, lambda column: _latex(column) +
            ('' if self.specs[column].correct else r'$^\dagger$'
             ) + ' ' + _LATEX_ARROWS[self.specs[column].arrow],
            lambda text: rf'\textbf{{{text}}}')
        caption = f'{TITLES[name]}.'
        if not all(spec.correct for spec in self.specs.values()):
            caption += rf' $^\dagger$: {LABEL}.'
        lines = [
            r'\begin{table}', r'\centering', rf'\caption{{{caption}}}',
            rf'\begin{{tabular}}{{l{"r" * (len(head) - 1)}}}', r'\toprule',
            _latex_row(head), r'\midrule',
            *(_latex_row([_latex(row[0]), *row[1:]]) for row in rows),
            r'\bottomrule', r'\end{tabular}', r'\end{table}'
        ]
        return '\n'.join(lines)

    def _grid(self, name: str, heading: Callable[[str], str],
              bold: Callable[[str], str]) -> list[list[str]]:
        """Headings and one row a method, as text."""
        ranked = name == 'rank'
        last = ['mean rank'] if ranked else []
        rows = [['method', 'images', *map(heading, self.specs), *last]]
        texts, best = self._texts(name), self._best(name)
        for method, count in self.images.items():
            cells = [
                bold(text) if method in best.get(head, ()) else text
                for head, text in texts[method].items()
            ]
            last = [f'{self.mean_rank(method):.2f}'] if ranked else []
            rows.append([method, str(count), *cells, *last])
        return rows

    def _texts(self, name: str) -> dict[str, dict[str, str]]:
        """Numbers with as many digits as their column deserves."""
        means = self.statistics['mean'].values()
        digits = {
            head:
            0 if name == 'rank' else _digits(
                max(abs(row[head]) for row in means)) for head in self.specs
        }
        return {
            method: {
                head: f'{value:.{digits[head]}f}'
                for head, value in row.items()
            } for method, row in self.statistics[name].items()
        }

    def _best(self, name: str) -> dict[str, list[str]]:
        """Heading -> methods that lead; nobody leads in a deviation."""
        if name == 'std' or len(self.images) < 2:
            return {}
        places = self.statistics['rank']
        if name == 'median':
            places = _ranks(self.statistics['median'], self.specs)
        return {
            head: [method for method, row in places.items() if row[head] == 1]
            for head in self.specs
        }

    def _heading(self, head: str) -> str:
        spec = self.specs[head]
        return f'{head}{"" if spec.correct else " †"} {spec.arrow}'

    def _legend(self) -> list[str]:
        """What each column is."""
        lines = [
            'Best in bold; ↑ higher, ↓ lower, →0 nearer to zero is better.'
        ] if len(self.images) > 1 else []
        if len(set(self.images.values())) > 1:
            lines.append('The methods were measured on different numbers of '
                         'images: means and ranks do not compare.')
        if not all(spec.correct for spec in self.specs.values()):
            lines.append(f'† {LABEL}.')
        lines = ['  \n'.join(lines), ''] if lines else []
        return lines + [
            f'- {head}: `{spec.key}`, {spec.reference}'
            for head, spec in self.specs.items()
        ]


def _ranks(means: Values, specs: Mapping[str, FusionMetricSpec]) -> Values:
    """Place of each method in each metric."""
    ranks: Values = {method: {} for method in means}
    for head, spec in specs.items():
        merit = {
            method: _merit(row[head], spec.higher_is_better)
            for method, row in means.items()
        }
        # Equal but for the rounding of a mean is equal.
        slack = 1e-9 * max(map(abs, merit.values()), default=0)
        for method, own in merit.items():
            ranks[method][head] = 1 + sum(other > own + slack
                                          for other in merit.values())
    return ranks


def _merit(value: float, higher_is_better: bool | None) -> float:
    """A number that is larger for what is better."""
    if higher_is_better is None:
        return -abs(value)
    return value if higher_is_better else -value


def _digits(largest: float) -> int:
    """Digits behind the point: four in all, at least one, at most four."""
    if not largest:
        return 4
    return min(4, max(1, 4 - math.ceil(math.log10(largest))))


def _markdown(rows: list[list[str]]) -> str:
    head, *body = ([printable(cell).replace('|', r'\|') for cell in row]
                   for row in rows)
    rule = ['---', *['---:'] * (len(head) - 1)]
    return '\n'.join(f'| {" | ".join(row)} |' for row in (head, rule, *body))


def _latex(text: str) -> str:
    return printable(text).translate(_LATEX_ESCAPES)


def _latex_row(cells: list[str]) -> str:
    return ' & '.join(cells) + r' \\'
