"""Pairs with the images that a teacher made of them."""
import random
import warnings
from collections.abc import Sequence

import mmengine.fileio as fileio

from mmfusion.fileio import FileRule
from mmfusion.registry import DATASETS

from .paired_dataset import FOLDER_ADVICE, PairedImageDataset, brief
from .teacher_settings import warn_of_other_teachers

PARTS = ('train', 'val', 'test')
_TEACHER = 'teacher_path'


@DATASETS.register_module()
class FusionDistillDataset(PairedImageDataset):
    """Pairs and a teacher's fused images, matched by stem.

    Three layouts:

    - ``data_root/{train,val,test}/{VIS,IR,TEACHER_FUSED}``: one data set a
      split, ``data_root='ROOT/train'``.
    - Three flat folders and ``part='train'``: the stems of all pairs are
      sorted, shuffled by Python's ``random`` with ``split_seed`` and cut by
      ``ratios``. Stems that not all folders have are left out with a
      warning, those that only the teacher lacks after the cut: no pair
      changes its part.
    - ``ann_file``, a stem a line.

    In training a sample's ``modalities`` end with ``teacher``, three
    channels, so that geometric transforms of the stack move it along, and
    ``PackFusionInputs`` makes ``gt_fused`` of it. In testing the stack holds
    the pair alone, and ``teacher_path`` tells metrics where the target is.
    A training set warns where ``manifest.json`` of its teacher's images and
    those of the other splits tell of different settings.

    Args:
        part (str, optional): ``'train'``, ``'val'`` or ``'test'`` of flat
            folders. None takes all files, which then have to be complete.
        ratios (sequence[float]): Shares of the three parts.
        split_seed (int): Of the shuffle. Defaults to 42.
        teacher_required (bool, optional): Whether teacher images have to
            exist. Defaults to True in training and False in testing.
        kwargs: See :class:`PairedImageDataset`; ``data_prefix`` also takes
            ``teacher_path`` and ``feature_path`` (``.npz`` files of cached
            features, see :class:`LoadTeacherFeature`).

    Raises:
        ValueError: If a pair or a teacher's image is missing, a part is
            unknown or empty, or the ratios do not add up to at most 1.
        FileNotFoundError: If a folder does not exist.
    """
    METAINFO: dict = dict(modalities=dict(vis=3, ir=1, teacher=3))
    PREFIX: dict = dict(vis_path='VIS', ir_path='IR',
                        teacher_path='TEACHER_FUSED', seg_map_path=None)

    def __init__(self, *args, part: str | None = None,
                 ratios: Sequence[float] = (0.7, 0.15, 0.15),
                 split_seed: int = 42, teacher_required: bool | None = None,
                 test_mode: bool = False, data_prefix: dict | None = None,
                 metainfo: dict | None = None, **kwargs) -> None:
        if part is not None and part not in PARTS:
            raise ValueError(f'Expected part of {PARTS}, got {part!r}.')
        if len(ratios) != 3 or min(ratios) < 0 or sum(ratios) > 1 + 1e-6:
            raise ValueError('Expected three ratios of at least 0 that add '
                             f'up to at most 1, got {tuple(ratios)}.')
        self.part = part
        self.ratios = tuple(ratios)
        self.split_seed = split_seed
        if teacher_required is None:
            teacher_required = not test_mode
        self.teacher_required = teacher_required
        prefix = dict(data_prefix or {})
        self._features = prefix.pop('feature_path', None)
        if test_mode:
            metainfo = dict(metainfo or {}, modalities=dict(vis=3, ir=1))
            self._teacher = {**self.PREFIX, **prefix}.get('teacher_path')
            prefix.pop('teacher_path', None)
        super().__init__(*args, test_mode=test_mode, data_prefix=prefix,
                         metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Match the files, the teacher's images and features included."""
        samples = super().load_data_list()
        extra = {}
        if self.test_mode and self._teacher is not None:
            folder = self._joined(self._teacher)
            if self.teacher_required or fileio.isdir(folder):
                extra['teacher_path'] = FileRule().list(
                    folder, 'teacher_path', self.backend_args, FOLDER_ADVICE)
        if self._features is not None and not self.test_mode:
            extra['feature_path'] = FileRule('.npz').list(
                self._joined(self._features), 'feature_path',
                self.backend_args, FOLDER_ADVICE)
        for key, paths in extra.items():
            missing = [
                sample['stem'] for sample in samples
                if sample['stem'] not in paths
            ]
            if missing and (self.teacher_required or key == 'feature_path'):
                raise ValueError(
                    f'{type(self).__name__}: expected a file of {key!r} for '
                    f'every pair, got none for {brief(missing)}. Make them '
                    'with tools/distill/make_teacher.py.')
            for sample in samples:
                if sample['stem'] in paths:
                    sample[key] = paths[sample['stem']]
        if not self.test_mode:
            warn_of_other_teachers(self.data_prefix['teacher_path'], PARTS,
                                   self.backend_args)
        return samples

    def _joined(self, folder: str) -> str:
        if self.data_root and not folder.startswith('/'):
            return fileio.join_path(self.data_root, folder)
        return folder

    def _stems(self, listed: dict[str, dict[str, str]],
               modal_keys: list[str]) -> list[str]:
        if self.part is None or self.ann_file:
            return super()._stems(listed, modal_keys)
        pairs = set.intersection(*(set(listed[key]) for key in modal_keys
                                   if key != _TEACHER))
        everywhere = set.intersection(*map(set, listed.values()))
        rest = sorted(set.union(*map(set, listed.values())) - everywhere)
        if rest:
            warnings.warn(
                f'{type(self).__name__}: left out {len(rest)} stem(s) that '
                f'are not in all of {list(listed)}: {brief(rest)}.',
                stacklevel=2)
        stems = [
            stem for stem in split_stems(pairs, self.part, self.ratios,
                                         self.split_seed) if stem in everywhere
        ]
        if not stems:
            raise ValueError(
                f'{type(self).__name__}: expected stems in part '
                f'{self.part!r} of {len(everywhere)} complete pairs, got '
                f'none with the ratios {self.ratios}.')
        return stems


def split_stems(stems: Sequence[str], part: str,
                ratios: Sequence[float] = (0.7, 0.15, 0.15),
                seed: int = 42) -> list[str]:
    """One part of a random, repeatable split.

    Args:
        stems (sequence[str]): All of them, in any order.
        part (str): ``'train'``, ``'val'`` or ``'test'``; the last takes
            what rounding leaves where the ratios add up to 1.
        ratios (sequence[float]): Shares of the parts.
        seed (int): Of Python's ``random.Random``.

    Returns:
        list[str]: In the order of the shuffle.
    """
    order = sorted(stems)
    random.Random(seed).shuffle(order)
    ends = [
        0,
        *(int(len(order) * sum(ratios[:count]) + 1e-9) for count in (1, 2, 3))
    ]
    index = PARTS.index(part)
    return order[ends[index]:ends[index + 1]]
