"""DDFM: fusion by sampling from a diffusion model, without training.

Source: Zhao et al., "DDFM: Denoising Diffusion Model for Multi-Modality
Image Fusion", ICCV 2023, arXiv 2303.06840. An unconditional model of images
is the prior; at each step its clean estimate is corrected by EM towards both
sources. Differs from the released code in this: images are padded instead of
cropped, sizes and batches are free, colour is kept, noise does not depend on
the batch, the result is EM's last luminance (the release takes that of the
last sample, an affine function of it, before it stretches the image); what
else is a quirk of that code is an option.
"""
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmfusion.models.layers import luma as bt601
from mmfusion.models.layers.diffusion import (NORMS, PREDICTIONS, ImageNoise,
                                              clean_estimate,
                                              cumulative_alphas, ddim_step,
                                              respaced_steps, tiled,
                                              to_unit_range)
from mmfusion.registry import MODELS
from mmfusion.utils.constants import constant

from ..base import BaseFuser
from .em import VARIANTS, EMState, em_iteration

LUMAS = ('skimage_release', 'bt601_full')
# scikit-image's YCbCr over 255, for values 0 to 1; the release applies it to
# -1 to 1
_SKIMAGE = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_SKIMAGE_OFFSET = 16 / 255


@MODELS.register_module()
class DDFM(BaseFuser):
    """Posterior sampling of the fused luminance; a teacher, not trained.

    Args:
        denoiser (dict | nn.Module): Called as ``denoiser(x_t, t)``, x_t
            (B, 3, H, W) in [-1, 1] plus noise (one channel where its
            ``image_channels`` is 1), t (B, ) long steps of the schedule;
            further output channels are dropped. Defaults to the published
            :class:`ADMUNet`, random without its ``checkpoint``.
        prediction (str): What it gives: ``'epsilon'``, ``'v'``, ``'x0'``.
        schedule (dict, optional): See
            :func:`~mmfusion.models.layers.diffusion.cumulative_alphas`.
            Defaults to 1000 linear betas from 1e-4 to 0.02.
        num_steps (int): Steps, evenly spaced. Defaults to 100.
        eta (float): 0 for deterministic DDIM.
        clip_denoised (bool): Whether clean estimates are clamped.
        em (dict, optional): ``variant`` ``'release'`` or ``'consistent'``,
            see :func:`em_iteration`; ``psi`` 0.5, ``eta`` 0.001,
            ``ratio_clip`` 2, ``iters`` 1 a step; ``swap_roles``, whether
            the visible image takes the infrared one's place as in the
            released script (None: in variant ``'release'``).
        luma (str, optional): Luminance that EM sees: ``'skimage_release'``
            (compressed, as the release) or ``'bt601_full'``. None: the
            first in variant ``'release'``, else the second.
        norm (str): ``'minmax'`` stretches each image, as the release;
            ``'clamp'`` keeps brightness.
        seed (int): Of every image's noise, see ``forward``'s ``seeds``.
        tile (tuple[int, int], optional): (side, overlap) of tiles for the
            denoiser, multiples of 32; EM always sees the whole image.
        start_step (int, optional): Start from the sources' noised mean at
            this step of the schedule instead of from noise: faster, another
            method.
        fp16 (bool): Whether the denoiser runs under autocast to float16
            (GPU); EM stays in float32.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If an argument is not one of the above.
    """
    size_divisor = 32
    min_size = 32
    padding_mode = 'reflect'
    exportable = False
    takes_seeds = True
    takes_size = True
    trainable = False

    def __init__(self, denoiser: dict | nn.Module | None = None,
                 prediction: str = 'epsilon', schedule: dict | None = None,
                 num_steps: int = 100, eta: float = 0.,
                 clip_denoised: bool = True, em: dict | None = None,
                 luma: str | None = None, norm: str = 'minmax',
                 seed: int = 3407, tile: tuple[int, int] | None = None,
                 start_step: int | None = None, fp16: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        em = dict(em or {})
        variant = em.setdefault('variant', 'release')
        swap = em.pop('swap_roles', None)
        self.iters = em.pop('iters', 1)
        for name, value, known in (('prediction', prediction, PREDICTIONS),
                                   ('em variant', variant,
                                    VARIANTS), ('luma', luma, (None, *LUMAS)),
                                   ('norm', norm, NORMS)):
            if value not in known:
                raise ValueError(
                    f'DDFM: expected {name} of {known}, got {value!r}.')
        unknown = sorted(set(em) - {'variant', 'psi', 'eta', 'ratio_clip'})
        if unknown or self.iters < 1:
            raise ValueError(
                'DDFM: expected em with variant, psi, eta, ratio_clip, '
                f'swap_roles and iters >= 1, got {unknown or self.iters}.')
        if tile is not None and tile[0] % self.size_divisor:
            raise ValueError('DDFM: expected tiles of a multiple of '
                             f'{self.size_divisor} pixels, got {tile[0]}.')
        if not isinstance(denoiser, nn.Module):
            denoiser = MODELS.build(denoiser or dict(type='ADMUNet'))
        self.denoiser = denoiser.requires_grad_(False).eval()
        self.em = em
        self.swap_roles = variant == 'release' if swap is None else swap
        self.luma = luma or LUMAS[variant != 'release']
        alphas = cumulative_alphas(**(schedule or {}))
        if start_step is not None and not 0 <= start_step < len(alphas):
            raise ValueError(f'DDFM: expected start_step below {len(alphas)},'
                             f' got {start_step}.')
        steps = respaced_steps(num_steps, len(alphas))
        if start_step is not None:
            kept = steps[steps <= start_step]
            steps = kept if len(kept) else steps[:1]
        self.steps = [int(step) for step in steps]
        self.alphas = [float(alphas[step]) for step in steps]
        self.prediction = prediction
        self.eta = eta
        self.clip_denoised = clip_denoised
        self.norm = norm
        self.seed = seed
        self.tile = tile
        self.start_step = start_step
        self.fp16 = fp16

    def train(self, mode: bool = True) -> 'DDFM':
        """As ``nn.Module.train``; the denoiser stays in eval mode."""
        super().train(mode)
        self.denoiser.eval()
        return self

    @torch.no_grad()
    def fuse_luma(self, vis_luma: Tensor, ir: Tensor,
                  seeds: Sequence[int] | None = None,
                  size: Sequence[int] | None = None,
                  callback: Callable | None = None) -> Tensor:
        """Sample the fused luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            seeds (sequence[int], optional): One an image; by default each
                has the seed of the constructor. A result depends on its
                image, seed and size alone.
            size (sequence[int], optional): (height, width) of the image
                within the padded one, of which ``norm`` takes the range.
            callback (callable, optional): ``callback(index, luminance)``
                after each step, luminance (B, 1, H, W) in [0, 1].

        Returns:
            Tensor: (B, 1, H, W) in [0, 1].
        """
        i, v = 2 * ir - 1, 2 * vis_luma - 1
        if self.swap_roles:
            i, v = v, i
        batch, _, height, width = i.shape
        channels = getattr(self.denoiser, 'image_channels', 3)
        noise = ImageNoise([self.seed] * batch if seeds is None else seeds)
        shape = (channels, height, width)
        x = noise.draw(shape, i)
        if self.start_step is not None:
            alpha = self.alphas[-1]
            x = alpha**0.5 * (i + v) / 2 + (1 - alpha)**0.5 * x
        state = EMState.start(i)
        fused = i
        for index in reversed(range(len(self.steps))):
            alpha = self.alphas[index]
            previous = self.alphas[index - 1] if index else 1.
            clean = clean_estimate(x, self._denoise(x, self.steps[index]),
                                   alpha, self.prediction)
            if self.clip_denoised:
                clean = clean.clamp(-1, 1)
            y = self._luminance(clean)
            fused = y
            for _ in range(self.iters):
                fused, state = em_iteration(fused, i, v, state, **self.em)
            # Chrominance stays, so that all channels move alike.
            clean = clean + (fused - y) / self._gain
            extra = noise.draw(shape, i) if self.eta and index else None
            x = ddim_step(x, clean, alpha, previous, self.eta, extra)
            if callback is not None:
                callback(len(self.steps) - 1 - index, (fused + 1) / 2)
        return to_unit_range(fused, self.norm, size)

    def _denoise(self, x: Tensor, step: int) -> Tensor:
        steps = torch.full((x.shape[0], ), step, device=x.device)

        def run(part: Tensor) -> Tensor:
            return self.denoiser(part, steps)[:, :x.shape[1]]

        # torch 2.1 refuses float16 on CPUs, also where it is switched off
        kind = torch.float16 if self.fp16 else None
        with torch.autocast(x.device.type, kind, enabled=self.fp16):
            out = run(x) if self.tile is None else tiled(run, x, *self.tile)
        return out.to(x.dtype)

    @property
    def _gain(self) -> float:
        """Change of the luminance where all channels change by one."""
        return sum(_SKIMAGE) if self.luma == 'skimage_release' else 1.

    def _luminance(self, image: Tensor) -> Tensor:
        """(B, 1, H, W) of (B, 1 or 3, H, W), both about -1 to 1."""
        image = image.expand(-1, 3, -1, -1)
        if self.luma == 'bt601_full':
            return bt601(image)
        weights = constant(_SKIMAGE, image)[:, None, None]
        return (weights * image).sum(1, keepdim=True) + _SKIMAGE_OFFSET
