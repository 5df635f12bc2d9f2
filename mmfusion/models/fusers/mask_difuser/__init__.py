"""Mask-DiFuser: conditional diffusion trained on masked views.

Source: Tang et al., TPAMI 2025, doi 10.1109/tpami.2025.3609323. One image,
seen through two complementary masks and partly degraded, is restored; at
test time the two views are the infrared and the visible image. Differs in
this: the semantic encoder has no unused fifth layer, queries may come in
chunks, noise does not depend on the batch.
"""
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmfusion.models.layers.diffusion import (NORMS, ImageNoise,
                                              clean_estimate,
                                              cumulative_alphas, ddim_step,
                                              to_unit_range)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

from ..base import BaseFuser
from .layers import ContentEncoder, DualUNet, SemanticEncoder, step_table


@MODELS.register_module()
class MaskDiFuser(BaseFuser):
    """Conditional diffusion; a teacher in colour, 171.7 M parameters.

    Args:
        width (int): Base width of the U-Net, a multiple of 32.
        multipliers (sequence[int]): Width of each level in base widths.
        layers (int): Transformer layers of the semantic encoder.
        num_steps (int): Sampling steps. Defaults to 5.
        eta (float): 1 for stochastic DDIM, as released.
        clip (tuple[float, float]): Range of clean estimates; the release
            takes (-1, 1), for multi-focus pairs (-1.5, 1), for medical
            ones (-1, 3).
        norm (str): ``'minmax'`` stretches each image, as the release;
            ``'clamp'`` keeps brightness.
        seed (int): Of every image's noise, see ``fuse``'s ``seeds``.
        query_chunk (int, optional): Queries of an attention at a time,
            against memory. Defaults to 16384.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If an argument is out of range.
    """
    size_divisor = 16
    min_size = 16
    padding_mode = 'reflect'
    exportable = False
    takes_seeds = True
    takes_size = True
    trainable = False
    T = 1000

    def __init__(self, width: int = 128, multipliers: Sequence[int] = (1, 2, 3,
                                                                       4),
                 layers: int = 4, num_steps: int = 5, eta: float = 1.,
                 clip: Sequence[float] = (-1., 1.), norm: str = 'minmax',
                 seed: int = 3407, query_chunk: int | None = 16384,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if width % 32:
            raise ValueError('MaskDiFuser: expected a width of a multiple '
                             f'of 32, got {width}.')
        if not 1 <= num_steps <= self.T:
            raise ValueError(f'MaskDiFuser: expected 1 to {self.T} steps, '
                             f'got {num_steps}.')
        if norm not in NORMS:
            raise ValueError(
                f'MaskDiFuser: expected norm of {NORMS}, got {norm!r}.')
        embed = 4 * width
        self.time_table = nn.Embedding.from_pretrained(
            step_table(self.T, width))
        self.time_mlp = nn.Sequential(nn.Linear(width, embed), nn.SiLU(),
                                      nn.Linear(embed, embed))
        self.content = ContentEncoder()
        self.semantic = SemanticEncoder(layers)
        self.proj_in = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1),
                                     nn.GroupNorm(32, 64), nn.SiLU())
        self.head = nn.Conv2d(128, width, 3, padding=1)
        self.unet = DualUNet(width, multipliers, embed, chunk=query_chunk)
        last = width * multipliers[0]
        self.tail = nn.Sequential(nn.GroupNorm(32, last), nn.SiLU(),
                                  nn.Conv2d(last, 3, 3, padding=1))
        self.requires_grad_(False).eval()
        alphas = cumulative_alphas(T=self.T)
        stride = self.T // num_steps
        self.steps = [index * stride for index in range(num_steps)]
        # The released sampler reads the product one step later.
        self.alphas = [
            float(alphas[min(step + 1, self.T - 1)]) for step in self.steps
        ]
        self.last_alpha = float(alphas[0])
        self.eta = eta
        self.clip = tuple(clip)
        self.norm = norm
        self.seed = seed

    def train(self, mode: bool = True) -> 'MaskDiFuser':
        """Stays in eval mode: its dropout would disturb sampling."""
        return super().train(False)

    @torch.no_grad()
    def fuse(self, vis: Tensor, ir: Tensor, seeds: Sequence[int] | None = None,
             size: Sequence[int] | None = None,
             callback: Callable | None = None) -> FuserOutput:
        """Sample the fused colour image.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            seeds (sequence[int], optional): One an image; by default each
                has the seed of the constructor.
            size (sequence[int], optional): (height, width) of the image
                within the padded one, of which ``norm`` takes the range.
            callback (callable, optional): ``callback(index, image)`` after
                each step, image (B, 3, H, W) in [0, 1].

        Returns:
            FuserOutput: ``aux['content']`` is the content encoder's output,
            (B, 64, H, W), fit for feature distillation.
        """
        content, views = self._encode(vis, ir)
        noise = ImageNoise([self.seed] * len(vis) if seeds is None else seeds)
        shape = tuple(vis.shape[1:])
        x = noise.draw(shape, vis)
        clean = x
        for index in reversed(range(len(self.steps))):
            alpha = self.alphas[index]
            previous = self.alphas[index - 1] if index else self.last_alpha
            steps = torch.full((len(x), ), self.steps[index], device=x.device)
            output = self._denoise(x, steps, content, views)
            clean = clean_estimate(x, output, alpha,
                                   'epsilon').clamp(*self.clip)
            extra = noise.draw(shape, vis) if self.eta and index else None
            x = ddim_step(x, clean, alpha, previous, self.eta, extra)
            if callback is not None:
                callback(
                    len(self.steps) - 1 - index, ((clean + 1) / 2).clamp(0, 1))
        return FuserOutput(to_unit_range(clean, self.norm, size),
                           aux=dict(content=content))

    @torch.no_grad()
    def predict_noise(self, vis: Tensor, ir: Tensor, noisy: Tensor,
                      step: int | Sequence[int]) -> Tensor:
        """What the network takes for noise, one call of it.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1], H and W multiples of
                16.
            ir (Tensor): (B, 1, H, W) in [0, 1].
            noisy (Tensor): Image with noise, (B, 3, H, W); without any it
                were in [-1, 1].
            step (int | sequence[int]): Of the diffusion, 0 to 999; one, or
                one an image.

        Returns:
            Tensor: (B, 3, H, W).

        Raises:
            ValueError: If a size or a step is out of range.
        """
        if any(side % self.size_divisor for side in vis.shape[-2:]):
            raise ValueError(
                'predict_noise: expected height and width to be multiples of '
                f'{self.size_divisor}, got {tuple(vis.shape[-2:])}.')
        steps = torch.as_tensor(step, device=vis.device)
        if steps.min() < 0 or steps.max() >= self.T:
            raise ValueError(f'predict_noise: expected steps in [0, {self.T})'
                             f', got {step}.')
        return self._denoise(noisy, steps.expand(len(vis)),
                             *self._encode(vis, ir))

    def _encode(self, vis: Tensor,
                ir: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Content of both views together, semantics of each."""
        one, two = (2 * ir - 1).expand(-1, 3, -1, -1), 2 * vis - 1
        return self.content(one, two), (self.semantic(one), self.semantic(two))

    def _denoise(self, x: Tensor, steps: Tensor, content: Tensor,
                 views: tuple) -> Tensor:
        embed = self.time_mlp(self.time_table(steps))
        h = self.head(torch.cat((content, self.proj_in(x)), 1))
        return self.tail(self.unet(h, embed, views))
