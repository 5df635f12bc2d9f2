"""From pairs of frames to fused frames, a batch at a time."""
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mmfusion.models.wrappers.finite import check_fused
from mmfusion.models.wrappers.output_policy import OutputPolicy
from mmfusion.structures import FuserOutput
from mmfusion.utils.errors import UsageError, check_choice
from mmfusion.visualization import overlay_labels

from .statistics import StreamStatistics
from .temporal import SteadyRange

NORMS = ('auto', 'clamp', 'steady')


class FusedBatch(NamedTuple):
    """Fused frames, and their labels where there are any.

    Attributes:
        images (Tensor): (B, 3, H, W), nominally in [0, 1].
        labels (Tensor, optional): (B, H, W).
    """
    images: Tensor
    labels: Tensor | None


class FrameFuser:
    """A wrapper, and a segmentor behind it, on frames of a video.

    Args:
        model (nn.Module): Of ``init_model``: fuses.
        segmenter (nn.Module, optional): A ``FuserSegmenter`` whose
            segmentor labels the fused frames; may be ``model``, also one
            whose fuser has semantic logits (an exported full model).
        norm (str): ``'clamp'`` to [0, 1]; ``'steady'`` for
            :class:`SteadyRange`; ``'auto'`` for the latter where the model
            stretches images by their minimum and maximum.
        momentum (float): Of :class:`SteadyRange`.

    Raises:
        ValueError: On another norm.
        UsageError: If the model fuses another task than colour and infrared.
    """

    def __init__(self, model: nn.Module, segmenter: nn.Module | None = None,
                 norm: str = 'auto', momentum: float = 0.95) -> None:
        check_choice(NORMS, norm=norm)
        modalities = dict(model.roles.task.modalities)
        if list(modalities.values()) != [3, 1]:
            raise UsageError(
                'Expected a model of a colour and a grey stream, in this '
                f'order, got one of {modalities}. Fuse single pairs of it '
                'with tools/test_fusion.py.')
        self.model, self.segmenter = model, segmenter
        policy = model.output_policy
        if norm == 'auto':
            norm = 'steady' if 'minmax' in policy.norm else 'clamp'
        self.grey = policy.colour == 'grey'
        self.policy = OutputPolicy('clamp', policy.colour)
        self.steady = SteadyRange(momentum) if norm == 'steady' else None
        meta = getattr(segmenter, 'dataset_meta', {})
        self.classes = meta.get('classes')
        self.palette = meta.get('palette') or np.random.default_rng(
            0).integers(0, 256, (256, 3), np.uint8)

    @torch.no_grad()
    def prepare(self, vis: np.ndarray, ir: np.ndarray) -> Tensor:
        """A pair as the network takes it; may run in another thread.

        Args:
            vis (np.ndarray): (H, W, 3) uint8, BGR.
            ir (np.ndarray): (H, W) uint8.

        Returns:
            Tensor: (1, 4, H', W') float32 in [0, 1] on the model's device,
            padded where the preprocessor does so.
        """
        planes = torch.from_numpy(np.stack((*cv2.split(vis), ir)))
        data = self.model.data_preprocessor(dict(inputs=planes[None]), False)
        return data['inputs']

    @torch.no_grad()
    def __call__(self, pairs: list[Tensor], size: tuple[int, int],
                 statistics: StreamStatistics) -> FusedBatch:
        """Fuse pairs of one size.

        Args:
            pairs (list[Tensor]): Of :meth:`prepare`.
            size (tuple[int, int]): Height and width of the frames.
            statistics (StreamStatistics): The network is timed.

        Returns:
            FusedBatch: Images (B, 3, H, W), nominally in [0, 1], and label
            maps, on the device.

        Raises:
            UsageError: If an image has NaN or infinite values.
        """
        height, width = size
        inputs = pairs[0] if len(pairs) == 1 else torch.cat(pairs)
        with statistics.timed('network'):
            output = self.model.fuse(inputs)
            labels = None
            if self.segmenter is not None:
                labels = self._labels(output, inputs)[..., :height, :width]
            for tensor in (output.fused, labels):
                if tensor is not None and tensor.is_cuda:
                    torch.cuda.synchronize(tensor.device)
        first = statistics.frames
        check_fused(output,
                    [f'frame {first + place}' for place in range(len(inputs))])
        images = self._images(output, inputs)[..., :height, :width]
        return FusedBatch(images, labels)

    def _images(self, output: FuserOutput, inputs: Tensor) -> Tensor:
        fuser = self.model.fuser
        if self.steady is not None and output.luma is not None:
            # by luminance, as stills are; colours keep their hue
            luma = self.steady(output.luma)
            if self.grey:
                return luma.expand(-1, 3, -1, -1)
            cbcr = self.model.roles.chroma(inputs, fuser)
            return fuser.join_colour(luma, cbcr).clamp(0, 1)
        fused = output.fused
        if self.steady is not None:
            fused = self.steady(fused)
        if not self.grey:
            return fused
        return torch.stack(
            [self.policy.from_rgb(image, {}) for image in fused])

    def _labels(self, output: FuserOutput, inputs: Tensor) -> Tensor:
        task, fused = self.segmenter, output.fused
        if not hasattr(task, 'segmentor'):
            if task is not self.model or 'semantic' not in output.aux:
                raise UsageError(
                    'Expected a FuserSegmenter or an exported full model to '
                    f'segment with, got {type(task).__name__} with '
                    f'{type(task.fuser).__name__}.')
            return output.aux['semantic'].argmax(1)
        if task.task_norm.channels > 3:
            ir = self.model.sources(output, inputs)['ir']
            fused = task.task_norm.stack(fused, ir)
        # an exported fuser may run elsewhere than the segmentor
        fused = fused.to(next(task.segmentor.parameters()).device)
        metas = [
            dict(img_shape=tuple(fused.shape[2:]), ori_shape=tuple(
                fused.shape[2:]), pad_shape=tuple(fused.shape[2:]))
        ] * len(fused)
        logits = task.segmentor.inference(task.task_norm(fused), metas)
        if logits.shape[1] == 1:
            threshold = task.segmentor.decode_head.threshold
            return (logits[:, 0].sigmoid() > threshold).long()
        return logits.argmax(1)

    def draw(self, fused: np.ndarray, labels: np.ndarray,
             opacity: float = 0.5) -> np.ndarray:
        """Fused frame (RGB uint8) with its labels in colours over it."""
        return overlay_labels(fused, labels, self.palette, opacity,
                              classes=self.classes)
