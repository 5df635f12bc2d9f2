"""Parameters and FLOPs of a model."""

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from mmfusion.apis.model_loading import build_network
from mmfusion.tasks import TASKS
from mmfusion.utils.errors import UsageError, check_choice
from mmfusion.utils.torch_features import math_attention

PARTS = ('full', 'fuser')


class FuserPart(nn.Module):
    """A fuser as a network of one stacked input.

    Args:
        fuser (nn.Module): That of a wrapper.
    """

    def __init__(self, fuser: nn.Module) -> None:
        super().__init__()
        self.fuser = fuser

    def forward(self, inputs: Tensor) -> Tensor:
        """Args: inputs (B, 4, H, W). Returns: (B, 3, H, W)."""
        return self.fuser(inputs[:, :3], inputs[:, 3:]).fused


def network_of(cfg: Config, part: str = 'full', optimize: bool = False,
               device: str = 'cpu') -> nn.Module:
    """A config's network with random weights, without its losses.

    Args:
        cfg (Config): With a ``model``.
        part (str): ``'full'`` or ``'fuser'``.
        optimize (bool): Whether to rearrange the fuser for speed.
        device (str): Where it goes.

    Returns:
        nn.Module: In eval mode; takes (B, C, H, W) in [0, 1], see
        :func:`input_channels`.

    Raises:
        UsageError: If the config has no model or the part is unknown.
    """
    check_choice(PARTS, UsageError, part=part)
    model = build_network(cfg).to(device)
    if getattr(model.fuser, 'needs_text', False):
        model.fuser.missing_text = 'none'  # its cost does not count
    if optimize:
        model = model.optimize_for_inference()
    return FuserPart(model.fuser) if part == 'fuser' else model


def input_channels(network: nn.Module) -> int:
    """Channels of the stacked modalities that a network takes."""
    preprocessor = getattr(network, 'data_preprocessor', None)
    modalities = getattr(preprocessor, 'modalities', None)
    return sum((modalities or TASKS['ivf'].modalities).values())


def random_input(shape: tuple[int, int], batch: int = 1, device: str = 'cpu',
                 channels: int = 4) -> Tensor:
    """Stacked pairs (``batch``, ``channels``, H, W) in [0, 1].

    Raises:
        UsageError: If a size is below 1.
    """
    if min(*shape, batch) < 1:
        raise UsageError('Expected height, width and batch of at least 1, '
                         f'got {shape[0]}, {shape[1]} and {batch}.')
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(batch, channels, *shape, generator=generator)
    return inputs.to(device)


def count_parameters(network: nn.Module) -> int:
    """Number of parameters, trainable or not."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_flops(network: nn.Module, shape: tuple[int, int],
                depth: int = 2) -> dict[str, int]:
    """FLOPs of convolutions and matrix products, two a multiply-add.

    Counted on fake tensors: nothing is computed, so that large inputs cost
    no time and no memory. Elementwise operations do not count.

    Args:
        network (nn.Module): As :func:`network_of` makes it, without
            ``optimize``.
        shape (tuple[int, int]): Height and width.
        depth (int): Levels of sub-modules to list.

    Returns:
        dict[str, int]: FLOPs for one pair, in all (``''``) and by the name
        of each sub-module that has any and is called as a module.
    """
    counter = FlopCounterMode(display=False)
    # as plain matrix products, since the CPU's fused attention is not known
    # to the counter
    plain_attention = math_attention()
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    inputs = fake.from_tensor(
        random_input(shape, channels=input_channels(network)))
    with torch.no_grad(), plain_attention, fake, counter:
        network(inputs)
    root = type(network).__name__
    found = {
        name.partition('.')[2]: sum(operations.values())
        for name, operations in counter.get_flop_counts().items()
        if name.startswith(f'{root}.')
    }
    found[''] = counter.get_total_flops()
    return {
        name: found[name] for name, _ in network.named_modules()
        if found.get(name) and (not name or name.count('.') < depth)
    }
