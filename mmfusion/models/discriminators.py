"""Networks that tell real images from fused ones."""
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mmfusion.registry import MODELS


@MODELS.register_module()
class StridedDiscriminator(nn.Module):
    """3x3 convolutions of stride 2 with ReLU, and one number an image.

    TarDAL's (CVPR 2022) has a linear layer over all positions and thus
    images of one size; without a size, positions are averaged first.

    Args:
        in_channels (int): Channels of the images. Defaults to 1.
        channels (sequence[int]): Of the convolutions. Defaults to
            (32, 64, 128).
        size (tuple[int, int], optional): (height, width) of all images.
            Defaults to None: any size.
    """

    def __init__(self, in_channels: int = 1,
                 channels: Sequence[int] = (32, 64, 128),
                 size: tuple[int, int] | None = None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((in_channels, *channels)):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1),
                nn.ReLU(inplace=True)
            ]
        count = channels[-1]
        if size is None:
            layers.append(nn.AdaptiveAvgPool2d(1))
        else:
            for side in size:
                count *= -(-side // 2**len(channels))
        self.size = None if size is None else tuple(size)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.score = nn.Linear(count, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Scores (B, ) of images (B, C, H, W); real ones have higher ones.

        Raises:
            ValueError: If the images have another size than it is made for.
        """
        if self.size not in (None, tuple(image.shape[-2:])):
            raise ValueError(
                f'Expected images of {self.size}, got '
                f'{tuple(image.shape[-2:])}. Set size of the discriminators '
                'to that of the crops, or to None for any size.')
        return self.score(self.layers(image))[:, 0]
