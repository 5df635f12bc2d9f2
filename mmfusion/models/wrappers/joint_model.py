"""A fuser in front of a task network: what segmentation and detection
share."""
import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import UsageError
from mmfusion.utils.loading_guard import weights_only

from .base import BaseFusionModel, OptSampleList, SampleList
from .first_layers import widen_first_layers
from .network_config import complete_network, scope_of
from .task_norm import Stats, TaskNormalizer
from .task_preprocessor import TaskPreprocessor, has_own_preprocessor


class JointFusionModel(BaseFusionModel):
    """Base of the wrappers that train a fuser with a task network.

    The fused image goes through :class:`TaskNormalizer` into the task
    network, whose own ``loss`` and ``predict`` are used.

    Args:
        fuser (dict): Config of a registered fuser.
        network (dict): Config of a *whole* mmseg or mmdet model. Its
            ``data_preprocessor`` serves to fill in ``'auto'`` values; one
            of a class of its own also runs, see :class:`TaskPreprocessor`.
        task_mean (sequence | str | None): Mean of the task network's input
            on the 0-255 scale; ``'auto'`` takes the network's own, None
            switches the normalization off.
        task_std (sequence | str | None): Likewise.
        task_channel_order (str): ``'auto'``, ``'rgb'`` or ``'bgr'``.
        task_channels (int): What the task network takes: 3, the fused image;
            4, infrared behind it; 6, infrared three times. Its first layers
            are widened, see :func:`widen_first_layers`. Behind
            ``SelectModality``, that is early fusion: the network sees the
            stacked pair, and ``fused_img`` shows the visible image.
        task_frozen (bool): Keep the task network in eval mode and its
            weights as they are; its losses still teach the fuser.
        classes (sequence[str], optional): Names of the classes for networks
            that ask for them, such as SAN. Where the data set names them,
            training and testing fill this in.
        args, kwargs: See :class:`BaseFusionModel`.
    """
    #: Attribute of the task network, and prefix of its weights and losses.
    TASK: str
    #: Package of task networks that name none.
    SCOPE: str

    def __init__(self, fuser: dict, network: dict, *args,
                 task_mean: Stats = 'auto', task_std: Stats = 'auto',
                 task_channel_order: str = 'auto', task_frozen: bool = False,
                 classes: Sequence[str] | None = None, task_channels: int = 3,
                 **kwargs) -> None:
        super().__init__(fuser, *args, **kwargs)
        self.task_frozen = task_frozen
        #: whether the visible images of training batches are fused ones,
        #: written before
        self.given_fused = False
        scope = scope_of(network, self.SCOPE)
        network = complete_network(network, scope, classes)
        preprocessor = network.pop('data_preprocessor', None) or {}
        self.task_norm = TaskNormalizer.from_config(preprocessor, task_mean,
                                                    task_std,
                                                    task_channel_order,
                                                    task_channels)
        with weights_only():
            setattr(self, self.TASK, MODELS.build(network))
        if task_channels > 3:
            widen_first_layers(self.task_network, task_channels)
        if task_frozen:
            self.task_network.requires_grad_(False)
        self._read_preprocessor(preprocessor, scope)

    @property
    def task_network(self) -> nn.Module:
        """The task network."""
        return getattr(self, self.TASK)

    @property
    def term_names(self) -> list[str]:
        return [*super().term_names, self.TASK]

    def train(self, mode: bool = True) -> 'JointFusionModel':
        """As ``nn.Module.train``; frozen parts stay in eval mode."""
        super().train(mode)
        if self.task_frozen:
            self.task_network.eval()
        return self

    def set_epoch(self, epoch: int) -> None:
        """Tell the task network, if it asks; mmdet's hook calls this."""
        tell = getattr(self.task_network, 'set_epoch', None)
        if tell is not None:
            tell(epoch)

    def _read_preprocessor(self, cfg: dict, scope: str) -> None:
        """Take over what else the task network's preprocessor did."""
        self.task_preprocessor = (TaskPreprocessor(cfg, self.task_norm, scope)
                                  if has_own_preprocessor(cfg, scope) else
                                  None)
        if self.task_preprocessor is not None and self.task_norm.channels > 3:
            raise UsageError(
                f'Expected task_channels=3 for a network whose preprocessor '
                f'({cfg["type"]}) reads RGB images, got '
                f'{self.task_norm.channels}.')

    def task_images(self, output: FuserOutput, inputs: Tensor) -> Tensor:
        """What the task network is shown, (B, task_channels, H, W) in [0, 1].

        Args:
            output (FuserOutput): The fuser's output.
            inputs (Tensor): The stacked batch it was made of.

        Raises:
            UsageError: If the infrared image is to be registered, but the
                fused one was given.
        """
        if self.task_norm.channels == 3:
            return output.fused
        if (self.registration is not None
                and 'registration.offset' not in output.aux):
            raise UsageError(
                'Expected task_channels=3 where fused images are read from '
                f'files, got {self.task_norm.channels} with a registration. '
                'Set write_fused=False in AdaptiveRoundHook.')
        return self.task_norm.stack(output.fused,
                                    self.sources(output, inputs)['ir'])

    def task_input(self, images: Tensor, data_samples: SampleList) -> Tensor:
        """What the task network sees of :meth:`task_images`."""
        return self.task_norm(images)

    def task_batch(self, images: Tensor, data_samples: SampleList,
                   training: bool = False) -> tuple[Tensor, SampleList]:
        """Images and samples for the task network.

        Args:
            images (Tensor): Of :meth:`task_images`.
            data_samples (list[FusionDataSample]): With ``img_shape``.
            training (bool): Whether a loss is to be computed.
        """
        if self.task_preprocessor is None:
            return self.task_input(images, data_samples), data_samples
        return self.task_preprocessor(images, data_samples, training)

    def loss(self, inputs: Tensor,
             data_samples: SampleList) -> dict[str, Tensor]:
        """``fusion.*`` losses and those of the task network of one batch.

        ``term_factors`` weights the latter: under its name (at 0 it does not
        run) and, beside, under that of a kind of head, ``'segmentor.aux'``.

        Returns:
            dict[str, Tensor]: The latter under its name, e.g.
            ``segmentor.decode.loss_ce`` or ``detector.loss_bbox``.
        """
        from mmseg.utils import add_prefix  # late: only training needs it
        if self.given_fused:
            output = FuserOutput(self.split(inputs)[0])
        else:
            output = self.fuse(inputs, data_samples)
        losses = add_prefix(self.fusion_loss(output, inputs, data_samples),
                            'fusion')
        if self.term_factors.get(self.TASK, 1.) == 0:
            return losses
        task = self.task_network.loss(*self.task_batch(
            self.task_images(output, inputs), data_samples, training=True))
        losses.update({
            f'{self.TASK}.{key}': self._weighted(key, value)
            for key, value in task.items()
        })
        return losses

    def _weighted(self, key: str, value: Any) -> Any:
        """A loss of the task network times its factors; scores as they are."""
        head = re.split(r'[._]', key)[0]
        factor = self.term_factors.get(self.TASK, 1.) * self.term_factors.get(
            f'{self.TASK}.{head}', 1.)
        if factor == 1 or 'loss' not in key:
            return value
        if isinstance(value, (list, tuple)):
            return [factor * item for item in value]
        return factor * value

    def _forward(self, inputs: Tensor,
                 data_samples: OptSampleList = None) -> Any:
        """What the task network's ``_forward`` gives."""
        images = self.task_images(self.fuse(inputs, data_samples), inputs)
        samples = self.complete(data_samples, inputs)
        return self.task_network._forward(*self.task_batch(images, samples))

    @staticmethod
    def complete(data_samples: OptSampleList, inputs: Tensor) -> SampleList:
        """Samples with the sizes that task networks read.

        Where a sample has no ``ori_shape``, its image is taken for as large
        as the batch.

        Args:
            data_samples (list[FusionDataSample], optional): Changed in
                place; made where there are none.
            inputs (Tensor): The stacked batch (B, 4, H, W).
        """
        samples = data_samples or [FusionDataSample() for _ in inputs]
        size = tuple(inputs.shape[2:])
        for sample in samples:
            if 'ori_shape' not in sample:
                sample.set_metainfo(dict(ori_shape=size))
            if 'img_shape' not in sample:
                sample.set_metainfo(dict(img_shape=size))
            if 'scale_factor' not in sample:
                height, width = sample.ori_shape[:2]
                sample.set_metainfo(
                    dict(scale_factor=(sample.img_shape[1] / width,
                                       sample.img_shape[0] / height)))
        return samples
