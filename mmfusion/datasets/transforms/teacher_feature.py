"""Features that a teacher gave before the training."""

import numpy as np

from mmfusion.fileio import npz_names, read_array
from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform


@TRANSFORMS.register_module()
class LoadTeacherFeature(ShownTransform):
    """Read a teacher's feature map for distillation from a cache.

    Required key: ``feature_path``, an ``.npz`` of
    ``tools/distill/make_teacher.py --save-features``. Added key:
    ``teacher_feature``, (h, w, C) float32, which ``RandomFlip`` mirrors and
    :class:`RandomResizedCrop` crops along.

    Args:
        key (str, optional): Name of the map; None takes the file's only
            one.

    Raises:
        ValueError: If the sample has no file or the file no such map.
    """

    def __init__(self, key: str | None = None) -> None:
        self.key = key

    def transform(self, results: dict) -> dict:
        """Add the map."""
        path = results.get('feature_path')
        if path is None:
            raise ValueError(
                "LoadTeacherFeature: expected 'feature_path' in the sample, "
                "got none. Set data_prefix=dict(feature_path=FOLDER).")
        names = npz_names(path)
        key = self.key or (names[0] if len(names) == 1 else None)
        if key not in names:
            raise ValueError(
                f'LoadTeacherFeature: expected a map {self.key!r} in '
                f'{path!r}, got {names}. Set key to one of them.')
        feature = read_array(path, key).astype(np.float32)
        results['teacher_feature'] = feature.transpose(1, 2, 0)
        return results
