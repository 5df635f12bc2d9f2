"""The frame around images in a detector's batch."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.structures import FusionDataSample


class TaskPadding(nn.Module):
    """Pads normalized fused images as mmdet pads its inputs.

    mmdet pads behind the normalization; whatever a fuser makes of the zeros
    beyond a smaller image's borders is replaced too. Each sample gets
    ``batch_input_shape`` and ``pad_shape``.

    Args:
        divisor (int): Sides become a multiple of it. Defaults to 1.
        value (float): Of the frame. Defaults to 0.
    """

    def __init__(self, divisor: int = 1, value: float = 0.) -> None:
        super().__init__()
        self.divisor = divisor
        self.value = value

    def forward(self, images: Tensor,
                data_samples: list[FusionDataSample]) -> Tensor:
        """Pad a batch.

        Args:
            images (Tensor): (B, C, H, W), images at the left top.
            data_samples (list[FusionDataSample]): With ``img_shape``.

        Returns:
            Tensor: (B, C, H', W').
        """
        height, width = images.shape[-2:]
        target = self.padded_size((height, width))
        padding = (0, target[1] - width, 0, target[0] - height)
        if any(padding):
            images = F.pad(images, padding, value=self.value)
        sizes = [tuple(sample.img_shape[:2]) for sample in data_samples]
        for sample, size in zip(data_samples, sizes, strict=True):
            sample.set_metainfo(
                dict(batch_input_shape=target,
                     pad_shape=self.padded_size(size)))
        if all(size == (height, width) for size in sizes):
            return images
        size = torch.tensor(sizes).to(images.device, non_blocking=True)
        rows, columns = (torch.arange(side, device=images.device)
                         >= size[:, axis, None]
                         for axis, side in enumerate(target))
        frame = (rows[:, :, None] | columns[:, None, :])[:, None]
        return images.masked_fill(frame, self.value)

    def padded_size(self, size: Sequence[int]) -> tuple[int, int]:
        """(height, width), rounded up to multiples of the divisor."""
        height, width = (-(-side // self.divisor) * self.divisor
                         for side in size)
        return height, width
