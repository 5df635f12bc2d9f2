"""Fusers that learn against two discriminators, as TarDAL does."""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn

from mmfusion.models.losses.adversarial import (detail_views, divergence_loss,
                                                target_views)
from mmfusion.models.losses.saliency import target_masks
from mmfusion.models.losses.targets import fused_luma
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.errors import UsageError

from .base import BaseFusionModel, OptSampleList
from .fuser_detector import FuserDetector
from .image_fuser import ImageFuser

#: real and fake of each discriminator, by its name
_VIEWS: dict[str, Callable[..., tuple[Tensor,
                                      Tensor]]] = dict(target=target_views,
                                                       detail=detail_views)
Views = dict[str, tuple[Tensor, Tensor]]


class AdversarialTraining(BaseFusionModel):
    """Adds discriminators to a wrapper, which train in turns with it.

    One knows targets, one background details; both look at luminance. In
    every step the fuser learns first, while the discriminators stand still;
    then they learn, from the fused images of that step, by the loss of
    WGAN-div. They are in checkpoints, and of no use for fusing.

    The optimizer is that of any config with
    ``constructor='AdversarialOptimWrapperConstructor'``; several processes
    need a ``model_wrapper_cfg`` of type ``mmfusion.AdversarialDataParallel``.

    Args:
        args, kwargs: Of the wrapper.
        discriminators (dict[str, dict]): Configs of ``target`` and
            ``detail``, or of one of both: modules from images (B, 1, H, W)
            to scores (B, ).
        adversarial_weight (float): Of ``loss_adversarial.<name>``, minus
            the mean score of the fused images. Defaults to 0.1.
        target_mask (str): Where targets are: ``'gt_mask'``, ``'boxes'``,
            ``'saliency'``, or ``'auto'``, the first of them that a pair has.
            See :func:`~mmfusion.models.losses.saliency.target_masks`.
        box_shape (str): Of the mask of a box, ``'ellipse'`` or
            ``'rectangle'``.
        detail_source (str): What the detail discriminator takes for real,
            ``'background'`` or ``'released_code'``, see
            :func:`~mmfusion.models.losses.adversarial.detail_views`.
        penalty_weight (float): Of the slope of the discriminators.
            Defaults to 2.
        penalty_power (float): Power of its norm. Defaults to 6.

    Raises:
        ValueError: If a discriminator has another name, or the fuser is
            frozen.
    """
    #: what fuses without the discriminators
    PLAIN: str

    def __init__(self, *args, discriminators: dict[str, dict],
                 adversarial_weight: float = 0.1, target_mask: str = 'auto',
                 box_shape: str = 'ellipse', detail_source: str = 'background',
                 penalty_weight: float = 2., penalty_power: float = 6.,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not discriminators or set(discriminators) - set(_VIEWS):
            raise ValueError(f'Expected discriminators out of {list(_VIEWS)}, '
                             f'got {list(discriminators)}.')
        if self.fuser_frozen:
            raise ValueError('Expected a fuser that learns from '
                             'discriminators, got fuser_frozen=True. Take '
                             f"type='{self.PLAIN}' without discriminators.")
        self.discriminators = nn.ModuleDict({
            name: MODELS.build(cfg) for name, cfg in discriminators.items()
        })
        self.adversarial_weight = adversarial_weight
        self.masks = dict(source=target_mask, box_shape=box_shape)
        self.detail_source = detail_source
        self.penalty = dict(weight=penalty_weight, power=penalty_power)
        self._views: Views = {}

    @classmethod
    def inference_config(cls, cfg: dict) -> dict:
        """That of the wrapper without discriminators."""
        training = ('discriminators', 'adversarial_weight', 'target_mask',
                    'box_shape', 'detail_source', 'penalty_weight',
                    'penalty_power')
        kept = {
            key: value for key, value in cfg.items() if key not in training
        }
        return super().inference_config({**kept, 'type': cls.PLAIN})

    @property
    def term_names(self) -> list[str]:
        return [*super().term_names, 'adversarial']

    def forward(self, inputs: Any, data_samples: OptSampleList = None,
                mode: str = 'tensor') -> Any:
        """See :class:`BaseFusionModel`; both halves of a training step
        besides.

        ``'generate'`` gives the losses and the discriminators' images,
        ``'discriminate'`` takes these as ``inputs`` and gives the
        discriminators' losses.
        """
        if mode == 'generate':
            losses = self.loss(inputs, data_samples)
            views, self._views = self._views, {}
            return losses, views
        if mode == 'discriminate':
            return self.discriminate(inputs)
        return super().forward(inputs, data_samples, mode)

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict,
                   network: nn.Module | None = None) -> dict[str, Tensor]:
        """One step of the fuser, then one of the discriminators.

        Args:
            data (dict): Batch of the data loader.
            optim_wrapper (OptimWrapperDict): ``generator`` and
                ``discriminators``.
            network (nn.Module, optional): What runs :meth:`forward`, DDP
                around this model. Defaults to the model itself.

        Returns:
            dict[str, Tensor]: Losses by name; those of the discriminators
            begin with ``discriminators.``.

        Raises:
            UsageError: If there is one optimizer for all.
        """
        if not isinstance(optim_wrapper, OptimWrapperDict):
            raise UsageError(
                f'{type(self).__name__} needs an optimizer for the fuser and '
                'one for the discriminators: set optim_wrapper=dict('
                "constructor='AdversarialOptimWrapperConstructor').")
        network = self if network is None else network
        fuser_steps = optim_wrapper['generator']
        with fuser_steps.optim_context(network), self._standing_still():
            data = self.data_preprocessor(data, True)
            losses, views = network(**data, mode='generate')
        total, log = self.parse_losses(losses)
        fuser_steps.update_params(total)
        steps = optim_wrapper['discriminators']
        with steps.optim_context(network):
            losses = network(views, mode='discriminate')
        total, found = self.parse_losses(losses)
        steps.update_params(total)
        log.update({
            f'discriminators.{name}': value for name, value in found.items()
        })
        return log

    @contextmanager
    def _standing_still(self) -> Iterator[None]:
        """Discriminators are part of the graph, but get no gradient."""
        self.discriminators.requires_grad_(False)
        try:
            yield
        finally:
            self.discriminators.requires_grad_(True)

    def fusion_loss(self, output: FuserOutput, inputs: Tensor,
                    data_samples: OptSampleList) -> dict[str, Tensor]:
        """Those of the wrapper and ``loss_adversarial.<name>``."""
        terms = super().fusion_loss(output, inputs, data_samples)
        factor = self.adversarial_weight * self.term_factors.get(
            'adversarial', 1.)
        for name, (real, fake) in self.views(output, inputs,
                                             data_samples).items():
            self._views[name] = real.detach(), fake.detach()
            with _full_precision(fake):
                score = self.discriminators[name](fake).mean()
            terms[f'loss_adversarial.{name}'] = -factor * score
        return terms

    def views(self, output: FuserOutput, inputs: Tensor,
              data_samples: OptSampleList) -> Views:
        """Real and fake images of each discriminator.

        Returns:
            dict[str, tuple[Tensor, Tensor]]: (B, 1, H, W) each, in float32
            at least.
        """
        sources = self.sources(output, inputs)
        images = [
            image.to(torch.promote_types(image.dtype, torch.float32))
            for image in (fused_luma(output), sources['vis_luma'],
                          sources['ir'])
        ]
        mask = target_masks(data_samples, images[-1],
                            type(self).__name__, **self.masks)
        options = dict(detail=dict(real=self.detail_source))
        with _full_precision(mask):
            return {
                name: _VIEWS[name](*images, mask, **options.get(name, {}))
                for name in self.discriminators
            }

    def discriminate(self, views: Views) -> dict[str, Tensor]:
        """``loss_<name>`` of each discriminator.

        Args:
            views (dict): What :meth:`views` gives, without gradient.
        """
        losses = {}
        for name, (real, fake) in views.items():
            with _full_precision(fake):
                losses[f'loss_{name}'] = divergence_loss(
                    self.discriminators[name], real, fake, **self.penalty)
        return losses


