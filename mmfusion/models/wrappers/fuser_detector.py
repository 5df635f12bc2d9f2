"""Stage 2: a fuser in front of a whole mmdet detector."""

from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils import require_detection

from .base import OptSampleList, SampleList
from .joint_model import JointFusionModel
from .task_padding import TaskPadding


@MODELS.register_module()
class FuserDetector(JointFusionModel):
    """Trains any fuser jointly with any mmdet detector.

    The fused image goes through :class:`TaskNormalizer` and
    :class:`TaskPadding` into the detector, whose own ``loss`` and
    ``predict`` are used. Of the detector's ``data_preprocessor`` the means,
    channel order, padding of images and masks and batch augmentations are
    taken over; the latter move both modalities and the boxes, and run
    before the fuser.

    Args:
        fuser (dict): Config of a registered fuser.
        detector (dict): Config of a *whole* mmdet model, e.g.
            ``_base_.model`` of ``_base_='mmdet::...'``, or with
            ``_scope_='mmdet'``.
        args, kwargs: ``fusion_losses``, ``fuser_frozen``, ``task_mean``,
            ``task_std``, ``task_channel_order`` and others, see
            :class:`JointFusionModel` and :class:`BaseFusionModel`.

    Raises:
        DetectionMissing: If mmdet or mmcv's operators are not installed.

    A config; mmdet's detectors take their own scope along::

        _base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'
        model = dict(
            _delete_=True,
            type='FuserDetector',
            fuser=dict(type='PSFusion'),
            detector=_base_.model)
    """
    TASK = 'detector'

    def __init__(self, fuser: dict, detector: dict, *args, **kwargs) -> None:
        require_detection()
        super().__init__(fuser, detector, *args, **kwargs)

    def _read_preprocessor(self, cfg: dict, scope: str | None) -> None:
        self.task_padding = TaskPadding(cfg.get('pad_size_divisor', 1),
                                        cfg.get('pad_value', 0))
        self.pad_mask = cfg.get('pad_mask', False)
        self.mask_pad_value = cfg.get('mask_pad_value', 0)
        with DefaultScope.overwrite_default_scope(scope or 'mmdet'):
            self.batch_augments = nn.ModuleList(
                MODELS.build(dict(augment))
                for augment in cfg.get('batch_augments') or ())

    def task_input(self, images: Tensor, data_samples: SampleList) -> Tensor:
        """Normalized and padded images, (B, task_channels, H', W')."""
        return self.task_padding(self.task_norm(images), data_samples)

    def loss(self, inputs: Tensor,
             data_samples: SampleList) -> dict[str, Tensor]:
        """``fusion.*`` and ``detector.*`` losses of one batch."""
        data_samples = self.complete(data_samples, inputs)
        for augment in self.batch_augments:
            inputs, data_samples = augment(inputs, data_samples)
        if self.pad_mask:
            self._pad_masks(inputs, data_samples)
        return super().loss(inputs, data_samples)

    def _predict(self, inputs: Tensor,
                 data_samples: OptSampleList) -> SampleList:
        """Fused images and detections.

        Returns:
            list[FusionDataSample]: With ``fused_img`` and
            ``pred_instances`` (``bboxes``, ``scores``, ``labels``; with an
            instance segmentor ``masks``) at the original image sizes.
        """
        output = self.fuse(inputs, data_samples)
        data_samples = self.add_fused(output, inputs, data_samples)
        data_samples = self.complete(data_samples, inputs)
        images = self.task_images(output, inputs)
        return self.detector.predict(self.task_input(images, data_samples),
                                     data_samples)

    def _pad_masks(self, inputs: Tensor, data_samples: SampleList) -> None:
        """Instance masks of the size that the detector will see."""
        target = self.task_padding.padded_size(inputs.shape[-2:])
        for sample in data_samples:
            instances = sample.gt_instances
            if 'masks' in instances:
                instances.masks = instances.masks.pad(
                    target, pad_val=self.mask_pad_value)
