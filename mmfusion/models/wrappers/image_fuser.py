"""Stage 1: a fuser and its losses."""

from mmengine.structures import PixelData
from torch import Tensor

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

from .base import BaseFusionModel, OptSampleList, SampleList
from .output_policy import restore


@MODELS.register_module()
class ImageFuser(BaseFusionModel):
    """Trains a fuser by itself and fuses images.

    A fuser with semantic heads (``aux['semantic']``) also yields
    ``seg_logits`` and ``pred_sem_seg``, so that it can be scored as a
    segmentor.

    Args:
        args, kwargs: See :class:`BaseFusionModel`.

    Examples:
        >>> import torch
        >>> model = MODELS.build(dict(
        ...     type='ImageFuser',
        ...     fuser=dict(type='MMDRFuseStudent'),
        ...     fusion_losses=dict(average=dict(type='AverageLoss'))))
        >>> list(model(torch.rand(2, 4, 16, 16), mode='loss'))
        ['loss_average']
    """

    def loss(self, inputs: Tensor,
             data_samples: OptSampleList) -> dict[str, Tensor]:
        """Fusion losses of one batch.

        Raises:
            ValueError: If the model has no losses.
        """
        if not self.fusion_losses:
            raise ValueError(
                'Expected at least one loss to train with, got '
                'none. Set fusion_losses=dict(NAME=dict(type=...)).')
        output = self.fuse(inputs, data_samples)
        return self.fusion_loss(output, inputs, data_samples)

    def _predict(self, inputs: Tensor,
                 data_samples: OptSampleList) -> SampleList:
        """Fused images (and semantic predictions where the fuser has any).

        Returns:
            list[FusionDataSample]: With ``fused_img``; see the class.
        """
        output = self.fuse(inputs, data_samples)
        data_samples = self.add_fused(output, inputs, data_samples)
        if 'semantic' in output.aux:
            self._add_semantic(output, data_samples)
        return data_samples

    def _forward(self, inputs: Tensor,
                 data_samples: OptSampleList = None) -> Tensor:
        """Fused images, (B, 3, H, W)."""
        return self.fuse(inputs, data_samples).fused

    @staticmethod
    def _add_semantic(output: FuserOutput, data_samples: SampleList) -> None:
        for logits, sample in zip(output.aux['semantic'], data_samples,
                                  strict=True):
            logits = restore(logits, sample.metainfo)
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(
                data=logits.argmax(dim=0, keepdim=True))

    @property
    def out_channels(self) -> int | None:
        """Classes of the fuser's semantic head, where it has one."""
        return getattr(self.fuser, 'num_classes', None)