def _full_precision(image: Tensor) -> torch.autocast:
    """The sixth power of a slope is beyond half precision."""
    return torch.autocast(image.device.type, enabled=False)


@MODELS.register_module()
class AdversarialFuser(AdversarialTraining, ImageFuser):
    """An :class:`ImageFuser` that learns against discriminators.

    Any fuser does; TarDAL (CVPR 2022) is trained so.

    Args:
        args, kwargs: See :class:`AdversarialTraining`,
            :class:`BaseFusionModel`.

    Examples:
        >>> model = MODELS.build(dict(
        ...     type='AdversarialFuser',
        ...     fuser=dict(type='MMDRFuseStudent'),
        ...     fusion_losses=dict(source=dict(type='SaliencyWeightedLoss')),
        ...     discriminators=dict(
        ...         target=dict(type='StridedDiscriminator'))))
        >>> sorted(model(torch.rand(2, 4, 16, 16), mode='loss'))
        ['loss_adversarial.target', 'loss_source']
    """
    PLAIN = 'ImageFuser'


@MODELS.register_module()
class AdversarialFuserDetector(AdversarialTraining, FuserDetector):
    """A :class:`FuserDetector` whose fuser also meets discriminators.

    The detector's losses reach the fuser as ever. Boxes are the targets
    where pairs have no masks.

    Args:
        args, kwargs: See :class:`AdversarialTraining`,
            :class:`FuserDetector`.
    """
    PLAIN = 'FuserDetector'
