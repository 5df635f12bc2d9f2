"""What all wrappers share: a fuser, its losses, its preprocessor."""
from typing import Any, Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmfusion.models.layers import trim_heap
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .pair_roles import PairRoles, TaskLike, resolve_task

SampleList = List[FusionDataSample]
OptSampleList = Optional[SampleList]
ForwardResult = Union[Tensor, Dict[str, Tensor], SampleList]


def restore(data: Tensor, metainfo: dict) -> Tensor:
    """Undo padding, flip and resizing of one prediction.

    Args:
        data (Tensor): (C, H, W), as the network saw the image.
        metainfo (dict): Meta information of the sample.

    Returns:
        Tensor: (C, *ori_shape); unchanged where nothing is recorded.
    """
    padding = metainfo.get('img_padding_size',
                           metainfo.get('padding_size', (0, 0, 0, 0)))
    left, right, top, bottom = padding
    height, width = data.shape[-2:]
    data = data[:, top:height - bottom, left:width - right]
    if metainfo.get('flip'):
        direction = metainfo['flip_direction']
        axes = {'horizontal': [2], 'vertical': [1], 'diagonal': [1, 2]}
        data = data.flip(axes[direction])
    size = tuple(metainfo.get('ori_shape', data.shape[-2:]))[:2]
    if size != tuple(data.shape[-2:]):
        data = F.interpolate(
            data[None], size=size, mode='bilinear', align_corners=False)[0]
    return data


class BaseFusionModel(BaseModel):
    """Base of the wrappers: fuses, computes fusion losses, freezes.

    The model's input is the stacked tensor (B, C, H, W) that
    :class:`FusionDataPreprocessor` makes, in [0, 1]: RGB and infrared (C =
    3 + 1), or the modalities of another ``task``.

    Args:
        fuser (dict | nn.Module): Config of a registered fuser.
        losses (dict, optional): Named configs of registered fusion losses;
            each name becomes a line in the log.
        fuser_frozen (bool): Keep the fuser in eval mode and out of the
            optimizer; its fusion losses are then not computed.
        task (str | dict, optional): Which modality takes which input of the
            fuser, and where colour comes from: ``'ivf'``, ``'mri_ct'``,
            ``'mri_pet'``, ``'mri_spect'``, ``'mef'``, ``'mff'``, or a dict
            for :meth:`FusionTask.of`. None: what the modalities of the
            ``data_preprocessor`` say, by default ``'ivf'``.
        data_preprocessor (dict, optional): Defaults to a
            :class:`FusionDataPreprocessor` for the task.
        init_cfg (dict, optional): Initialization config.
    """

    def __init__(self,
                 fuser: Union[dict, nn.Module],
                 losses: Optional[Dict[str, dict]] = None,
                 fuser_frozen: bool = False,
                 task: TaskLike = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        task, data_preprocessor = resolve_task(task, data_preprocessor)
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.roles = PairRoles(task)
        self.fuser = (
            fuser if isinstance(fuser, nn.Module) else MODELS.build(fuser))
        losses = losses or {}
        if not isinstance(losses, dict) or 'type' in losses:
            raise TypeError(
                'Expected losses as a dict of named configs, got '
                f'{losses}. Write losses=dict(NAME=dict(type=...)).')
        self.fusion_losses = nn.ModuleDict({
            name: MODELS.build(cfg)
            for name, cfg in losses.items()
        })
        self.fuser_frozen = fuser_frozen
        if fuser_frozen:
            self.fuser.requires_grad_(False)

    def train(self, mode: bool = True) -> 'BaseFusionModel':
        """As ``nn.Module.train``; a frozen fuser stays in eval mode."""
        super().train(mode)
        if self.fuser_frozen:
            self.fuser.eval()
        return self

    def optimize_for_inference(self) -> 'BaseFusionModel':
        """Replace the fuser by its fast inference copy, in place.

        The model can no longer be trained or saved afterwards.
        """
        self.eval()
        self.fuser = self.fuser.optimize_for_inference()
        trim_heap()
        return self

    def forward(self,
                inputs: Tensor,
                data_samples: OptSampleList = None,
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

    def predict(self,
                inputs: Tensor,
                data_samples: OptSampleList = None) -> SampleList:
        """Predictions of one batch, at the images' original sizes."""
        raise NotImplementedError

    def _forward(self,
                 inputs: Tensor,
                 data_samples: OptSampleList = None) -> Any:
        """Plain network output."""
        raise NotImplementedError

    def split(self, inputs: Tensor) -> Tuple[Tensor, Tensor]:
        """Split a stacked batch into vis (B, 3, H, W), ir (B, 1, H, W)."""
        return self.roles.split(inputs, self.fuser)

    def fuse(self,
             inputs: Tensor,
             data_samples: OptSampleList = None) -> FuserOutput:
        """Fuse a stacked batch; without gradient if the fuser is frozen."""
        vis, ir = self.split(inputs)
        condition = self.condition(data_samples)
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and not self.fuser_frozen):
            output = self.fuser(vis, ir, **condition)
            return self.roles.recolour(output, inputs, self.fuser)

    def condition(self, data_samples: OptSampleList) -> Dict[str, Any]:
        """Keyword inputs of conditioned fusers; none by default."""
        return {}

    def fusion_loss(self, output: FuserOutput, inputs: Tensor,
                    data_samples: OptSampleList) -> Dict[str, Tensor]:
        """Every fusion loss term, by its name in the log.

        Returns:
            dict[str, Tensor]: ``loss_<name>`` for a scalar loss and
            ``loss_<name>.<term>`` for each term of a dict.
        """
        if self.fuser_frozen or not self.fusion_losses:
            return {}
        vis, ir = self.split(inputs)
        vis_luma, _ = self.fuser.split_colour(vis)
        sources = dict(vis=vis, ir=ir, vis_luma=vis_luma)
        terms = {}
        for name, loss in self.fusion_losses.items():
            value = loss(output, sources, data_samples)
            if isinstance(value, dict):
                terms.update({
                    f'loss_{name}.{key}': term
                    for key, term in value.items()
                })
            else:
                terms[f'loss_{name}'] = value
        return terms

    def add_fused(self, fused: Tensor,
                  data_samples: OptSampleList) -> SampleList:
        """Write each fused image into its sample, at its original size.

        Args:
            fused (Tensor): (B, 3, H, W) RGB.
            data_samples (list[FusionDataSample], optional): Samples.

        Returns:
            list[FusionDataSample]: With ``fused_img``, clamped to [0, 1].
        """
        if data_samples is None:
            data_samples = [FusionDataSample() for _ in fused]
        for image, sample in zip(fused, data_samples, strict=True):
            image = restore(image, sample.metainfo).clamp(0, 1)
            sample.fused_img = PixelData(data=image)
        return data_samples
