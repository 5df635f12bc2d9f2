"""Stage 2: a fuser in front of a whole mmseg segmentor."""
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError

from .base import OptSampleList, SampleList
from .joint_model import JointFusionModel


@MODELS.register_module()
class FuserSegmenter(JointFusionModel):
    """Trains any fuser jointly with any mmseg segmentor.

    The fused image goes through :class:`TaskNormalizer` into the segmentor,
    whose own ``loss`` and ``predict`` (whole or slide inference) are used.

    Args:
        fuser (dict): Config of a registered fuser.
        segmentor (dict): Config of a *whole* mmseg model, e.g.
            ``_base_.model`` of ``_base_='mmseg::...'``, or with
            ``_scope_='mmseg'``.
        fuse_first (bool): Whether slide inference fuses the whole image
            once and slides the segmentor over it. False fuses every crop
            anew, as BFFR's code does: the shown fused image is then not
            quite the segmented one.
        args, kwargs: ``fusion_losses``, ``fuser_frozen``, ``task_mean``,
            ``task_std``, ``task_channel_order`` and others, see
            :class:`JointFusionModel` and :class:`BaseFusionModel`.
    """
    TASK = 'segmentor'
    SCOPE = 'mmseg'

    def __init__(self, fuser: dict, segmentor: dict, *args,
                 fuse_first: bool = True, **kwargs) -> None:
        super().__init__(fuser, segmentor, *args, **kwargs)
        self.fuse_first = fuse_first
        if not fuse_first and self.task_preprocessor is not None:
            raise UsageError(
                'Expected fuse_first=True with a segmentor whose '
                'data_preprocessor is of a class of its own '
                f'({segmentor["data_preprocessor"]["type"]}): it needs whole '
                'images.')

    def _predict(self, inputs: Tensor,
                 data_samples: OptSampleList) -> SampleList:
        """Fused images and segmentations.

        Returns:
            list[FusionDataSample]: With ``fused_img``, ``seg_logits`` and
            ``pred_sem_seg`` at the original image sizes.
        """
        output = self.fuse(inputs, data_samples)
        data_samples = self.add_fused(output, inputs, data_samples)
        data_samples = self.complete(data_samples, inputs)
        if self.fuse_first:
            images = self.task_images(output, inputs)
            return self.segmentor.predict(
                *self.task_batch(images, data_samples))
        with self._fusing(self.segmentor.backbone, data_samples):
            return self.segmentor.predict(inputs, data_samples)

    @contextmanager
    def _fusing(self, backbone: nn.Module,
                data_samples: SampleList) -> Iterator[None]:
        """Let ``backbone`` accept stacked crops, fusing each on its way."""

        def fuse_crop(_, args):
            output = self.fuse(args[0], data_samples)
            return (self.task_norm(self.task_images(output, args[0])), )

        handle = backbone.register_forward_pre_hook(fuse_crop)
        try:
            yield
        finally:
            handle.remove()

    @property
    def out_channels(self) -> int:
        """Number of channels of the segmentation logits."""
        return self.segmentor.out_channels
