"""Pack a pipeline's result for the model."""
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import PixelData

from mmfusion.registry import TRANSFORMS
from mmfusion.structures import FusionDataSample

from .shown import ShownTransform

_FIELDS = dict(gt_seg_map='gt_sem_seg', gt_binary_map='gt_binary',
               gt_boundary_map='gt_boundary', gt_mask_map='gt_mask')
_TARGET = 'teacher'
_INSTANCES = ('gt_bboxes', 'gt_bboxes_labels', 'gt_masks', 'gt_ignore_flags',
              'proposals', 'proposals_scores')


@TRANSFORMS.register_module()
class PackFusionInputs(ShownTransform):
    """Turn the stack into a tensor and the rest into a data sample.

    Required key: ``img`` (H, W, C). Optional keys: ``gt_seg_map``,
    ``gt_binary_map``, ``gt_boundary_map``, ``gt_mask_map`` (H, W), ``text``
    (L, C) float32 of :class:`LoadTextFeatures`, those of ``meta_keys``, and
    the boxes of mmdet's ``LoadAnnotations``.

    Returns a dict with ``inputs``, a tensor (C, H, W) of the stack's dtype,
    and ``data_samples``, a :class:`FusionDataSample` whose ground truth is
    int64 (1, H, W). The target of a distilled student, a modality
    ``teacher`` of three channels at the end of the stack, is taken off it
    and becomes ``gt_fused``, RGB (3, H, W); ``teacher_feature`` (h, w, C)
    becomes ``gt_feature``. Boxes become ``gt_instances`` and, where they
    are flagged as such, ``ignored_instances``, as mmdet packs them.

    Args:
        meta_keys (sequence[str]): Keys to take over as meta information
            where the sample has them. Paths of all modalities and what
            loads them are always taken over.
        extra_meta_keys (sequence[str]): Further ones; ``'instances'`` is
            what mmdet's ``CocoMetric`` needs without an ``ann_file``.

    Raises:
        ValueError: If a map has neither the image's size nor, as in test
            pipelines that load labels after resizing, the original size;
            if the image was flipped without the mask of
            :class:`DeriveBoxMask`; or if the text was not encoded.
    """

    def __init__(
        self,
        meta_keys: Sequence[str] = ('img_path', 'vis_path', 'ir_path',
                                    'seg_map_path', 'stem', 'ori_shape',
                                    'img_shape', 'pad_shape', 'scale_factor',
                                    'flip', 'flip_direction',
                                    'reduce_zero_label', 'modalities',
                                    'sample_idx', 'teacher_path',
                                    'misalignment', 'img_id', 'condition'),
        extra_meta_keys: Sequence[str] = ()
    ) -> None:
        self.meta_keys = (*meta_keys, *extra_meta_keys, 'loader')
        self._pack_boxes = None

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        img = results['img']
        if img.ndim == 2:
            img = img[..., None]
        if results.get('flip') and not results.get('box_mask_flipped', True):
            raise ValueError(
                'PackFusionInputs: expected the mask of DeriveBoxMask to be '
                'flipped with the image, got the image flipped alone. Use '
                "mmfusion's RandomFlip (the plain name).")
        sample = FusionDataSample()
        if _TARGET in results.get('modalities', ()):
            results, img = self._take_target(results, sample)
        inputs = torch.from_numpy(np.stack(cv2.split(img)))
        for key, field in _FIELDS.items():
            if results.get(key) is None:
                continue
            self._check_size(key, results)
            data = torch.from_numpy(results[key].astype(np.int64))
            setattr(sample, field, PixelData(data=data[None]))
        if results.get('text') is not None:
            sample.text = self._text(results['text'])
        if any(key in results for key in _INSTANCES):
            self._add_instances(sample, results)
        meta = {key: results[key] for key in self.meta_keys if key in results}
        for name in results.get('modalities', ()):
            meta.setdefault(f'{name}_path', results.get(f'{name}_path'))
        sample.set_metainfo(meta)
        return dict(inputs=inputs, data_samples=sample)

    def _add_instances(self, sample: FusionDataSample, results: dict) -> None:
        if self._pack_boxes is None:
            self._pack_boxes = TRANSFORMS.build(
                dict(type='mmdet.PackDetInputs', meta_keys=()))
        packed = self._pack_boxes(
            {key: results[key] for key in _INSTANCES if key in results})
        for key, instances in packed['data_samples'].items():
            setattr(sample, key, instances)

    @staticmethod
    def _text(text: Any) -> torch.Tensor:
        if not isinstance(text, np.ndarray):
            raise ValueError(
                f'PackFusionInputs: expected a text feature (L, C), got '
                f'{text!r}. Put LoadTextFeatures(encoder=...) before it.')
        # a copy: stored features are shared between samples
        return torch.tensor(text, dtype=torch.float32)

    @staticmethod
    def _take_target(results: dict, sample: FusionDataSample) -> tuple:
        """Move the target from the stack into the sample."""
        img, spans = results['img'], dict(results['modalities'])
        first, end = spans.pop(_TARGET)
        if end != img.shape[2] or end - first != 3:
            raise ValueError(
                f'PackFusionInputs: expected {_TARGET!r} as the last three '
                f'channels of {img.shape[2]}, got {(first, end)}. Name it '
                'last in the modalities, with 3 channels.')
        target = img[..., first:][..., ::-1]  # BGR to RGB
        sample.gt_fused = PixelData(
            data=torch.from_numpy(target.transpose(2, 0, 1).copy()))
        feature = results.get('teacher_feature')
        if feature is not None:
            feature = np.ascontiguousarray(feature.transpose(2, 0, 1))
            sample.gt_feature = PixelData(data=torch.from_numpy(feature))
        return {**results, 'modalities': spans}, img[..., :first]

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
