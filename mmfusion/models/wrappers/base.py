"""What all wrappers share: a fuser, its losses, its preprocessor."""
from typing import Any, Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmfusion.models.layers import trim_heap
from mmfusion.models.text_encoders import batch_text
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

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

    The model's input is the stacked tensor (B, 3 + 1, H, W) that
    :class:`FusionDataPreprocessor` makes, RGB first, in [0, 1].

    Args:
        fuser (dict | nn.Module): Config of a registered fuser.
        losses (dict, optional): Named configs of registered fusion losses;
            each name becomes a line in the log.
        fuser_frozen (bool): Keep the fuser in eval mode and out of the
            optimizer; its fusion losses are then not computed.
        data_preprocessor (dict, optional): Defaults to a
            :class:`FusionDataPreprocessor`.
        init_cfg (dict, optional): Initialization config.
    """

    def __init__(self,
                 fuser: Union[dict, nn.Module],
                 losses: Optional[Dict[str, dict]] = None,
                 fuser_frozen: bool = False,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        if data_preprocessor is None:
            data_preprocessor = dict(type='FusionDataPreprocessor')
        if isinstance(data_preprocessor, dict):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(
            data_preprocessor=data_preprocessor, init_cfg=init_cfg)
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
            inputs (Tensor): Stacked modalities, (B, 4, H, W) in [0, 1].
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
        if inputs.ndim != 4 or inputs.shape[1] != 4:
            raise ValueError(
                'Expected stacked modalities (B, 3 + 1, H, W), got '
                f'{tuple(inputs.shape)}. Load pairs with LoadFusionPair.')
        return inputs[:, :3], inputs[:, 3:]

    def fuse(self,
             inputs: Tensor,
             data_samples: OptSampleList = None) -> FuserOutput:
        """Fuse a stacked batch; without gradient if the fuser is frozen."""
        vis, ir = self.split(inputs)
        condition = self.condition(data_samples)
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and not self.fuser_frozen):
            return self.fuser(vis, ir, **condition)

    def condition(self, data_samples: OptSampleList) -> Dict[str, Any]:
        """Keyword inputs of text-guided fusers; none for the others.

        Args:
            data_samples (list[FusionDataSample], optional): With ``text``
                (L, C) where the fuser needs it.

        Returns:
            dict[str, Tensor]: ``text`` (B, L, C) float32, padded to the
            longest of the batch, and ``text_mask`` (B, L) bool, True for
            real tokens; on the fuser's device.

        Raises:
            ValueError: If a sample has no text; names its file.
        """
        if not getattr(self.fuser, 'needs_text', False):
            return {}
        weight = next(self.fuser.parameters(), None)
        device = (
            self.data_preprocessor.device if weight is None else
            weight.device)
        return batch_text(data_samples, type(self.fuser).__name__, device)

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
