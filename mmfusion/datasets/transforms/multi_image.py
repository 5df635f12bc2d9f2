"""mmdet's transforms of three channels, for stacked modalities.

They join several images on a canvas of three channels, or fill areas with
three values. Here each modality passes through the transform as an image of
its own, with the same draws, so that it ends up at the same place with the
same boxes. The plain names mean these. ``Pad`` is in ``geometric.py``; the
other geometric transforms of mmdet take the stack as it is.
"""
import copy
import random
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmfusion.registry import TRANSFORMS
from mmfusion.utils import require_detection


class _OnEachModality(BaseTransform):
    """An mmdet transform that runs once for each modality.

    A one-channel modality is repeated to three channels for it, of which
    the first is taken back: it is filled with the first of three values.
    Every modality has an instance of the transform, and a cache where that
    keeps one, and the random generators start from the same state.

    Required keys: ``img`` (H, W, C), ``modalities``, and those of the
    transform. Modified keys: those of the transform.

    Args:
        kwargs: Of mmdet's transform of the same name.

    Raises:
        DetectionMissing: If mmdet is not installed.
        ValueError: If the sample has label maps other than ``gt_seg_map``,
            which would stay behind.
    """

    def __init__(self, **kwargs) -> None:
        require_detection()
        self._cfg = dict(type=f'mmdet.{type(self).__name__}', **kwargs)
        self._each: dict[str, BaseTransform] = {}
        self._first = TRANSFORMS.build(dict(self._cfg))

    @property
    def transforms(self) -> list[BaseTransform]:
        """The transform that runs."""
        return [self._first]

    def transform(self, results: dict) -> dict | None:
        """Transform one sample (and those of ``mix_results``)."""
        maps = set(results.get('seg_fields', ())) - {'gt_seg_map'}
        if maps:
            raise ValueError(
                f'{type(self).__name__} does not move label maps: expected '
                f'a sample without {sorted(maps)}.')
        layout = results['modalities']
        state = random.getstate(), np.random.get_state()
        parts: list[np.ndarray] = []
        out: dict | None = None
        for name, span in layout.items():
            random.setstate(state[0])
            np.random.set_state(state[1])
            done = self._of(name, layout).transform(_part(results, span))
            if done is None:
                return None
            parts.append(done['img'][..., :span[1] - span[0]])
            out = out or done
        # CopyPaste's masks turn images into int64.
        out['img'] = np.concatenate(parts,
                                    axis=2).astype(results['img'].dtype,
                                                   copy=False)
        return out

    def _of(self, name: str, layout: dict) -> BaseTransform:
        if name not in self._each:
            is_first = name == next(iter(layout))
            self._each[name] = self._first if is_first else TRANSFORMS.build(
                dict(self._cfg))
        return self._each[name]

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._first!r})'


class _FromDataset(_OnEachModality):
    """One that mmdet's ``MultiImageMixDataset`` hands further samples."""

    def get_indexes(self, dataset: Any) -> list[int]:
        """Indices of the samples for ``mix_results``."""
        drawn = self._first.get_indexes(dataset)
        return drawn if isinstance(drawn, (list, tuple)) else [drawn]


@TRANSFORMS.register_module()
class Mosaic(_FromDataset):
    """mmdet's ``Mosaic``, inside of a ``MultiImageMixDataset``."""


@TRANSFORMS.register_module()
class MixUp(_FromDataset):
    """mmdet's ``MixUp``, inside of a ``MultiImageMixDataset``."""


@TRANSFORMS.register_module()
class CopyPaste(_FromDataset):
    """mmdet's ``CopyPaste``, inside of a ``MultiImageMixDataset``."""


@TRANSFORMS.register_module()
class CachedMosaic(_OnEachModality):
    """mmdet's ``CachedMosaic``, as RTMDet uses it."""


@TRANSFORMS.register_module()
class CachedMixUp(_OnEachModality):
    """mmdet's ``CachedMixUp``, as RTMDet uses it."""


@TRANSFORMS.register_module()
class Expand(_OnEachModality):
    """mmdet's ``Expand``; ``mean`` of three values."""


@TRANSFORMS.register_module()
class CutOut(_OnEachModality):
    """mmdet's ``CutOut``; ``fill_in`` of three values."""


@TRANSFORMS.register_module()
class RandomErasing(_OnEachModality):
    """mmdet's ``RandomErasing``; ``img_border_value`` of one or three."""


@TRANSFORMS.register_module()
class RandomAffine(_OnEachModality):
    """mmdet's ``RandomAffine``; ``border_val`` of three values."""


@TRANSFORMS.register_module()
class FixShapeResize(_OnEachModality):
    """mmdet's ``FixShapeResize``; ``pad_val`` of one or three values."""


@TRANSFORMS.register_module()
class Rotate(_OnEachModality):
    """mmdet's ``Rotate``; ``img_border_value`` of one or three values."""


@TRANSFORMS.register_module()
class ShearX(_OnEachModality):
    """mmdet's ``ShearX``; ``img_border_value`` of one or three values."""


@TRANSFORMS.register_module()
class ShearY(_OnEachModality):
    """mmdet's ``ShearY``; ``img_border_value`` of one or three values."""


@TRANSFORMS.register_module()
class TranslateX(_OnEachModality):
    """mmdet's ``TranslateX``; ``img_border_value`` of one or three."""


@TRANSFORMS.register_module()
class TranslateY(_OnEachModality):
    """mmdet's ``TranslateY``; ``img_border_value`` of one or three."""


def _part(results: dict, span) -> dict:
    """A copy of the sample whose image is one modality of three channels."""
    part = copy.deepcopy({
        key: value for key, value in results.items()
        if key not in ('img', 'mix_results')
    })
    image = np.ascontiguousarray(results['img'][..., span[0]:span[1]])
    part['img'] = (cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
                   if image.shape[2] == 1 else image)
    if 'mix_results' in results:
        part['mix_results'] = [
            _part(other, span) for other in results['mix_results']
        ]
    return part
