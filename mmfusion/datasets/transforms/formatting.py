"""Pack a pipeline's result for the model."""
from typing import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData

from mmfusion.registry import TRANSFORMS
from mmfusion.structures import FusionDataSample

_FIELDS = dict(
    gt_seg_map='gt_sem_seg',
    gt_binary_map='gt_binary',
    gt_boundary_map='gt_boundary',
    gt_mask_map='gt_mask')
_INSTANCES = ('gt_bboxes', 'gt_bboxes_labels', 'gt_masks', 'gt_ignore_flags',
              'proposals', 'proposals_scores')


@TRANSFORMS.register_module()
class PackFusionInputs(BaseTransform):
    """Turn the stack into a tensor and the rest into a data sample.

    Required key: ``img`` (H, W, C). Optional keys: ``gt_seg_map``,
    ``gt_binary_map``, ``gt_boundary_map``, ``gt_mask_map`` (H, W), those of
    ``meta_keys``, and the boxes of mmdet's ``LoadAnnotations``.

    Returns a dict with ``inputs``, a tensor (C, H, W) of the stack's dtype,
    and ``data_samples``, a :class:`FusionDataSample` whose ground truth is
    int64 (1, H, W). Boxes become ``gt_instances`` and, where they are
    flagged as such, ``ignored_instances``, as mmdet packs them.

    Args:
        meta_keys (sequence[str]): Keys to take over as meta information
            where the sample has them. Paths of all modalities are always
            taken over.
        extra_meta_keys (sequence[str]): Further ones; ``'instances'`` is
            what mmdet's ``CocoMetric`` needs without an ``ann_file``.

    Raises:
        ValueError: If a map has neither the image's size nor, as in test
            pipelines that load labels after resizing, the original size.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = ('img_path', 'vis_path', 'ir_path',
                                    'seg_map_path', 'stem', 'ori_shape',
                                    'img_shape', 'pad_shape', 'scale_factor',
                                    'flip', 'flip_direction',
                                    'reduce_zero_label', 'modalities',
                                    'sample_idx', 'img_id', 'condition'),
        extra_meta_keys: Sequence[str] = ()
    ) -> None:
        self.meta_keys = (*meta_keys, *extra_meta_keys)
        self._pack_boxes = None

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        img = results['img']
        if img.ndim == 2:
            img = img[..., None]
        inputs = torch.from_numpy(np.stack(cv2.split(img)))
        sample = FusionDataSample()
        for key, field in _FIELDS.items():
            if results.get(key) is None:
                continue
            self._check_size(key, results)
            data = torch.from_numpy(results[key].astype(np.int64))
            setattr(sample, field, PixelData(data=data[None]))
        if any(key in results for key in _INSTANCES):
            self._add_instances(sample, results)
        meta = {
            key: results[key]
            for key in self.meta_keys if key in results
        }
        for name in results.get('modalities', ()):
            meta.setdefault(f'{name}_path', results.get(f'{name}_path'))
        sample.set_metainfo(meta)
        return dict(inputs=inputs, data_samples=sample)

    def _add_instances(self, sample: FusionDataSample,
                       results: dict) -> None:
        if self._pack_boxes is None:
            self._pack_boxes = TRANSFORMS.build(
                dict(type='mmdet.PackDetInputs', meta_keys=()))
        packed = self._pack_boxes(
            {key: results[key] for key in _INSTANCES if key in results})
        for key, instances in packed['data_samples'].items():
            setattr(sample, key, instances)

    @staticmethod
    def _check_size(key: str, results: dict) -> None:
        size = results[key].shape[:2]
        allowed = (results['img'].shape[:2], results.get('ori_shape'))
        if size not in allowed:
            raise ValueError(
                f"PackFusionInputs: expected {key!r} of the image's size "
                f'{allowed[0]} or the original size {allowed[1]}, got '
                f'{size}. A transform moved the image alone: use one that '
                "moves all seg_fields (mmseg's Resize, RandomCrop, ...).")

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
