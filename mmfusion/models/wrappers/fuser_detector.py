"""Stage 2: a fuser in front of a whole mmdet detector."""
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
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
    channel order, padding of images, masks and label maps and batch
    augmentations are taken over; the latter move both modalities and the
    boxes, and run before the fuser. One of a class of its own (BoxInst's)
    runs on the fused images, see :class:`TaskPreprocessor`.

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
    SCOPE = 'mmdet'

    def __init__(self, fuser: dict, detector: dict, *args, **kwargs) -> None:
        require_detection()
        super().__init__(fuser, detector, *args, **kwargs)

    def _read_preprocessor(self, cfg: dict, scope: str) -> None:
        cfg = dict(cfg)
        augments = cfg.pop('batch_augments', None) or ()
        super()._read_preprocessor(cfg, scope)
        self.task_padding = TaskPadding(cfg.get('pad_size_divisor', 1),
                                        cfg.get('pad_value', 0))
        self.pad_mask = cfg.get('pad_mask', False)
        self.mask_pad_value = cfg.get('mask_pad_value', 0)
        self.pad_seg = cfg.get('pad_seg', False)
        self.seg_pad_value = cfg.get('seg_pad_value', 255)
        with DefaultScope.overwrite_default_scope(scope):
            self.batch_augments = nn.ModuleList(
                MODELS.build(dict(augment)) for augment in augments)

    def task_input(self, images: Tensor, data_samples: SampleList) -> Tensor:
        """Normalized and padded images, (B, task_channels, H', W')."""
        return self.task_padding(self.task_norm(images), data_samples)

    def loss(self, inputs: Tensor,
             data_samples: SampleList) -> dict[str, Tensor]:
        """``fusion.*`` and ``detector.*`` losses of one batch."""
        _begin_step()
        data_samples = self.complete(data_samples, inputs)
        for augment in self.batch_augments:
            inputs, data_samples = augment(inputs, data_samples)
        return super().loss(inputs, data_samples)

    def task_batch(self, images: Tensor, data_samples: SampleList,
                   training: bool = False) -> tuple[Tensor, SampleList]:
        if training and self.task_preprocessor is None:
            self._pad_targets(images, data_samples)
        return super().task_batch(images, data_samples, training)

    @staticmethod
    def complete(data_samples: OptSampleList, inputs: Tensor) -> SampleList:
        """As for all task networks, and where in a canvas images begin,
        which CornerNet and CenterNet ask."""
        samples = JointFusionModel.complete(data_samples, inputs)
        for sample in samples:
            if 'border' not in sample:
                height, width = sample.img_shape[:2]
                sample.set_metainfo(dict(border=(0, height, 0, width)))
            _name_as_mmdet(sample)
        return samples

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
        return self.detector.predict(*self.task_batch(images, data_samples))

    def _pad_targets(self, images: Tensor, data_samples: SampleList) -> None:
        """Masks and label maps of the size that the detector will see."""
        target = self.task_padding.padded_size(images.shape[-2:])
        for sample in data_samples:
            if self.pad_mask and 'masks' in sample.gt_instances:
                sample.gt_instances.masks = sample.gt_instances.masks.pad(
                    target, pad_val=self.mask_pad_value)
            if self.pad_seg and 'gt_sem_seg' in sample:
                labels = sample.gt_sem_seg.sem_seg
                more = [
                    b - a
                    for a, b in zip(labels.shape[-2:], target, strict=True)
                ]
                sample.gt_sem_seg = PixelData(
                    sem_seg=F.pad(labels, (0, more[1], 0,
                                           more[0]), value=self.seg_pad_value))


def _begin_step() -> None:
    """Count from zero where no runner counts: heads and augmentations of
    mmdet ask in which step or epoch they are."""
    hub = MessageHub.get_current_instance()
    for key in ('epoch', 'iter'):
        if hub.get_info(key) is None:
            hub.update_info(key, 0)


def _name_as_mmdet(sample: FusionDataSample) -> None:
    """A label map under mmdet's name, too."""
    labels = sample.get('gt_sem_seg')
    if labels is not None and 'sem_seg' not in labels:
        labels.sem_seg = labels.data
