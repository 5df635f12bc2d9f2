"""Real-time student for distilled fusion.

Source: the README of "Adding Real-Time Infrared-Visible Fusion to Visual
System via Distilled Diffusion Models" (github.com/Eurekaarrow/FusionAdapter,
MIT) asks for two MobileNetV3-like encoders, attention between modalities at
several scales and a U-Net decoder in 3 to 5 M parameters and 15 to 25 GMACs
at 512x512. There is no paper and no such network in that repository: the
layers are ours. Differs from its networks in this: BatchNorm, which folds
into convolutions; cross-attention with keys on a grid of 1/32; a path at
full resolution, without which all detail passes a stride of two.
"""
import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.checkpoint import (check_state_dict, find_state_dict,
                                       read_checkpoint)

from ..base import BaseFuser
from .layers import FusionBlock, MobileEncoder, UpBlock, conv_bn_act, double

#: encoder channels, decoder channels, channels at full size
SIZES: dict[str, tuple[Sequence[int], Sequence[int], int]] = dict(
    tiny=((16, 24, 48, 96), (48, 32, 24), 16),
    small=((24, 40, 80, 128), (96, 56, 32), 16),
    base=((32, 48, 96, 160), (112, 80, 48), 24),
)
SCALES = (2, 4, 8, 16)


