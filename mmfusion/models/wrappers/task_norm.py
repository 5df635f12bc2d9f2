"""The step between a fuser and a task network."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusion.utils.errors import check_choice

Stats = str | Sequence[float] | None
#: leaves images at 0 to 255
_PLAIN = (0., 0., 0.), (1., 1., 1.)


class TaskNormalizer(nn.Module):
    """Turns fused RGB images in [0, 1] into a task network's input.

    The fused image is brought into the channel order of the task network
    and normalized with ``(255 * fused - mean) / std``.

    Args:
        mean (sequence, optional): Per-channel mean on the 0-255 scale, in
            ``channel_order``. None switches the normalization off.
        std (sequence, optional): Per-channel standard deviation, likewise.
        channel_order (str): ``'rgb'`` or ``'bgr'``.

    Raises:
        ValueError: If only one of mean and std is given, if they do not
            have three values, or on an unknown channel order.
    """

    def __init__(self, mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None,
                 channel_order: str = 'rgb') -> None:
        super().__init__()
        if (mean is None) != (std is None):
            raise ValueError('Expected task_mean and task_std both set or '
                             f'both None, got {mean} and {std}.')
        check_choice(('rgb', 'bgr'), task_channel_order=channel_order)
        self.channel_order = channel_order
        self.enabled = mean is not None
        #: mean and standard deviation, as given
        self.stats = mean, std
        if self.enabled:
            if len(mean) != 3 or len(std) != 3:
                raise ValueError('Expected three values (fused images are '
                                 f'RGB) in task_mean and task_std, got {mean}'
                                 f' and {std}.')
            mean = torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1)
            std = torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1)
            self.register_buffer('mean', mean / 255, persistent=False)
            self.register_buffer('std', std / 255, persistent=False)

    @property
    def is_plain(self) -> bool:
        """Whether images stay as they are, at 0 to 255."""
        return self.stats == _PLAIN

    @classmethod
    def from_config(cls, preprocessor: dict | None, mean: Stats, std: Stats,
                    channel_order: str) -> 'TaskNormalizer':
        """Resolve ``'auto'`` values from a task model's preprocessor.

        Of one that does not normalize, they leave images at 0 to 255.

        Args:
            preprocessor (dict, optional): ``data_preprocessor`` config of
                the mmseg / mmdet model.
            mean, std: As above, or ``'auto'``.
            channel_order (str): As above, or ``'auto'``.
        """
        preprocessor = preprocessor or {}
        if (mean, std) == ('auto', 'auto') and preprocessor.get(
                'type') and preprocessor.get('mean') is None:
            mean, std = _PLAIN  # it sees 0 to 255 (YOLOX)
        if mean == 'auto':
            mean = preprocessor.get('mean')
        if std == 'auto':
            std = preprocessor.get('std')
        if channel_order == 'auto':
            # images are loaded as BGR: a model that does not convert them
            # was made for BGR input
            keeps_bgr = preprocessor and not preprocessor.get('bgr_to_rgb')
            channel_order = 'bgr' if keeps_bgr else 'rgb'
        return cls(mean, std, channel_order)

    def forward(self, fused: Tensor) -> Tensor:
        """Args: fused (B, 3, H, W) RGB in [0, 1]. Returns: (B, 3, H, W)."""
        if self.channel_order == 'bgr':
            fused = fused.flip(1)
        return (fused - self.mean) / self.std if self.enabled else fused
