"""Outcomes of trials: kept in a file, told in a table."""
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmfusion.utils.claims import claimed
from mmfusion.utils.compat import has_mmcv_ops
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import PathLike, parse_json, write_json, write_text
from mmfusion.utils.stack import stack_info

from .networks import Network
from .trial import SIZES, try_network

PACKAGES = ('mmseg', 'mmdet')
Outcomes = dict[str, dict[str, Any]]
#: where a page has its table
MARKS = ('<!-- outcomes -->', '<!-- end of outcomes -->')
#: what errors mean, where they say it at length
_MEANT = ((r"compiled operator '(\w+?)(?:_forward)?'",
           "mmcv's compiled operator `\\1`"),
          (r"import custom modules .*'mmpretrain",
           'it needs mmpretrain'), (r'pip install ([\w-]+)', r'it needs `\1`'),
          (r'DepthEstimator', 'no segmentor: it estimates depth'),
          (r'huggingface', 'it needs the files of a language model'))


def _file(folder: Path, operators: str) -> Path:
    return Path(folder) / f'{operators}.json'


def read_outcomes(folder: Path, operators: str) -> Outcomes:
    """Outcomes of the installed packages; none of others.

    Args:
        folder (Path): Where they are kept.
        operators (str): ``'served'`` or ``'compiled'``.

    Raises:
        UsageError: If the file is no JSON of this tool.
    """
    path = _file(folder, operators)
    if not path.is_file():
        return {}
    kept = parse_json(path.read_text(encoding='utf-8'), path)
    if not isinstance(kept, dict) or not {'stack', 'networks'} <= set(kept):
        raise UsageError(f'Expected outcomes of this tool in {path}, got '
                         'something else. Delete it, or name another folder.')
    return kept['networks'] if kept['stack'] == _stack() else {}


def _stack() -> dict[str, str]:
    import torch
    return {**stack_info(), 'torch': torch.__version__}


def try_all(networks: Iterable[Network], folder: Path,
            again: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Try networks one by one; what was tried before is kept.

    Args:
        networks (iterable[Network]): Which ones.
        folder (Path): Outcomes are written there after each.
        again (bool): Whether to try those that have an outcome, too.

    Yields:
        tuple[str, dict]: A network's key and its outcome.
    """
    operators = 'compiled' if has_mmcv_ops() else 'served'
    path = _file(folder, operators)
    with claimed(folder):
        outcomes = read_outcomes(folder, operators)
        for network in networks:
            if again or network.key not in outcomes:
                outcomes[network.key] = try_network(network)
                write_json(path, dict(stack=_stack(), networks=outcomes))
            yield network.key, outcomes[network.key]


def told(outcome: dict[str, Any],
         compiled: dict[str, Any] | None = None) -> str:
    """An outcome in a few words.

    Args:
        outcome (dict): See :func:`try_network`; without compiled operators.
        compiled (dict, optional): With them.
    """
    if 'out' in outcome:
        return 'no task of a wrapper'
    if outcome['works']:
        size = outcome['size']
        return 'works' if size == SIZES[0] else f'works from {size} px'
    if compiled and compiled['works']:
        return f'works with {_meant(outcome)}' if 'operator' in outcome[
            'reason'] else "works with mmcv's compiled operators"
    if outcome.get('alone'):
        return f'fails without a fuser, too: {_meant(outcome)}'
    return f'fails to {outcome["stage"]}: {_meant(outcome)}'


def _meant(outcome: dict[str, Any]) -> str:
    reason = outcome['reason']
    for pattern, meaning in _MEANT:
        found = re.search(pattern, reason)
        if found:
            return found.expand(meaning)
    return f'`{textwrap.shorten(reason, 100)}`'.replace('|', '/')


def as_markdown(folder: Path) -> str:
    """The tables of the docs, of all that was tried without operators.

    Args:
        folder (Path): See :func:`try_all`.
    """
    served, compiled = (read_outcomes(folder, operators)
                        for operators in ('served', 'compiled'))
    packages = ', '.join(f'{name} {version}' if ' ' not in version else version
                         for name, version in _stack().items())
    lines = [f'With {packages}.']
    for package, kind, of in (('mmseg', 'segmentor', 'base models'),
                              ('mmdet', 'detector', 'families')):
        rows = {
            key.partition('/')[2]: (outcome, compiled.get(key))
            for key, outcome in sorted(served.items())
            if key.startswith(f'{package}/') and 'out' not in outcome
        }
        if not rows:
            continue
        works = sum(row[0]['works'] for row in rows.values())
        lines += [
            '', f'### {package}: {works} of {len(rows)} {of} work as '
            'they are', '', f'| {kind} | config | |', '|---|---|---|',
            *(f'| {name} | {one["config"]} | {told(one, other)} |'
              for name, (one, other) in rows.items())
        ]
    return '\n'.join(lines)


def renew(path: PathLike, table: str) -> None:
    """Write a table into its place in a page.

    Raises:
        UsageError: If the page has none.
    """
    page = Path(path).read_text(encoding='utf-8')
    first, last = MARKS
    if page.count(first) != 1 or page.count(last) != 1:
        raise UsageError(f'Expected the lines {first} and {last} in {path}, '
                         'got none. Write them where the table belongs.')
    before, _, rest = page.partition(first)
    after = rest.partition(last)[2]
    write_text(path, f'{before}{first}\n\n{table}\n\n{last}{after}')


def choose(networks: list[Network], names: list[str] | None) -> list[Network]:
    """Networks of the given names.

    Raises:
        UsageError: If one is unknown.
    """
    if names is None:
        return networks
    chosen = [
        network for network in networks
        if {network.name, network.key} & set(names)
    ]
    missing = set(names) - {x for n in chosen for x in (n.name, n.key)}
    if missing:
        raise UsageError(f'Expected names of networks, got {sorted(missing)}. '
                         'Known: ' + ', '.join(n.key for n in networks))
    return chosen
