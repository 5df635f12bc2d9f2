"""Denoisers for DDFM beside :class:`ADMUNet`: adaptors and a formula."""
from collections.abc import Callable

import numpy as np
import torch
from mmengine.utils import get_object_from_string
from torch import Tensor, nn

from mmfusion.models.layers.diffusion import cumulative_alphas
from mmfusion.registry import MODELS
from mmfusion.utils.loading_guard import weights_only


@MODELS.register_module()
class DiffusersUNetAdapter(nn.Module):
    """A ``UNet2DModel`` of the package diffusers.

    Args:
        folder (str): What ``save_pretrained`` wrote, or a folder of a
            pipeline with ``subfolder='unet'``. Nothing is downloaded.
        subfolder (str, optional): Folder of the network in it.

    Raises:
        ImportError: If diffusers is not installed.
    """

    def __init__(self, folder: str, subfolder: str | None = None) -> None:
        super().__init__()
        try:
            from diffusers import UNet2DModel
        except ImportError as error:
            raise ImportError(
                'DiffusersUNetAdapter: expected the package diffusers, got '
                'none. Install it with: pip install diffusers.') from error
        with weights_only():
            self.network = UNet2DModel.from_pretrained(folder,
                                                       subfolder=subfolder,
                                                       local_files_only=True)
        self.image_channels = self.network.config.in_channels

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(B, C, H, W) and (B, ) to (B, C, H, W)."""
        return self.network(x, t).sample


@MODELS.register_module()
class CallableDenoiser(nn.Module):
    """Any function as a denoiser.

    Args:
        function (callable | str): ``function(x_t, t)``, or where it is
            found, ``'package.module.name'``.
        image_channels (int): Of ``x_t``, 3 or 1.

    Raises:
        ValueError: If nothing callable is there.
    """

    def __init__(self, function, image_channels: int = 3) -> None:
        super().__init__()
        found = (get_object_from_string(function)
                 if isinstance(function, str) else function)
        if not callable(found):
            raise ValueError('CallableDenoiser: expected a function or '
                             f"'package.module.name', got {function!r}.")
        self.function: Callable = found
        self.image_channels = image_channels

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """(B, C, H, W) and (B, ) to what the function gives."""
        return self.function(x, t)


@MODELS.register_module()
class GaussianPriorDenoiser(nn.Module):
    """The exact denoiser of smooth Gaussian images; it has no weights.

    Images are drawn from a stationary Gaussian with the power spectrum
    ``S ~ 1 / (4 + |k|^2)``, k in cycles an image, scaled to the variance
    given. Their best clean estimate is a Wiener filter,
    ``sqrt(a) S / (a S + 1 - a)``, a the cumulative product of the step.
    Not an image prior worth having, but one that needs no file.

    Args:
        variance (float): Of a pixel, values in [-1, 1]. Defaults to 0.25.
        image_channels (int): 3 or 1.
        schedule (dict, optional): See
            :func:`~mmfusion.models.layers.diffusion.cumulative_alphas`.
    """

    def __init__(self, variance: float = 0.25, image_channels: int = 3,
                 schedule: dict | None = None) -> None:
        super().__init__()
        self.variance = variance
        self.image_channels = image_channels
        self.register_buffer(
            'alphas', torch.from_numpy(cumulative_alphas(**(schedule or {}))),
            persistent=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Noise in (B, C, H, W) at the steps (B, )."""
        height, width = x.shape[-2:]
        rows = torch.from_numpy(np.fft.fftfreq(height) * height)
        columns = torch.from_numpy(np.fft.rfftfreq(width) * width)
        power = 1 / (4 + rows[:, None]**2 + columns**2)
        # every frequency once, though rfft keeps half of them
        whole = 1 / (4 + rows[:, None]**2 +
                     torch.from_numpy(np.fft.fftfreq(width) * width)**2)
        power = (self.variance * power / whole.mean()).to(x, non_blocking=True)
        alpha = self.alphas[t].to(x)[:, None, None, None]
        gain = alpha.sqrt() * power / (alpha * power + 1 - alpha)
        clean = torch.fft.irfft2(gain * torch.fft.rfft2(x), s=(height, width))
        return (x - alpha.sqrt() * clean) / (1 - alpha).sqrt()
