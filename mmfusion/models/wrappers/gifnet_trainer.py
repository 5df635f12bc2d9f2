"""Training of GIFNet: two tasks in turn on one set of pairs."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.fusers.zoo import GIFNet
from mmfusion.models.fusers.zoo.gifnet import Ending
from mmfusion.models.fusers.zoo.layers import ConvStack
from mmfusion.models.losses import ssim_loss
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.errors import UsageError, check_least

from .base import OptSampleList
from .image_fuser import ImageFuser


@MODELS.register_module()
class GIFNetTrainer(ImageFuser):
    """Trains both branches of :class:`GIFNet`, batch by batch in turn.

    - Infrared and visible pairs, fused by their own branch: its losses are
      ``fusion_losses``. No gradient reaches the multi-focus branch.
    - Visible images out of focus in two complementary parts, fused by the
      multi-focus branch: ``focus_losses``, for which both sources are the
      sharp image.

    Either way the encoder's maps must give back the visible image:
    ``reconstruction``, MSE and one less SSIM. The authors read images
    out of focus from files and compare at several scales; here they are
    made, and one scale serves small patches.

    Args:
        focus_losses (dict): As ``fusion_losses``.
        blur (float): Standard deviation of what is out of focus, pixels.
        args, kwargs: See :class:`ImageFuser`; the fuser is a
            :class:`GIFNet`.

    Raises:
        UsageError: If the fuser is another.
    """

    def __init__(self, *args, focus_losses: dict[str, dict] | None = None,
                 blur: float = 2., **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_least(0.1, blur=blur)
        if not isinstance(self.fuser, GIFNet):
            raise UsageError(
                "GIFNetTrainer: expected a fuser dict(type='GIFNet'), got "
                f'{type(self.fuser).__name__}. Train others with ImageFuser.')
        channels = self.fuser.channels
        self.only_training = nn.ModuleDict(
            dict(ending=Ending(channels, self.fuser.heads),
                 reconstruct=ConvStack((channels, 64, 32, 16, 1), 'tanh')))
        self.focus_losses = nn.ModuleDict({
            name: MODELS.build(cfg)
            for name, cfg in (focus_losses or {}).items()
        })
        self.blur = blur
        self._batches = 0

    @classmethod
    def inference_config(cls, cfg: dict) -> dict:
        """See :class:`BaseFusionModel`."""
        found = super().inference_config(cfg)
        found.pop('focus_losses', None)
        return found

    def loss(self, inputs: Tensor,
             data_samples: OptSampleList) -> dict[str, Tensor]:
        """Losses of the task whose turn it is."""
        vis, ir = self.split(inputs)
        y, cbcr = self.fuser.split_colour(vis)
        focus = self._batches % 2 == 1
        self._batches += 1
        shared = self.fuser.encoder(
            torch.cat(self.defocused(y) if focus else (ir, y), 1))
        fused = self.fuser.decode(
            shared, self.fuser.focus, self.fuser.infrared,
            self.fuser.ending) if focus else self.fuser.decode(
                shared, self.fuser.infrared, self.fuser.focus,
                self.only_training['ending'], train_helper=False)
        output = FuserOutput(self.fuser.join_colour(fused, cbcr), fused)
        if focus:
            sources = dict(vis=vis, vis_luma=y, ir=y)
            terms = {
                f'loss_{name}': loss(output, sources, data_samples)
                for name, loss in self.focus_losses.items()
            }
        else:
            terms = self.fusion_loss(output, inputs, data_samples)
        rebuilt = self.only_training['reconstruct'](shared)
        terms['loss_reconstruction'] = F.mse_loss(rebuilt, y) + ssim_loss(
            rebuilt, y, y)
        return terms

    def defocused(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Images blurred in random parts, and in all the others.

        Args:
            y (Tensor): (B, 1, H, W).
        """
        parts = torch.rand(len(y), 1, 4, 4, device=y.device, dtype=y.dtype)
        parts = F.interpolate(parts, y.shape[-2:], mode='bicubic') > 0.5
        radius = round(3 * self.blur)
        steps = torch.arange(-radius, radius + 1, device=y.device)
        line = torch.exp(-(steps / self.blur)**2 / 2).to(y.dtype)
        line = line / line.sum()
        soft = F.pad(y, 4 * (radius, ), mode='replicate')
        soft = F.conv2d(F.conv2d(soft, line.view(1, 1, 1, -1)),
                        line.view(1, 1, -1, 1))
        return torch.where(parts, soft, y), torch.where(parts, y, soft)
