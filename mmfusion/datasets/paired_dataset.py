"""Pairs of aligned images from two folders, with or without labels."""
from collections.abc import Sequence

import mmengine.fileio as fileio
from mmseg.datasets import BaseSegDataset

from mmfusion.fileio import (FileRule, Suffix, join_by_stem, natural_key,
                             read_lines)
from mmfusion.registry import DATASETS
from mmfusion.structures import resolve_labels
from mmfusion.tasks import TASKS, FusionTask, channel_spans, task_of
from mmfusion.utils.errors import check_choice
from mmfusion.utils.loading_guard import guard_loading

from .samplers import SeededDraws

#: where a folder is missing
FOLDER_ADVICE = (
    'Check data_root and data_prefix; a label or map folder that is not '
    'needed is left out by None.')
MAP_KEYS = ('binary_path', 'boundary_path', 'mask_path')


def brief(names: list[str], limit: int = 5) -> str:
    """The first names, quoted, and how many more there are."""
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return ', '.join(repr(name) for name in names[:limit]) + more


@DATASETS.register_module()
class PairedImageDataset(SeededDraws, BaseSegDataset):
    """Aligned pairs from any two folders.

    The two modalities are those of a task (``vis`` and ``ir`` by default);
    ``<m>`` below stands for the name of either.

    A sample is a *stem*: the name that its files share once suffix and stem
    rule are taken off, sub-folders included. Samples come in natural order
    (``2`` before ``10``), or in the order of the split file.

    A sample holds ``<m>_path`` for each modality, ``seg_map_path``
    and the further maps where given, ``stem``, ``modalities`` (dict from
    name to (first, end) channel of the stacked image), ``classes``,
    ``label_map``, ``reduce_zero_label``, ``background`` and an empty
    ``seg_fields``.

    Args:
        data_root (str, optional): Folder that relative prefixes and
            ``ann_file`` start from.
        data_prefix (dict): Folders, updating the class's ``PREFIX``:
            ``<m>_path`` (by default a folder of the modality's name),
            optional ``seg_map_path``, ``binary_path``, ``boundary_path``,
            ``mask_path`` (0 / 255 images of foreground, class boundary and
            salient objects). None leaves an optional one out. Two
            modalities may share a folder when their stem rules or suffixes
            tell them apart; with equal rules too, a file holds the channels
            of both.
        ann_file (str): Split file with one stem per line. Defaults to '',
            all files.
        task (str, optional): One of
            :data:`~mmfusion.tasks.TASKS`; replaces the class's
            modalities.
        seg_map_suffix (str | tuple | None): Accepted suffixes; None means
            any image suffix. Further maps use it, too.
        ignore_classes (sequence[str]): Names of classes whose pixels count
            for nothing, as if nobody had labelled them; heads and weights
            stay as they are. (Classes that ``metainfo`` leaves out are gone
            from the head, too.)
        seg_map_stem (str): Stem rule, for instance ``'{stem}_label'``.
        metainfo (dict, optional): As in mmengine; ``modalities`` (dict from
            name to channel count, ordered) replaces the class's.
        kwargs: ``<m>_suffix`` and ``<m>_stem``, as above (``vis_stem=
            '{stem}_rgb'``), updating the class's ``STEMS``; the rest see
            :class:`mmseg.datasets.BaseSegDataset`.

    Raises:
        FileNotFoundError: If a folder or the split file does not exist.
        ValueError: If a pair is incomplete, a folder has no images, the
            split file names a missing stem, a prefix key, a rule or an
            ignored class is unknown, or labels are tested without classes.
    """
    METAINFO: dict = TASKS['ivf'].meta
    PREFIX: dict = {}
    #: Stem rule of each modality that has one of its own.
    STEMS: dict[str, str] = {}
    #: Prefixes of ``PREFIX`` that are used only where the folder exists.
    IF_PRESENT: tuple[str, ...] = ()

    def __init__(self, data_root: str | None = None,
                 data_prefix: dict | None = None, ann_file: str = '',
                 task: str | None = None, seg_map_suffix: Suffix = '.png',
                 seg_map_stem: str = '{stem}', metainfo: dict | None = None,
                 ignore_classes: Sequence[str] = (), test_mode: bool = False,
                 lazy_init: bool = False, **kwargs) -> None:
        meta = dict(self.METAINFO)
        if task is not None:
            meta.update(FusionTask.of(task).meta)
        meta.update(metainfo or {})
        modalities = dict(meta['modalities'])
        self._check_prefix(data_prefix or {}, modalities)
        prefix = {
            **{
                f'{name}_path': name for name in modalities
            },
            **self.PREFIX,
            **(data_prefix or {})
        }
        self._check_folders(prefix, modalities)
        self._optional = {
            key for key in self.IF_PRESENT if key not in (data_prefix or {})
        }
        self.rules = {
            f'{name}_path':
            FileRule(
                kwargs.pop(f'{name}_suffix', None),
                kwargs.pop(f'{name}_stem', self.STEMS.get(name, '{stem}')))
            for name in modalities
        }
        self._check_rules(kwargs, modalities)
        self.rules.update(
            dict.fromkeys(('seg_map_path', *MAP_KEYS),
                          FileRule(seg_map_suffix, seg_map_stem)))
        self._spans = channel_spans(modalities)
        # mmseg insists on classes in test mode; without labels there are
        # none, so the mode is set afterwards.
        super().__init__(
            data_root=data_root, data_prefix={
                key: folder for key, folder in prefix.items()
                if folder is not None and key in self.rules
            }, ann_file=ann_file, seg_map_suffix=seg_map_suffix, metainfo={
                **(metainfo or {}), 'modalities': modalities
            }, test_mode=False, lazy_init=True, **kwargs)
        self._metainfo.update(resolve_labels(self._metainfo, self.METAINFO),
                              task=task_of(modalities))
        self.label_map = self._metainfo['label_map']
        self._ignored = self._classes_of(ignore_classes)
        self.test_mode = test_mode
        if (test_mode and 'seg_map_path' in self.data_prefix
                and not self._metainfo.get('classes')):
            raise ValueError(
                f'{type(self).__name__}: expected metainfo=dict(classes=...) '
                'for a test set with labels, got none. Name the classes or '
                'set data_prefix=dict(seg_map_path=None).')
        if not lazy_init:
            self.full_init()

    def _classes_of(self, names: Sequence[str]) -> list[int]:
        """Indices of classes by their names."""
        known = list(self._metainfo.get('classes') or ())
        if names and not known:
            raise ValueError(
                f'{type(self).__name__}: expected classes before '
                f'ignore_classes, got {names} alone. Name all of them in '
                'metainfo=dict(classes=...).')
        for name in names:
            check_choice(known, ignore_classes=name)
        return [known.index(name) for name in names]

    def _check_prefix(self, prefix: dict, modalities: dict) -> None:
        known = [f'{name}_path' for name in modalities]
        known += ['seg_map_path', *MAP_KEYS]
        unknown = [key for key in prefix if key not in known]
        if unknown:
            raise ValueError(
                f'{type(self).__name__}: expected data_prefix keys among '
                f'{known}, got {unknown}.')

    def _check_folders(self, prefix: dict, modalities: dict) -> None:
        missing = [
            f'{name}_path' for name in modalities
            if not isinstance(prefix[f'{name}_path'], str)
        ]
        if missing:
            raise ValueError(
                f'{type(self).__name__}: expected a folder for each modality '
                f'in data_prefix, got none for {missing}.')

    def _check_rules(self, left: dict, modalities: dict) -> None:
        """Rules of modalities that this dataset has not."""
        unknown = [
            key for key in left
            if key.endswith(('_suffix', '_stem')) and key != 'img_suffix'
        ]
        if unknown:
            raise ValueError(
                f'{type(self).__name__}: expected rules of its modalities '
                f'{list(modalities)}, got {unknown}.')

    def load_data_list(self) -> list[dict]:
        """Match the files of all folders.

        Returns:
            list[dict]: Paths of each sample.
        """
        modal_keys = [f'{name}_path' for name in self._spans]
        listed: dict[str, dict[str, str]] = {}
        for key in (*modal_keys, 'seg_map_path', *MAP_KEYS):
            folder = self.data_prefix.get(key)
            if folder is None or (key in self._optional and not fileio.isdir(
                    folder, backend_args=self.backend_args)):
                continue
            listed[key] = self.rules[key].list(folder, key, self.backend_args,
                                               FOLDER_ADVICE)
        samples, missing = join_by_stem(listed,
                                        self._stems(listed, modal_keys))
        if missing:
            self._refuse(missing, listed, modal_keys)
        return [dict(stem=stem, **paths) for stem, paths in samples]

    def _stems(self, listed: dict[str, dict[str, str]],
               modal_keys: list[str]) -> list[str]:
        """Stems of this split."""
        if self.ann_file:
            return self._split_stems()
        return sorted(set().union(*(listed[key] for key in modal_keys)),
                      key=natural_key)

    def _refuse(self, missing: list[tuple[str, str]],
                listed: dict[str, dict[str,
                                       str]], modal_keys: list[str]) -> None:
        """Every folder must have every stem; name the first that has not."""
        lacking: dict[str, list[str]] = {key: [] for key in listed}
        for stem, key in missing:
            lacking[key].append(stem)
        first = modal_keys[0]
        for key, stems in lacking.items():
            if self.ann_file and stems:
                raise ValueError(
                    f'Split file {self.ann_file!r} names {brief(stems)}, but '
                    f'{key!r} has no such file in {self.data_prefix[key]!r}. '
                    'Expected one stem (file name without suffix) per line.')
            for have, lack in ((first, key), (key, first)):
                if have in modal_keys:
                    self._complain([
                        stem for stem in lacking[lack] if stem in listed[have]
                    ], have, lack, listed)

    def _split_stems(self) -> list[str]:
        if not fileio.isfile(self.ann_file, backend_args=self.backend_args):
            raise FileNotFoundError(
                f'Expected a split file at {self.ann_file!r}, but there is '
                'none. Leave ann_file empty to take all files.')
        stems = read_lines(self.ann_file, self.backend_args)
        if not stems:
            raise ValueError(
                f'Expected one stem per line in {self.ann_file!r}, got an '
                'empty file.')
        return stems

    def _complain(self, stems: list[str], have: str, lack: str,
                  listed: dict[str, dict[str, str]]) -> None:
        if not stems:
            return
        raise ValueError(
            f'{type(self).__name__}: {len(stems)} of {len(listed[have])} '
            f'files of {have!r} have no partner of {lack!r}: '
            f'{brief([listed[have][stem] for stem in stems])} in '
            f'{self.data_prefix[have]!r}, expected names like '
            f'{self.rules[lack].stem!r} with suffix '
            f'{" or ".join(self.rules[lack].suffixes)} in '
            f'{self.data_prefix[lack]!r}. Add the files, set the suffix and '
            'stem rules, or list complete samples in ann_file.')

    def get_data_info(self, idx: int) -> dict:
        """Sample ``idx`` with what all samples share."""
        info = super().get_data_info(idx)
        info.update(modalities=dict(self._spans),
                    classes=self._metainfo.get('classes'),
                    label_map=self.label_map,
                    reduce_zero_label=self.reduce_zero_label,
                    background=self._metainfo['background'],
                    ignored_classes=self._ignored, seg_fields=[])
        return info


guard_loading()
