"""What a task network's own preprocessor does beyond the usual."""
from typing import Any

from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample

from .task_norm import TaskNormalizer

#: preprocessors whose work the wrappers do themselves
_USUAL = ('BaseDataPreprocessor', 'ImgDataPreprocessor', 'SegDataPreProcessor',
          'DetDataPreprocessor')


def has_own_preprocessor(cfg: dict, scope: str) -> bool:
    """Whether a network's preprocessor is more than the usual ones.

    Args:
        cfg (dict): Its config, which may be empty.
        scope (str): The network's package.
    """
    kind = cfg.get('type')
    if isinstance(kind, str):
        with MODELS.switch_scope_and_registry(scope) as registry:
            kind = registry.get(kind) or kind
    return kind is not None and getattr(kind, '__name__', kind) not in _USUAL


class TaskPreprocessor(nn.Module):
    """Hands fused images to the preprocessor that a network brings.

    It gets what a data loader would give it: single images without the frame
    of the batch, 0 to 255, BGR. So it also normalizes and pads, and whatever
    it makes of the images (BoxInst: which neighbouring pixels are alike)
    comes from the fused ones. The gradient goes through as far as it lets it.

    Args:
        cfg (dict): Its config.
        norm (TaskNormalizer): Its mean, standard deviation and channel
            order are taken instead of those of ``cfg``.
        scope (str): The network's package.
    """

    def __init__(self, cfg: dict, norm: TaskNormalizer, scope: str) -> None:
        super().__init__()
        cfg = dict(cfg)
        if 'mean' in cfg or not norm.is_plain:
            cfg['mean'], cfg['std'] = norm.stats
        self.scale = 255. if norm.enabled else 1.
        converts = bool(cfg.get('bgr_to_rgb') or cfg.get('rgb_to_bgr'))
        self.flips = converts != (norm.channel_order == 'bgr')
        with DefaultScope.overwrite_default_scope(scope):
            self.preprocessor = MODELS.build(cfg)

    def forward(self, fused: Tensor, data_samples: list[FusionDataSample],
                training: bool) -> tuple[Tensor, list[FusionDataSample]]:
        """Args: fused (B, 3, H, W) RGB in [0, 1]; samples with
        ``img_shape``. Returns: images (B, 3, H', W') and samples."""
        images = self.scale * (fused.flip(1) if self.flips else fused)
        sizes = [sample.img_shape[:2] for sample in data_samples]
        data: dict[str, Any] = dict(
            inputs=[
                image[:, :height, :width]
                for image, (height, width) in zip(images, sizes, strict=True)
            ], data_samples=data_samples)
        done = self.preprocessor(data, training)
        return done['inputs'], done['data_samples']
