"""The data sets of a benchmark: folders of images with equal stems."""
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmfusion.apis.pairs import match_folders
from mmfusion.fileio import FileRule
from mmfusion.utils.errors import UsageError

from .methods import folder_name

#: short name -> folders below ``MMFUSION_DATA``: vis, ir and labels
KNOWN_SETS = dict(
    roadscene=('fusion_roadscene/test/vi', 'fusion_roadscene/test/ir'),
    tno=('fusion_tno/test/vi', 'fusion_tno/test/ir'),
    vifb=('fusion_vifb/test/vi', 'fusion_vifb/test/ir'),
    m3fd=('fusion_m3fd/test/vi', 'fusion_m3fd/test/ir'),
    msrs=('seg_msrs9/val/vi', 'seg_msrs9/val/ir', 'seg_msrs9/val/label'),
)
_TITLES = dict(roadscene='RoadScene', tno='TNO', vifb='VIFB', m3fd='M3FD',
               msrs='MSRS')


@dataclass(frozen=True)
class PairSet:
    """Pairs of one data set.

    Attributes:
        name (str): What the report calls it, unique.
        pairs (list[dict]): ``stem``, ``vis_path``, ``ir_path`` and, where
            there is a label map, ``label_path``.
        unmatched (list[str]): Files without a partner.
    """
    name: str
    pairs: list[dict[str, str]]
    unmatched: list[str] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The name as a folder's."""
        return folder_name(self.name)

    @property
    def labelled(self) -> bool:
        """Whether there are label maps."""
        return any('label_path' in pair for pair in self.pairs)


def read_sets(entries: Sequence[str],
              limit: int | None = None) -> list[PairSet]:
    """The data sets a command line names.

    Args:
        entries (sequence[str]): ``NAME=VIS_DIR,IR_DIR[,LABEL_DIR]`` or a
            short name of :data:`KNOWN_SETS`, found under the variable
            ``MMFUSION_DATA`` or in ``data``.
        limit (int, optional): Most pairs of each, spread over the set.

    Returns:
        list[PairSet]: In order.

    Raises:
        UsageError: If an entry cannot be understood or two have one name.
        FileNotFoundError: If a folder is missing.
    """
    if limit is not None and limit < 1:
        raise UsageError(f'Expected --limit of at least 1, got {limit}.')
    sets = [_read(entry, limit) for entry in entries]
    names = [item.folder for item in sets]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise UsageError('Expected data sets of different names, got '
                         f'{", ".join(double)} twice.')
    return sets


def _read(entry: str, limit: int | None) -> PairSet:
    name, _, folders = entry.partition('=')
    if not folders and name.lower() in KNOWN_SETS:
        root = Path(os.environ.get('MMFUSION_DATA') or 'data')
        paths = [str(root / part) for part in KNOWN_SETS[name.lower()]]
        name = _TITLES[name.lower()]
    else:
        paths = folders.split(',')
    if not name or len(paths) not in (2, 3) or not all(paths):
        raise UsageError('Expected NAME=VIS_DIR,IR_DIR[,LABEL_DIR] or one of '
                         f'{", ".join(KNOWN_SETS)}, got {entry!r}.')
    pairs, unmatched = match_folders(*paths[:2])
    if len(paths) == 3:
        try:
            labels = FileRule(suffix='.png').list(paths[2], 'labels')
        except ValueError as error:
            raise UsageError(f'{name}: {error}') from error
        unmatched += [
            labels[stem] for stem in labels
            if stem not in {pair['stem'] for pair in pairs}
        ]
        for pair in pairs:
            if pair['stem'] in labels:
                pair['label_path'] = labels[pair['stem']]
    return PairSet(name, spread(pairs, limit), unmatched)


def spread(items: Sequence, count: int | None) -> list:
    """Up to ``count`` items at equal distances, the first included.

    Neighbours in a set are often frames of one scene.
    """
    if count is None or count >= len(items):
        return list(items)
    return [items[i] for i in np.arange(count) * len(items) // count]
