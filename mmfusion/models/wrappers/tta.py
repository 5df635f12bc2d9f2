"""Test-time augmentation for fusion and fusion + segmentation."""
from typing import List

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData

from mmfusion.registry import MODELS

from .base import SampleList


@MODELS.register_module()
class FuserSegTTAModel(BaseTTAModel):
    """Averages class probabilities and fused images over augmentations.

    Predictions arrive un-flipped and at the original size, so that they
    can be averaged pixel by pixel.
    """

    def merge_preds(self, data_samples_list: List[SampleList]) -> SampleList:
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
        fused = torch.stack([view.fused_img.data for view in views])
        merged.fused_img = PixelData(data=fused.mean(0))
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
