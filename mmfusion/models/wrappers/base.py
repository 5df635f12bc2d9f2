"""What all wrappers share: a fuser, its losses, its preprocessor."""
import copy
import warnings
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmfusion.models.layers import trim_heap
from mmfusion.models.registration import warp
from mmfusion.models.text_encoders import batch_text
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import UsageError
from mmfusion.utils.loading_guard import weights_only

from .batch_sizes import by_size
from .finite import check_fused, check_logits
from .output_policy import OutputPolicy
from .pair_roles import PairRoles, TaskLike, resolve_task

SampleList = list[FusionDataSample]
OptSampleList = SampleList | None
ForwardResult = Tensor | dict[str, Tensor] | SampleList


def inference_config(cfg: dict) -> dict:
    """A model's config without what only its training needs.

    Args:
        cfg (dict): Of a wrapper; others are returned as they are.

    Returns:
        dict: Builds without losses, teachers and their files.
    """
    wrapper = MODELS.get(cfg['type']) if isinstance(cfg['type'],
                                                    str) else cfg['type']
    reduce = getattr(wrapper, 'inference_config', None)
    return cfg if reduce is None else reduce(cfg)


class BaseFusionModel(BaseModel):
    """Base of the wrappers: fuses, computes fusion losses, freezes.

    The model's input is the stacked tensor (B, C, H, W) that
    :class:`FusionDataPreprocessor` makes, in [0, 1]: RGB and infrared (C =
    3 + 1), or the modalities of another ``task``.

    Args:
        fuser (dict | nn.Module): Config of a registered fuser.
        fusion_losses (dict, optional): Named configs of registered fusion
            losses; each name becomes a line in the log.
        fuser_frozen (bool): Keep the fuser in eval mode and its weights as
            they are: they get no gradient, so that the optimizer passes
            them over. Its fusion losses are then not computed. The same holds
            for the registration.
        output_norm (str): ``'clamp'``, ``'minmax'``, ``'none'``, ..., see
            :class:`OutputPolicy`; of the images that ``predict`` gives, not
            of what losses and task networks see. Defaults to ``'clamp'``.
        output_colour (str): ``'colour'`` or ``'grey'``, likewise.
        output_rounding (str): ``'none'``, ``'round'`` or ``'trunc'``,
            likewise.
        task (str | dict, optional): Which modality takes which input of the
            fuser, and where colour comes from: ``'ivf'``, ``'mri_ct'``,
            ``'mri_pet'``, ``'mri_spect'``, ``'mef'``, ``'mff'``, or a dict
            for :meth:`FusionTask.of`. None: what the modalities of the
            ``data_preprocessor`` say, by default ``'ivf'``.
        registration (dict, optional): Config of a
            :class:`RegistrationHead`: brings the infrared image into
            register before any fuser sees it. The losses see the registered
            image, too, and find what the head gave in the output's ``aux``
            as ``registration.offset``, ``.votes`` and ``.scores``. It
            learns from :class:`RegistrationLoss` alone. Defaults to None:
            off.
        data_preprocessor (dict, optional): Defaults to a
            :class:`FusionDataPreprocessor` for the task.
        init_cfg (dict, optional): Initialization config.
        losses (dict, optional): Deprecated name of ``fusion_losses``;
            updates it where a config has both.
    """

    def __init__(self, fuser: dict | nn.Module,
                 fusion_losses: dict[str, dict] | None = None,
                 fuser_frozen: bool = False, output_norm: str = 'clamp',
                 output_colour: str = 'colour', output_rounding: str = 'none',
                 task: TaskLike = None, registration: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None,
                 losses: dict[str, dict] | None = None) -> None:
        task, data_preprocessor = resolve_task(task, data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor,
                         init_cfg=init_cfg)
        self.roles = PairRoles(task)
        self.fuser = (fuser
                      if isinstance(fuser, nn.Module) else MODELS.build(fuser))
        self.registration = (None if registration is None else
                             MODELS.build(registration))
        if registration is not None and len(task.modalities) > 2:
            raise UsageError('Expected two modalities to bring into register, '
                             f'got {list(task.modalities)}.')
        if losses is not None:
            warnings.warn(
                f'losses of {type(self).__name__} is called fusion_losses '
                'now; the old name goes with the next release.',
                DeprecationWarning, stacklevel=2)
        for item in (fusion_losses or {}, losses or {}):
            if not isinstance(item, dict) or 'type' in item:
                raise TypeError(
                    'Expected fusion_losses as a dict of named configs, got '
                    f'{item}. Write fusion_losses=dict(NAME=dict(type=...)).')
        # both where a config in the old name inherits one in the new name
        named = Config(dict(losses=fusion_losses or {}))
        named.merge_from_dict(dict(losses=losses or {}))
        self.fusion_losses = nn.ModuleDict({
            name: MODELS.build(cfg) for name, cfg in named.losses.items()
        })
        #: factors of the terms by name, set by :class:`LossStageHook`
        self.term_factors: dict[str, float] = {}
        self.output_policy = OutputPolicy(output_norm, output_colour,
                                          output_rounding)
        self.fuser_frozen = fuser_frozen
        if fuser_frozen:
            for part in self._fusing_parts():
                part.requires_grad_(False)

    def _fusing_parts(self) -> list[nn.Module]:
        parts = (self.fuser, self.registration)
        return [part for part in parts if part is not None]

    def for_sources(self, count: int) -> 'BaseFusionModel':
        """This model for stacks of ``count`` images, with the same networks.

        Its own modalities come first, see :meth:`FusionTask.of_sources`.

        Raises:
            UsageError: If the fuser does not take as many.
        """
        if count == len(self.roles.task.modalities):
            return self
        self.fuser.check_sources(count)
        other = copy.copy(self)
        other._modules = dict(self._modules)
        other.roles = PairRoles(self.roles.task.of_sources(count))
        other.data_preprocessor = self.data_preprocessor.for_modalities(
            other.roles.task.modalities)
        return other

    @property
    def term_names(self) -> list[str]:
        """Loss terms that ``term_factors`` may weight."""
        return list(self.fusion_losses)

    @classmethod
    def inference_config(cls, cfg: dict) -> dict:
        """The part of a wrapper's config that fusing needs."""
        unused = ('losses', 'fusion_losses')
        return {key: value for key, value in cfg.items() if key not in unused}

    def init_weights(self) -> None:
        """As mmengine's; files are read as data, whichever module reads."""
        with weights_only():
            super().init_weights()

    def train(self, mode: bool = True) -> 'BaseFusionModel':
        """As ``nn.Module.train``; a frozen fuser stays in eval mode."""
        super().train(mode)
        if self.fuser_frozen:
            for part in self._fusing_parts():
                part.eval()
        return self

    def optimize_for_inference(self) -> 'BaseFusionModel':
        """Replace the fuser by its fast inference copy, in place.

        The model can no longer be trained or saved afterwards.
        """
        self.eval()
        self.fuser = self.fuser.optimize_for_inference()
        trim_heap()
        return self

    def forward(self, inputs: Tensor, data_samples: OptSampleList = None,
                mode: str = 'tensor') -> ForwardResult:
        """Entry of mmengine's loops.

        Args:
            inputs (Tensor): Stacked modalities, (B, C, H, W) in [0, 1].
            data_samples (list[FusionDataSample], optional): Samples.
            mode (str): ``'tensor'``, ``'predict'`` or ``'loss'``.

        Returns:
            Tensor | list[FusionDataSample] | dict[str, Tensor]: In the
            order of the modes above.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self._forward(inputs, data_samples)
        raise ValueError('Expected mode \'tensor\', \'predict\' or \'loss\', '
                         f'got {mode!r}.')

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of one batch."""
        raise NotImplementedError

    def predict(self, inputs: Tensor,
                data_samples: OptSampleList = None) -> SampleList:
        """Predictions at the images' original sizes.

        Those of an image do not depend on the others of its batch: see
        :func:`~mmfusion.models.wrappers.batch_sizes.by_size`.

        Args:
            inputs (Tensor): Stacked modalities, (B, C, H, W) in [0, 1].
            data_samples (list[FusionDataSample], optional): Samples.

        Returns:
            list[FusionDataSample]: What a wrapper adds is said by its
            ``_predict``.

        Raises:
            UsageError: If a fused image or logits have NaN or infinite
                values; names the image.
        """
        samples = by_size(self._predict, inputs, data_samples,
                          self.data_preprocessor)
        check_logits(samples)
        return samples

    def predict_fused(self, inputs: Tensor,
                      data_samples: OptSampleList = None) -> SampleList:
        """As :meth:`predict`, without what comes behind the fuser."""
        return by_size(lambda *part: self.add_fused(self.fuse(*part), *part),
                       inputs, data_samples, self.data_preprocessor)

    def _predict(self, inputs: Tensor,
                 data_samples: OptSampleList) -> SampleList:
        """Predictions of images of one size."""
        raise NotImplementedError

    def _forward(self, inputs: Tensor,
                 data_samples: OptSampleList = None) -> Any:
        """Plain network output."""
        raise NotImplementedError

    def split(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Split a stacked batch into vis (B, 3, H, W), ir (B, 1, H, W) and
        further sources."""
        return self.roles.split(inputs, self.fuser)

    def fuse(self, inputs: Tensor,
             data_samples: OptSampleList = None) -> FuserOutput:
        """Fuse a stacked batch; without gradient if the fuser is frozen."""
        vis, ir, *more = self.split(inputs)
        condition = self.condition(data_samples)
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and not self.fuser_frozen):
            found = {}
            if self.registration is not None:
                found = self.registration(vis, ir)
                ir = warp(ir, found['offset'].detach())
            output = self.fuser(vis, ir, *more, **condition)
            output = self.roles.recolour(output, inputs, self.fuser)
        output.aux.update({
            f'registration.{name}': value for name, value in found.items()
        })
        return output

    def condition(self, data_samples: OptSampleList,
                  fuser: nn.Module | None = None) -> dict[str, Any]:
        """Keyword inputs of text-guided fusers; none for the others.

        Args:
            data_samples (list[FusionDataSample], optional): With ``text``
                (L, C) where the fuser needs it.
            fuser (nn.Module, optional): Defaults to the model's own.

        Returns:
            dict[str, Tensor]: ``text`` (B, L, C) float32, padded to the
            longest of the batch, and ``text_mask`` (B, L) bool, True for
            real tokens; on the fuser's device.

        Raises:
            ValueError: If a sample has no text; names its file.
        """
        fuser = self.fuser if fuser is None else fuser
        if not getattr(fuser, 'needs_text', False):
            return {}
        if (getattr(fuser, 'missing_text', 'error') != 'error'
                and not any('text' in sample
                            for sample in data_samples or ())):
            return {}  # the fuser knows what to do without
        weight = next(fuser.parameters(), None)
        device = (self.data_preprocessor.device
                  if weight is None else weight.device)
        return batch_text(data_samples, type(fuser).__name__, device)

    def sources(self, output: FuserOutput,
                inputs: Tensor) -> dict[str, Tensor]:
        """What losses compare a fused image with.

        Returns:
            dict[str, Tensor]: ``vis``, ``ir``, as it was registered,
            ``vis_luma``, and luminances ``more.0``, ... of further sources.
        """
        vis, *others = self.split(inputs)
        ir, *more = (image if image.shape[1] == 1 else
                     self.fuser.split_colour(image)[0] for image in others)
        if self.registration is not None:
            ir = warp(ir, output.aux['registration.offset'].detach())
        vis_luma, _ = self.fuser.split_colour(vis)
        return dict(vis=vis, ir=ir, vis_luma=vis_luma, **{
            f'more.{k}': image for k, image in enumerate(more)
        })

    def fusion_loss(self, output: FuserOutput, inputs: Tensor,
                    data_samples: OptSampleList) -> dict[str, Tensor]:
        """Every fusion loss term, by its name in the log.

        Returns:
            dict[str, Tensor]: ``loss_<name>`` for a scalar loss and
            ``loss_<name>.<term>`` for each term of a dict.
        """
        if self.fuser_frozen or not self.fusion_losses:
            return {}
        sources = self.sources(output, inputs)
        terms = {}
        for name, loss in self.fusion_losses.items():
            if 'more.0' in sources and not getattr(loss, 'any_sources', False):
                raise UsageError(
                    f'{type(loss).__name__} compares with two sources, got '
                    f'{len(sources) - 1}. Train with pairs, or with losses of '
                    'any number of sources, such as AutoencoderLoss.')
            factor = self.term_factors.get(name, 1.)
            if factor == 0:
                continue
            value = loss(output, sources, data_samples)
            if isinstance(value, dict):
                terms.update({
                    f'loss_{name}.{key}': factor * term
                    for key, term in value.items()
                })
            else:
                terms[f'loss_{name}'] = factor * value
        return terms

    def add_fused(self, output: FuserOutput, inputs: Tensor,
                  data_samples: OptSampleList) -> SampleList:
        """Write each fused image into its sample, at its original size.

        Args:
            output (FuserOutput): The fuser's output.
            inputs (Tensor): The stacked batch it was made of.
            data_samples (list[FusionDataSample], optional): Samples.

        Returns:
            list[FusionDataSample]: With ``fused_img``, see
            :class:`OutputPolicy`.

        Raises:
            UsageError: If an image has NaN or infinite values; names it.
        """
        if data_samples is None:
            data_samples = [FusionDataSample() for _ in inputs]
        check_fused(output, data_samples)
        policy = self.output_policy
        if policy.by_luma(self.fuser) and output.luma is not None:
            cbcr = self.roles.chroma(inputs, self.fuser)
            images = (policy.from_luma(y, c, sample.metainfo, self.fuser)
                      for y, c, sample in zip(output.luma, cbcr, data_samples,
                                              strict=True))
        else:
            images = (policy.from_rgb(image, sample.metainfo) for image, sample
                      in zip(output.fused, data_samples, strict=True))
        for image, sample in zip(images, data_samples, strict=True):
            sample.fused_img = PixelData(data=image)
        return data_samples
