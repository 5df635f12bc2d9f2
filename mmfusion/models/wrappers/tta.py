"""Test-time augmentation for fusion, fusion + segmentation or detection."""

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData

from mmfusion.registry import MODELS
from mmfusion.utils import require_detection

from .base import SampleList


def _mean_fused(views: SampleList) -> PixelData:
    """Mean of the fused images of one pair's views."""
    fused = torch.stack([view.fused_img.data for view in views])
    return PixelData(data=fused.mean(0))


@MODELS.register_module()
class FuserSegTTAModel(BaseTTAModel):
    """Averages class probabilities and fused images over augmentations.

    Predictions arrive un-flipped and at the original size, so that they
    can be averaged pixel by pixel.
    """

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of every image's augmented views.

        Args:
            data_samples_list (list[list[FusionDataSample]]): For every
                image, the predictions of its views.

        Returns:
            list[FusionDataSample]: One sample an image; its ``seg_logits``
            hold mean probabilities (K, H, W).
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: SampleList):
        merged = views[0]
        merged.fused_img = _mean_fused(views)
        if 'seg_logits' not in merged:
            return merged
        logits = torch.stack([view.seg_logits.data for view in views])
        if logits.shape[1] > 1:
            mean = logits.softmax(1).mean(0)
            prediction = mean.argmax(0, keepdim=True)
        else:
            # a one-channel head: mmseg's postprocessing applied the sigmoid
            mean = logits.mean(0)
            threshold = self.module.segmentor.decode_head.threshold
            prediction = (mean > threshold).to(mean)
        merged.seg_logits = PixelData(data=mean)
        merged.pred_sem_seg = PixelData(data=prediction)
        return merged


@MODELS.register_module()
class FuserDetTTAModel(BaseTTAModel):
    """Joins the boxes and averages the fused images of augmented views.

    Boxes of all views go through one non-maximum suppression, as in mmdet's
    ``DetTTAModel``, which does it.

    Args:
        tta_cfg (dict, optional): ``nms`` and ``max_per_img``. Defaults to
            an IoU of 0.5 and 100 boxes.
        kwargs: See :class:`mmengine.model.BaseTTAModel`.

    Raises:
        ValueError: For instance masks, which mmdet cannot merge.
    """

    def __init__(self, tta_cfg: dict | None = None, **kwargs) -> None:
        require_detection()
        super().__init__(**kwargs)
        from mmdet.models import DetTTAModel
        tta_cfg = tta_cfg or dict(nms=dict(type='nms', iou_threshold=0.5),
                                  max_per_img=100)
        # In a tuple, it is not registered: it shares this model's module.
        self._merger = (DetTTAModel(tta_cfg=ConfigDict(tta_cfg),
                                    module=self.module), )

    def merge_preds(self, data_samples_list: list[SampleList]) -> SampleList:
        """Merge the predictions of every image's augmented views.

        Args:
            data_samples_list (list[list[FusionDataSample]]): For every
                image, the predictions of its views.

        Returns:
            list[FusionDataSample]: One sample an image.
        """
        for views in data_samples_list:
            if 'masks' in views[0].pred_instances:
                raise ValueError(
                    'FuserDetTTAModel: expected boxes, got instance masks, '
                    'which mmdet cannot merge. Leave --tta out.')
        fused = [_mean_fused(views) for views in data_samples_list]
        merged = self._merger[0].merge_preds(data_samples_list)
        for sample, image in zip(merged, fused, strict=True):
            sample.fused_img = image
        return merged