class TimmEncoder(nn.Module):
    """Maps at 1/2 to 1/16 of any timm backbone with ``features_only``.

    Args:
        name (str): timm's name, e.g. ``'mobilenetv3_large_100'``.
        in_channels (int): Channels of the modality.
        checkpoint (str, optional): Weights with timm's keys for images of
            three channels; for one channel the first layer is summed over
            its inputs.

    Raises:
        ValueError: If timm has no such network, it has no maps of these
            scales, or the weights do not fit.
    """

    def __init__(self, name: str, in_channels: int,
                 checkpoint: str | None = None) -> None:
        super().__init__()
        import timm
        try:
            network = timm.create_model(name, pretrained=False,
                                        features_only=True,
                                        in_chans=in_channels)
        except RuntimeError as error:
            raise ValueError(
                f'Expected a backbone of timm, got {name!r}: {error}. '
                "timm.list_models('mobilenetv3*') lists names.") from error
        reductions = network.feature_info.reduction()
        if not set(SCALES) <= set(reductions):
            raise ValueError(
                f'Expected a backbone with maps at 1/{SCALES} of the size, '
                f'got {name!r} with 1/{reductions}. Convolutional ones such '
                "as 'mobilenetv3_large_100' have them.")
        levels = [reductions.index(scale) for scale in SCALES]
        self.network = timm.create_model(name, pretrained=False,
                                         features_only=True,
                                         in_chans=in_channels,
                                         out_indices=levels)
        self.channels = tuple(self.network.feature_info.channels())
        # mobile networks of timm also run the blocks behind the last map
        kind, _, last = self.network.feature_info.module_name()[-1].partition(
            '.')
        if kind == 'blocks':
            blocks = self.network.blocks
            self.network.blocks = blocks[:int(last.split('.')[0]) + 1]
        if checkpoint is not None:
            self._load(checkpoint)

    def _load(self, checkpoint: str) -> None:
        own = self.network.state_dict()
        state = {
            key: value for key, value in find_state_dict(
                read_checkpoint(checkpoint)).items() if key in own
        }
        first = next(iter(own))
        if first in state and own[first].shape[1] == 1:
            state[first] = state[first].sum(1, keepdim=True)
        check_state_dict(state, own,
                         f'{checkpoint!r} must be of the same backbone.')
        self.network.load_state_dict(state)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) to four maps."""
        return tuple(self.network(x))


@MODELS.register_module()
class RealtimeFusionNet(BaseFuser):
    """Two mobile encoders, fusion at four scales, a U-Net decoder.

    ``aux`` holds the fused maps ``scale2``, ``scale4``, ``scale8`` and
    ``scale16`` (at that fraction of the padded size) where ``forward`` is
    called with ``return_features=True``; as places of a distiller's pair
    they are ``module.fusion.0`` to ``module.fusion.3``.

    Args:
        size (str): ``'tiny'`` (1.37 M parameters, 5.48 GMACs at 512x512),
            ``'small'`` (2.89 M, 10.5) or ``'base'`` (4.36 M, 18.2).
        ir_channels (int): 1, or 3 for a grey image repeated thrice, as the
            README's interface. Defaults to 3.
        out_mode (str): ``'rgb'``; or ``'y'``: luminance alone, with the
            chrominance of the visible image, for teachers that fuse
            luminance. Defaults to ``'rgb'``.
        backbone (str, optional): Name of a timm network in place of our
            encoders, e.g. ``'mobilenetv3_large_100'``.
        backbone_checkpoint (str, optional): Its weights; both encoders
            start from them.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If an argument is not one of the above.
    """
    size_divisor = 32
    min_size = 32
    padding_mode = 'reflect'

    def __init__(self, size: str = 'base', ir_channels: int = 3,
                 out_mode: str = 'rgb', backbone: str | None = None,
                 backbone_checkpoint: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        for name, value, known in (('size', size, tuple(SIZES)),
                                   ('ir_channels', ir_channels, (1, 3)),
                                   ('out_mode', out_mode, ('rgb', 'y'))):
            if value not in known:
                raise ValueError(f'RealtimeFusionNet: expected {name} of '
                                 f'{known}, got {value!r}.')
        if backbone_checkpoint is not None and backbone is None:
            raise ValueError(
                'RealtimeFusionNet: expected a backbone to load '
                f'{backbone_checkpoint!r} into, got none. Set backbone=NAME.')
        channels, decoder, full = SIZES[size]
        self.ir_channels = ir_channels
        self.out_mode = out_mode

        def encoder(in_channels: int) -> nn.Module:
            if backbone is None:
                return MobileEncoder(in_channels, channels)
            return TimmEncoder(backbone, in_channels, backbone_checkpoint)

        self.ir_encoder = encoder(ir_channels)
        self.vis_encoder = encoder(3)
        channels = self.ir_encoder.channels
        # keys of both attentions lie on a grid of 1/32
        self.fusion = nn.ModuleList(
            FusionBlock(width, reduction)
            for width, reduction in zip(channels, (None, None, 4,
                                                   2), strict=True))
        inputs = (channels[3], *decoder[:2])
        self.decoder = nn.ModuleList(
            UpBlock(coarse, skip, out) for coarse, skip, out in zip(
                inputs, channels[2::-1], decoder, strict=True))
        self.to_full = conv_bn_act(decoder[2], full, 1)
        self.detail = conv_bn_act(ir_channels + 3, full, 3)
        self.head = nn.Sequential(
            conv_bn_act(2 * full, full, 3),
            nn.Conv2d(full, 3 if out_mode == 'rgb' else 1, 3, padding=1))

    def fuse(self, vis: Tensor, ir: Tensor,
             return_features: bool = False) -> FuserOutput:
        """Fuse images whose sides are multiples of 32.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            return_features (bool): Whether ``aux`` holds the fused maps.

        Returns:
            FuserOutput: ``luma`` is None in mode ``'rgb'``.
        """
        ir = ir.expand(-1, self.ir_channels, -1, -1)
        maps = [
            block(*pair)
            for block, *pair in zip(self.fusion, self.ir_encoder(ir),
                                    self.vis_encoder(vis), strict=True)
        ]
        x = maps[3]
        for up, skip in zip(self.decoder, maps[2::-1], strict=True):
            x = up(x, skip)
        x = double(self.to_full(x))
        detail = self.detail(torch.cat((ir, vis), 1))
        out = self.head(torch.cat((x, detail), 1)).sigmoid()
        aux = {}
        if return_features:
            aux = {
                f'scale{scale}': value
                for scale, value in zip(SCALES, maps, strict=True)
            }
        if self.out_mode == 'rgb':
            return FuserOutput(out, None, aux)
        _, cbcr = self.split_colour(vis)
        return FuserOutput(self.join_colour(out, cbcr), out, aux)

    def to_one_channel(self) -> 'RealtimeFusionNet':
        """A copy that takes infrared of one channel.

        The first layers are summed over the three equal channels, which
        changes no output.

        Returns:
            RealtimeFusionNet: The copy, or this network where it has one
            channel already.

        Raises:
            ValueError: If a timm backbone does not begin with a
                convolution.
        """
        if self.ir_channels == 1:
            return self
        fuser = copy.deepcopy(self)
        fuser.ir_channels = 1
        first = next(module for module in fuser.ir_encoder.modules()
                     if isinstance(module, nn.Conv2d))
        if first.in_channels != 3:
            raise ValueError('Expected an encoder that begins with a '
                             f'convolution of 3 channels, got {first}.')
        _narrow(first, first.weight.sum(1, keepdim=True))
        detail = fuser.detail[0]
        weight = detail.weight
        _narrow(
            detail,
            torch.cat((weight[:, :3].sum(1, keepdim=True), weight[:, 3:]), 1))
        return fuser


def _narrow(conv: nn.Conv2d, weight: Tensor) -> None:
    conv.weight = nn.Parameter(weight.detach().contiguous(),
                               conv.weight.requires_grad)
    conv.in_channels = weight.shape[1]
