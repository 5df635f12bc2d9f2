"""The data sets of a benchmark: folders of images with equal stems."""
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmfusion.apis.pairs import match_folders
from mmfusion.fileio import FileRule
from mmfusion.tasks import TASKS, metric_order
from mmfusion.utils.errors import UsageError, check_choice

from .methods import folder_name

#: short name -> title, task, and folders below ``MMFUSION_DATA``: of the
#: task's modalities in order, and of labels
KNOWN_SETS = dict(
    roadscene=('RoadScene', 'ivf', 'fusion_roadscene/test/vi',
               'fusion_roadscene/test/ir'),
    tno=('TNO', 'ivf', 'fusion_tno/test/vi', 'fusion_tno/test/ir'),
    vifb=('VIFB', 'ivf', 'fusion_vifb/test/vi', 'fusion_vifb/test/ir'),
    m3fd=('M3FD', 'ivf', 'fusion_m3fd/test/vi', 'fusion_m3fd/test/ir'),
    msrs=('MSRS', 'ivf', 'seg_msrs9/val/vi', 'seg_msrs9/val/ir',
          'seg_msrs9/val/label'),
    mri_ct=('MRI-CT', 'mri_ct', 'fusion_medical/mri_ct/mri',
            'fusion_medical/mri_ct/ct'),
    mri_pet=('MRI-PET', 'mri_pet', 'fusion_medical/mri_pet/mri',
             'fusion_medical/mri_pet/pet'),
    mri_spect=('MRI-SPECT', 'mri_spect', 'fusion_medical/mri_spect/mri',
               'fusion_medical/mri_spect/spect'),
    mef=('MEF', 'mef', 'fusion_mef/test/under', 'fusion_mef/test/over'),
    mff=('MFF', 'mff', 'fusion_mff/test/a', 'fusion_mff/test/b'),
)


@dataclass(frozen=True)
class PairSet:
    """Pairs of one data set.

    Attributes:
        name (str): What the report calls it, unique.
        pairs (list[dict]): ``stem``, the paths of the modalities
            (``vis_path``, ``ir_path``) and, where there is a label map,
            ``label_path``.
        unmatched (list[str]): Files without a partner.
        task (str): What the pairs are, a name of ``TASKS``.
    """
    name: str
    pairs: list[dict[str, str]]
    unmatched: list[str] = field(default_factory=list)
    task: str = 'ivf'

    @property
    def folder(self) -> str:
        """The name as a folder's."""
        return folder_name(self.name)

    @property
    def sources(self) -> list[str]:
        """Names of the modalities, in the order of the metrics."""
        return metric_order(TASKS[self.task].modalities)

    @property
    def labelled(self) -> bool:
        """Whether there are label maps."""
        return any('label_path' in pair for pair in self.pairs)


def read_sets(entries: Sequence[str],
              limit: int | None = None) -> list[PairSet]:
    """The data sets a command line names.

    Args:
        entries (sequence[str]): ``NAME[@TASK]=DIR,DIR[,LABEL_DIR]``, with
            folders of the task's modalities in order (visible and infrared
            without a task), or a short name of :data:`KNOWN_SETS`, found
            under the variable ``MMFUSION_DATA`` or in ``data``.
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
        name, task, *parts = KNOWN_SETS[name.lower()]
        paths = [str(root / part) for part in parts]
    else:
        name, at, task = name.partition('@')
        task = task.lower() if at else 'ivf'
        paths = folders.split(',')
    if not name or len(paths) not in (2, 3) or not all(paths):
        raise UsageError('Expected NAME[@TASK]=VIS_DIR,IR_DIR[,LABEL_DIR] or '
                         f'one of {", ".join(KNOWN_SETS)}, got {entry!r}.')
    check_choice(TASKS, UsageError, task=task)
    pairs, unmatched = match_folders(*paths[:2], TASKS[task].modalities)
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
    return PairSet(name, spread(pairs, limit), unmatched, task)


def spread(items: Sequence, count: int | None) -> list:
    """Up to ``count`` items at equal distances, the first included.

    Neighbours in a set are often frames of one scene.
    """
    if count is None or count >= len(items):
        return list(items)
    return [items[i] for i in np.arange(count) * len(items) // count]
