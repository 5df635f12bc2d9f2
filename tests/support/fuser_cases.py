"""Every registered fuser, small, and its inputs."""
import torch

from mmfusion.deployment.slim_fusers import SLIM_FUSERS, registered_fusers
from mmfusion.models.fusers import BaseFuser
from mmfusion.registry import MODELS

FUSERS = registered_fusers()


def build(name: str) -> BaseFuser:
    torch.manual_seed(0)
    return MODELS.build(dict(type=name, **SLIM_FUSERS.get(name, {})))


def pair(*size, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    stacked = torch.rand(size[0], 4, *size[1:], generator=generator)
    return stacked[:, :3].to(dtype), stacked[:, 3:].to(dtype)


def condition(fuser, batch, length=5, dtype=torch.float32):
    """What the fuser needs beside a pair."""
    if not fuser.needs_text:
        return {}
    generator = torch.Generator().manual_seed(1)
    shape = batch, length, getattr(fuser, 'text_channels', 768)
    return dict(text=torch.randn(shape, generator=generator).to(dtype))
