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
        channels (int): 3, or 4 or 6 with the infrared image behind the
            fused one, see :meth:`stack`. Of three values, infrared gets
            their mean in one channel, and all in three.

    Raises:
        ValueError: If only one of mean and std is given, if they do not
            have three values or one a channel, or on an unknown channel
            order or number of channels.
    """

    def __init__(self, mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None,
                 channel_order: str = 'rgb', channels: int = 3) -> None:
        super().__init__()
        if (mean is None) != (std is None):
            raise ValueError('Expected task_mean and task_std both set or '
                             f'both None, got {mean} and {std}.')
        check_choice(('rgb', 'bgr'), task_channel_order=channel_order)
        check_choice((3, 4, 6), task_channels=channels)
        self.channels = channels
        self.channel_order = channel_order
        self.enabled = mean is not None
        #: mean and standard deviation, as given
        self.stats = mean, std
        if self.enabled:
            for name, values in dict(mean=mean, std=std).items():
                if len(values) not in (3, channels):
                    raise ValueError(
                        'Expected three values (fused images are RGB) in '
                        f'task_mean and task_std, got {mean} and {std}.')
                values = torch.tensor(values, dtype=torch.float32)
                self.register_buffer(
                    name,
                    self._for_channels(values).view(1, -1, 1, 1) / 255,
                    persistent=False)

    def _for_channels(self, values: Tensor) -> Tensor:
        if len(values) == self.channels:
            return values
        infrared = values if self.channels == 6 else values.mean()[None]
        return torch.cat((values, infrared))

    @property
    def is_plain(self) -> bool:
        """Whether images stay as they are, at 0 to 255."""
        return self.stats == _PLAIN

    @classmethod
    def from_config(cls, preprocessor: dict | None, mean: Stats, std: Stats,
                    channel_order: str, channels: int = 3) -> 'TaskNormalizer':
        """Resolve ``'auto'`` values from a task model's preprocessor.

        Of one that does not normalize, they leave images at 0 to 255.

        Args:
            preprocessor (dict, optional): ``data_preprocessor`` config of
                the mmseg / mmdet model.
            mean, std: As above, or ``'auto'``.
            channel_order (str): As above, or ``'auto'``.
            channels (int): As above.
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
        return cls(mean, std, channel_order, channels)

    def stack(self, fused: Tensor, ir: Tensor) -> Tensor:
        """Put infrared behind fused images, where there are channels for it.

        Args:
            fused (Tensor): (B, 3, H, W).
            ir (Tensor): (B, 1, H, W).

        Returns:
            Tensor: (B, channels, H, W).
        """
        more = self.channels - 3
        if not more:
            return fused
        return torch.cat((fused, ir.expand(-1, more, -1, -1)), dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Args: images (B, channels, H, W), RGB first, in [0, 1]. Returns:
        the same shape."""
        if self.channel_order == 'bgr':
            bgr, more = images[:, :3].flip(1), images[:, 3:]
            images = torch.cat((bgr, more), dim=1) if more.numel() else bgr
        return (images - self.mean) / self.std if self.enabled else images
