"""Pairs and their text features in one HDF5 file (FILM's layout)."""
from pathlib import Path

from mmfusion.fileio import (check_same_names, h5_shapes, h5_text_paths,
                             natural_key)
from mmfusion.registry import DATASETS

from .paired_dataset import PairedImageDataset

Shapes = dict[str, tuple[int, ...]]


@DATASETS.register_module()
class FusionH5Dataset(PairedImageDataset):
    """Pairs of an HDF5 file with the groups ``imageA``, ``imageB``, ``text``.

    Each group holds one array a pair, under the pair's name: grey images
    (1, H, W) or (H, W), float in [0, 1] or uint8, and text features (L, C),
    (1, L, C) or (1, 1, L, C). Instead of ``text`` there may be ``textA``
    and ``textB``, which are joined along the tokens.
    ``tools/dataset_converters/make_vlf_h5.py`` writes such files.

    Nothing but names and shapes is read at first. A sample holds paths such
    as ``pairs.h5:imageB/00001``, which ``LoadFusionPair`` and
    ``LoadTextFeatures`` read; each process opens the file once.

    Args:
        h5_file (str): The file.
        text_file (str, optional): Another HDF5 file with the text. Defaults
            to ``h5_file``.
        with_text (bool): Whether text is needed; otherwise it is ignored.
        data_prefix (dict, optional): Group of each modality. Defaults to
            ``dict(vis_path='imageB', ir_path='imageA')``, FILM's order for
            infrared and visible images.
        kwargs: See :class:`PairedImageDataset`.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a group is missing, names differ between groups, the
            sizes of a pair differ or a shape does not fit; names file and
            field.
        ImportError: If h5py is not installed.
    """
    PREFIX = dict(vis_path='imageB', ir_path='imageA', seg_map_path=None)

    def __init__(self, h5_file: str, text_file: str | None = None,
                 with_text: bool = True, **kwargs) -> None:
        if 'data_root' in kwargs:
            raise TypeError('FusionH5Dataset takes the whole path as '
                            'h5_file, not data_root.')
        self.h5_file = str(h5_file)
        self.text_file = str(text_file or h5_file)
        self.with_text = with_text
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Names of the file, or of the split file in its order.

        Returns:
            list[dict]: ``stem``, ``<modality>_path`` and ``text_path``.
        """
        keys = [f'{name}_path' for name in self.metainfo['modalities']]
        groups = {
            self.data_prefix[key]: self._group(self.data_prefix[key])
            for key in keys
        }
        names: dict[str, dict] = dict(groups)
        texts = h5_text_paths(self.text_file) if self.with_text else None
        if texts is not None:
            names['text'] = texts
        file = self.h5_file
        if self.with_text and self.text_file != file:
            file = f'{file} with the text of {self.text_file}'
        check_same_names(file, names)
        for stem in next(iter(groups.values())):
            self._check_shapes(stem, groups)
        return [
            dict(
                stem=stem, **{
                    key: f'{self.h5_file}:{self.data_prefix[key]}/{stem}'
                    for key in keys
                }, **({} if texts is None else dict(text_path=texts[stem])))
            for stem in self._chosen(next(iter(groups.values())))
        ]

    def _group(self, group: str) -> Shapes:
        shapes = h5_shapes(self.h5_file, group)
        if not shapes:
            raise ValueError(
                f'{self.h5_file}: expected images in the group {group!r}, '
                f'got {"none" if shapes is None else "an empty group"}. '
                'Make the file with '
                'tools/dataset_converters/make_vlf_h5.py, or name the '
                'groups in data_prefix.')
        return shapes

    def _check_shapes(self, stem: str, groups: dict[str, Shapes]) -> None:
        sizes = {}
        for group, shapes in groups.items():
            shape = shapes[stem]
            if len(shape) not in (2, 3) or shape[:-2] not in ((), (1, )):
                raise ValueError(
                    f'{self.h5_file}:{group}/{stem}: expected an image '
                    f'(1, H, W), got {shape}.')
            sizes[group] = shape[-2:]
        if len(set(sizes.values())) > 1:
            told = ' and '.join(f'{size} in {group}/{stem}'
                                for group, size in sizes.items())
            raise ValueError(f'{self.h5_file}: expected pairs of one size '
                             f'(height, width), got {told}.')

    def _chosen(self, shapes: Shapes) -> list[str]:
        if not self.ann_file:
            return sorted(shapes, key=natural_key)
        stems = self._split_stems()
        missing = [stem for stem in stems if stem not in shapes]
        if missing:
            raise ValueError(
                f'Split file {self.ann_file!r} names {missing[:3]}, of '
                f'{len(missing)} that {Path(self.h5_file).name} lacks.')
        return stems
