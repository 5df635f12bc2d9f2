"""From a batch of stacked images to the tensor the models see."""
import copy
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import check_choice, check_least

_GROUND_TRUTH = ('gt_sem_seg', 'gt_binary', 'gt_boundary', 'gt_mask')
_BOXES = ('gt_instances', 'ignored_instances', 'proposals')


@MODELS.register_module()
class FusionDataPreprocessor(BaseDataPreprocessor):
    """Convert, scale, pad and stack pairs.

    Input: ``inputs``, a list of (C, H, W) or one (B, C, H, W) tensor, uint8
    or float in 0..255, visible channels in BGR order; ``data_samples``, a
    list of :class:`FusionDataSample` or None.

    Output: ``inputs``, float32 (B, C, H', W') in [0, 1], RGB + infrared.
    Smaller images are padded at the right and the bottom. Each sample's
    meta information gets ``img_shape`` (before padding), ``pad_shape``,
    ``padding_size`` and, in testing, ``img_padding_size`` (left, right,
    top, bottom), by which mmseg crops its predictions. What a ``Pad`` of
    the test pipeline added at the right and the bottom counts as padding
    too; ``img_shape`` contains it, as in mmdet. In training the
    ground truth is padded too; in testing it stays at the original size.
    A distilled student's target, ``gt_fused``, becomes float32 in [0, 1],
    and in training it is padded as the images are.
    mmdet's box structures become plain tensors, which its heads expect.

    Args:
        modalities (dict[str, int]): Channels of each modality, in order.
            Defaults to ``dict(vis=3, ir=1)``.
        bgr_to_rgb (bool): Whether to reverse the channels of each modality
            of three. Defaults to True.
        size (tuple[int, int], optional): (height, width) to pad to in
            training; larger images stay larger.
        size_divisor (int, optional): Sides are padded to a multiple of it,
            in training and testing.
        pad_mode (str): ``'constant'`` or ``'replicate'``.
        pad_val (float): Value of constant padding, in [0, 1].
        seg_pad_val (int): Padding of ground truth. Defaults to 255.
        boxtype2tensor (bool): Whether boxes become tensors. Defaults to
            True.
        batch_augments (list[dict], optional): Modules applied to the
            training batch in turn: ``inputs, data_samples =
            augment(inputs, data_samples)``.
        non_blocking (bool): Whether copies to the device may overlap.

    Raises:
        ValueError: If an argument or the batch's channels do not fit.
    """

    def __init__(self, modalities: dict[str, int] | None = None,
                 bgr_to_rgb: bool = True, size: tuple[int, int] | None = None,
                 size_divisor: int | None = None, pad_mode: str = 'constant',
                 pad_val: float = 0.0, seg_pad_val: int = 255,
                 boxtype2tensor: bool = True,
                 batch_augments: list[dict] | None = None,
                 non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)
        check_choice(('constant', 'replicate'), pad_mode=pad_mode)
        check_least(1, size_divisor=size_divisor)
        self.bgr_to_rgb = bgr_to_rgb
        self.size = size
        self.size_divisor = size_divisor or 1
        self.pad_mode = pad_mode
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val
        self.boxtype2tensor = boxtype2tensor
        self.batch_augments = nn.ModuleList(
            MODELS.build(augment) for augment in batch_augments or ())
        self._set_modalities(modalities or dict(vis=3, ir=1))

    def _set_modalities(self, modalities: Mapping[str, int]) -> None:
        self.modalities = dict(modalities)
        order: list[int] = []
        for channels in self.modalities.values():
            span = range(len(order), len(order) + channels)
            swap = self.bgr_to_rgb and channels == 3
            order.extend(reversed(span) if swap else span)
        self.register_buffer('_order', torch.tensor(order, device=self.device),
                             persistent=False)

    def for_modalities(
            self, modalities: Mapping[str, int]) -> 'FusionDataPreprocessor':
        """The same for other modalities."""
        other = copy.copy(self)
        other._buffers = dict(self._buffers)
        other._set_modalities(modalities)
        return other

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs`` and optional ``data_samples``.
            training (bool): Whether ground truth is padded and batch
                augments run. Defaults to False.

        Returns:
            dict: ``inputs`` and ``data_samples``.
        """
        data = self.cast_data(data)
        images: Tensor | Sequence[Tensor] = data['inputs']
        samples = data.get('data_samples')
        self._check(images)
        for sample in samples or ():
            self._check_order(sample)
        sizes = [tuple(image.shape[-2:]) for image in images]
        target = self._target(sizes, self.size if training else None)
        if len(set(sizes)) == 1:
            batch = images if isinstance(images, Tensor) else torch.stack(
                tuple(images))
            batch = self._pad(self._convert(batch), target)
        else:
            batch = torch.cat([
                self._pad(self._convert(image[None]), target)
                for image in images
            ])
        if samples is not None:
            for sample, size in zip(samples, sizes, strict=True):
                self._record(sample, size, target, training)
        if training:
            for augment in self.batch_augments:
                batch, samples = augment(batch, samples)
        return dict(inputs=batch, data_samples=samples)

    def _check(self, images: Tensor | Sequence[Tensor]) -> None:
        expected = self._order.numel()
        for image in images:
            if image.ndim != 3 or image.shape[0] != expected:
                raise ValueError(
                    'FusionDataPreprocessor: expected images of shape '
                    f'({expected}, H, W) for the modalities '
                    f'{self.modalities}, got {tuple(image.shape)}.')

    def _check_order(self, sample: FusionDataSample) -> None:
        """Other modalities may have as many channels in all."""
        spans = sample.metainfo.get('modalities')
        if spans is None:
            return
        counts = [end - first for first, end in spans.values()]
        if counts != list(self.modalities.values()):
            raise ValueError(
                'FusionDataPreprocessor: expected the modalities '
                f'{self.modalities}, got a sample of '
                f'{dict(zip(spans, counts, strict=True))}. Set the task of '
                'the model to that of the data.')

    def _convert(self, batch: Tensor) -> Tensor:
        """RGB float in [0, 1] of a (B, C, H, W) batch."""
        return batch.index_select(1, self._order).float().div_(255)

    def _target(self, sizes: Sequence[tuple[int, int]],
                least: tuple[int, int] | None) -> tuple[int, int]:
        sides = []
        for axis in (0, 1):
            side = max(size[axis] for size in sizes)
            if least is not None:
                side = max(side, least[axis])
            sides.append(side)
        return self.padded_size(sides)

    def padded_size(self, size: Sequence[int]) -> tuple[int, int]:
        """What one image (height, width) alone is padded to in testing."""
        height, width = (-(-side // self.size_divisor) * self.size_divisor
                         for side in size)
        return height, width

    def _pad(self, batch: Tensor, target: tuple[int, int]) -> Tensor:
        bottom = target[0] - batch.shape[-2]
        right = target[1] - batch.shape[-1]
        if not (bottom or right):
            return batch
        value = self.pad_val if self.pad_mode == 'constant' else None
        return F.pad(batch, (0, right, 0, bottom), self.pad_mode, value)

    def _record(self, sample: FusionDataSample, size: tuple[int, int],
                target: tuple[int, int], training: bool) -> None:
        padding = (0, target[1] - size[1], 0, target[0] - size[0])
        if not training:
            height, width = self._content(sample, size)
            padding = (0, target[1] - width, 0, target[0] - height)
        # Plain tuples: mmseg reads a torch.Size as a sign of slide mode.
        sample.set_metainfo(
            dict(img_shape=size, pad_shape=target, padding_size=padding))
        if 'gt_fused' in sample:
            image = sample.gt_fused.data.float() / 255
            if training:
                image = self._pad(image[None], target)[0]
            sample.gt_fused = PixelData(data=image)
        if self.boxtype2tensor:
            self._plain_boxes(sample)
        if not training:
            sample.set_metainfo(dict(img_padding_size=padding))
            return
        if not any(padding):
            return
        for key in _GROUND_TRUTH:
            if key in sample:
                field = getattr(sample, key)
                data = F.pad(field.data, padding, value=self.seg_pad_val)
                setattr(sample, key, type(field)(data=data))

    @staticmethod
    def _content(sample: FusionDataSample,
                 size: tuple[int, int]) -> tuple[int, int]:
        """Size of the image before the pipeline padded it, if it did.

        mmcv's ``Pad`` records the padded size alone.
        """
        padded = sample.get('pad_shape')
        if (padded is None or tuple(padded[:2]) != size
                or 'ori_shape' not in sample):
            return size
        if 'scale_factor' not in sample:
            sample.set_metainfo(dict(scale_factor=(1., 1.)))
        height, width = (round(side * scale) for side, scale in zip(
            sample.ori_shape[:2], sample.scale_factor[::-1], strict=True))
        # A crop or a turn in between: nothing to tell the padding by.
        fits = height <= size[0] and width <= size[1]
        return (height, width) if fits else size

    @staticmethod
    def _plain_boxes(sample: FusionDataSample) -> None:
        for key in _BOXES:
            boxes = sample.get(key, {}).get('bboxes')
            if hasattr(boxes, 'tensor'):
                getattr(sample, key).bboxes = boxes.tensor
