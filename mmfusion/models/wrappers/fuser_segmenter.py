"""Stage 2: a fuser in front of a whole mmseg segmentor."""
import copy
from contextlib import contextmanager
from typing import Dict, Iterator, Optional

from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmfusion.registry import MODELS

from .base import BaseFusionModel, OptSampleList, SampleList
from .task_norm import Stats, TaskNormalizer


@MODELS.register_module()
class FuserSegmenter(BaseFusionModel):
    """Trains any fuser jointly with any mmseg segmentor.

    The fused image goes through :class:`TaskNormalizer` into the segmentor,
    whose own ``loss`` and ``predict`` (whole or slide inference) are used.

    Args:
        fuser (dict): Config of a registered fuser.
        segmentor (dict): Config of a *whole* mmseg model, e.g.
            ``_base_.model`` of ``_base_='mmseg::...'``, or with
            ``_scope_='mmseg'``. Its ``data_preprocessor`` only serves to
            fill in ``'auto'`` values below.
        fusion_losses (dict, optional): Named configs of fusion losses.
        fuser_frozen (bool): See :class:`BaseFusionModel`.
        fuse_first (bool): Whether slide inference fuses the whole image
            once and slides the segmentor over it. False fuses every crop
            anew, as BFFR's code does: the shown fused image is then not
            quite the segmented one.
        task_mean (sequence | str | None): Mean of the segmentor's input on
            the 0-255 scale; ``'auto'`` takes the segmentor's own, None
            switches the normalization off.
        task_std (sequence | str | None): Likewise.
        task_channel_order (str): ``'auto'``, ``'rgb'`` or ``'bgr'``.
        kwargs: See :class:`BaseFusionModel`.
    """

    def __init__(self,
                 fuser: dict,
                 segmentor: dict,
                 fusion_losses: Optional[Dict[str, dict]] = None,
                 fuser_frozen: bool = False,
                 fuse_first: bool = True,
                 task_mean: Stats = 'auto',
                 task_std: Stats = 'auto',
                 task_channel_order: str = 'auto',
                 **kwargs) -> None:
        super().__init__(
            fuser, losses=fusion_losses, fuser_frozen=fuser_frozen, **kwargs)
        segmentor = copy.deepcopy(segmentor)
        self.task_norm = TaskNormalizer.from_config(
            segmentor.pop('data_preprocessor', None), task_mean, task_std,
            task_channel_order)
        self.segmentor = MODELS.build(segmentor)
        self.fuse_first = fuse_first

    def loss(self, inputs: Tensor,
             data_samples: SampleList) -> Dict[str, Tensor]:
        """``fusion.*`` and ``segmentor.*`` losses of one batch."""
        output = self.fuse(inputs, data_samples)
        losses = add_prefix(
            self.fusion_loss(output, inputs, data_samples), 'fusion')
        task = self.segmentor.loss(
            self.task_norm(output.fused), data_samples)
        losses.update(add_prefix(task, 'segmentor'))
        return losses

    def predict(self,
                inputs: Tensor,
                data_samples: OptSampleList = None) -> SampleList:
        """Fused images and segmentations.

        Returns:
            list[FusionDataSample]: With ``fused_img``, ``seg_logits`` and
            ``pred_sem_seg`` at the original image sizes.
        """
        output = self.fuse(inputs, data_samples)
        data_samples = self.add_fused(output, inputs, data_samples)
        for sample in data_samples:
            if 'ori_shape' not in sample:
                sample.set_metainfo(
                    dict(
                        ori_shape=tuple(inputs.shape[2:]),
                        img_shape=tuple(inputs.shape[2:])))
        if self.fuse_first:
            return self.segmentor.predict(
                self.task_norm(output.fused), data_samples)
        with self._fusing(self.segmentor.backbone, data_samples):
            return self.segmentor.predict(inputs, data_samples)

    def _forward(self,
                 inputs: Tensor,
                 data_samples: OptSampleList = None) -> Tensor:
        """Segmentation logits, as the segmentor's ``_forward`` gives."""
        fused = self.fuse(inputs, data_samples).fused
        return self.segmentor._forward(self.task_norm(fused), data_samples)

    @contextmanager
    def _fusing(self, backbone: nn.Module,
                data_samples: SampleList) -> Iterator[None]:
        """Let ``backbone`` accept stacked crops, fusing each on its way."""

        def fuse_crop(_, args):
            fused = self.fuse(args[0], data_samples).fused
            return (self.task_norm(fused), )

        handle = backbone.register_forward_pre_hook(fuse_crop)
        try:
            yield
        finally:
            handle.remove()

    @property
    def out_channels(self) -> int:
        """Number of channels of the segmentation logits."""
        return self.segmentor.out_channels
