"""Frozen VGG features for perceptual losses."""
import json
import re
import weakref
from collections.abc import Sequence

import torch
from mmengine.config import ConfigDict
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.constants import constant
from mmfusion.utils.errors import check_choice

_CONFIGS = {11: 'A', 13: 'B', 16: 'D', 19: 'E'}
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: last ReLU of each block, as MMDRFuse takes them from VGG-19
VGG19_TAPS = ('relu1_2', 'relu2_2', 'relu3_4', 'relu4_4', 'relu5_4')


def _names(config: Sequence) -> Sequence[str]:
    """Names of the layers: conv1_1, relu1_1, ..., pool1, conv2_1, ..."""
    names, block, index = [], 1, 1
    for item in config:
        if item == 'M':
            names.append(f'pool{block}')
            block, index = block + 1, 1
        else:
            names += [f'conv{block}_{index}', f'relu{block}_{index}']
            index += 1
    return names


@MODELS.register_module()
class VGGFeatures(nn.Module):
    """Named layers of a VGG (without BatchNorm) in one pass, frozen.

    Meant to be shared: :func:`shared_features` gives losses of one config
    one network, which stays out of checkpoints and optimizers.

    Args:
        depth (int): 11, 13, 16 or 19. Defaults to 19.
        taps (sequence[str]): Layers to return, ``'relu<block>_<index>'``,
            ``'conv<block>_<index>'`` or ``'pool<block>'``.
        init_cfg (dict, optional): ``dict(type='Pretrained',
            checkpoint=FILE)``, FILE with torchvision's keys
            ``features.N.weight`` and ``features.N.bias``.
        normalize (bool): Whether to apply ImageNet's mean and deviation.
            Defaults to False, as MMDRFuse.
        width (float): Factor of all channel counts. Published weights need
            1, the default.
        allow_random (bool): Whether to do without ``init_cfg``: random
            features, for tests. Defaults to False.

    Raises:
        ValueError: On an unknown depth or tap, without weights, or if the
            file does not fit.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, depth: int = 19, taps: Sequence[str] = VGG19_TAPS,
                 init_cfg: dict | None = None, normalize: bool = False,
                 width: float = 1., allow_random: bool = False) -> None:
        from torchvision.models import vgg  # late: it takes a while
        super().__init__()
        check_choice(_CONFIGS, depth=depth)
        config = vgg.cfgs[_CONFIGS[depth]]
        names = _names(config)
        unknown = [tap for tap in taps if tap not in names]
        if unknown or not taps:
            raise ValueError(f'Expected taps among {names}, got '
                             f'{unknown or "none"}.')
        if init_cfg is None and not allow_random:
            raise ValueError(
                f'VGGFeatures: expected weights, got none. Set init_cfg=dict('
                "type='Pretrained', checkpoint=FILE) with torchvision's "
                f'vgg{depth} file (docs/distillation.md says where to get '
                'it), or leave the perceptual terms out as the *_novgg '
                'configs do.')
        layers = vgg.make_layers([
            item if item == 'M' else max(1, round(item * width))
            for item in config
        ])
        self.names = names[:1 + max(names.index(tap) for tap in taps)]
        self.taps = tuple(taps)
        self.features = layers[:len(self.names)]
        for name, layer in zip(self.names, self.features, strict=True):
            if isinstance(layer, nn.ReLU):
                layer.inplace = name.replace('relu', 'conv') not in taps
        self.normalize = normalize
        if init_cfg is not None:
            self._load(init_cfg)
        self.requires_grad_(False).eval()
        self._last: tuple | None = None

    def _load(self, init_cfg: dict) -> None:
        from mmfusion.utils.checkpoint import find_state_dict, read_checkpoint
        if init_cfg.get('type') != 'Pretrained':
            raise ValueError("VGGFeatures: expected init_cfg=dict(type="
                             f"'Pretrained', checkpoint=...), got {init_cfg}.")
        path = init_cfg['checkpoint']
        state = {
            key: value
            for key, value in find_state_dict(read_checkpoint(path)).items()
            if re.fullmatch(r'features\.\d+\.(weight|bias)', key)
        }
        own = self.state_dict()
        wrong = [
            key for key, value in own.items()
            if key not in state or state[key].shape != value.shape
        ]
        if wrong:
            raise ValueError(
                f'Expected {path!r} to hold the VGG weights '
                f'{list(own)[0]} to {list(own)[-1]}, got none or another '
                f'shape for {wrong[:6]}. Give the file of the depth '
                "configured, with torchvision's names.")
        self.load_state_dict({key: state[key] for key in own})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Features of each tap.

        Args:
            image (Tensor): (B, 1 or 3, H, W) in [0, 1]; grey is repeated.

        Returns:
            dict[str, Tensor]: (B, C, H / 2^k, W / 2^k) by tap.
        """
        if self.features[0].weight.device != image.device:
            self.to(image.device)
        x = image.expand(-1, 3, -1, -1)
        if self.normalize:
            mean, std = (constant(values, x)[:, None, None]
                         for values in _IMAGENET)
            x = (x - mean) / std
        found = {}
        for name, layer in zip(self.names, self.features, strict=True):
            x = layer(x)
            if name in self.taps:
                found[name] = x
        return found

    def kept(self, image: Tensor) -> dict[str, Tensor]:
        """:meth:`forward`, not computed again for the same ``image``.

        That of the last call alone is kept, and dropped with its image.
        """
        state = image._version, torch.is_grad_enabled()
        if (self._last is None or self._last[0]() is not image
                or self._last[1] != state):
            found = self(image)
            self._last = weakref.ref(image, self._forget), state, found
        return self._last[2]

    def _forget(self, image: weakref.ref) -> None:
        if self._last is not None and self._last[0] is image:
            self._last = None

    def __deepcopy__(self, memo: dict) -> 'VGGFeatures':
        """Itself: a frozen network needs no copy (EMA copies models)."""
        return self


_SHARED: 'weakref.WeakValueDictionary' = weakref.WeakValueDictionary()


def shared_features(cfg: dict) -> nn.Module:
    """The frozen feature network of a config, one for equal configs.

    Args:
        cfg (dict): Config of a registered network whose ``forward`` gives a
            dict of feature maps and which has ``kept``, as
            :class:`VGGFeatures`.

    Returns:
        nn.Module: Hold it outside of ``nn.Module``'s registration, so that
        it stays out of checkpoints.
    """
    plain = cfg.to_dict() if isinstance(cfg, ConfigDict) else dict(cfg)
    key = json.dumps(plain, sort_keys=True, default=str)
    network = _SHARED.get(key)
    if network is None:
        network = _SHARED[key] = MODELS.build(plain)
    return network
