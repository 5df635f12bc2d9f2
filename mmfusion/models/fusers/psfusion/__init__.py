"""PSFusion: fusion by progressive semantic injection.

Paper: Tang et al., "Rethinking the necessity of image fusion in high-level
vision tasks: A practical infrared and visible image fusion network based on
progressive semantic injection and scene fidelity", Information Fusion 99
(2023) 101870. Origin: github.com/Linfeng-Tang/PSFusion.

What differs from the authors' code, none of it visible in the numbers:

- any image size: the base class pads to a multiple of 32, where their
  network runs for sides of 32k - 3 ... 32k only;
- the two layers that they register but never call are absent;
- attention by a fused kernel that stores no map between pixels;
- the gate is a softmax, which their unguarded ``exp`` equals until it
  overflows.
"""
from collections.abc import Sequence

from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.checkpoint import check_state_dict, find_state_dict

from ..base import BaseFuser
from .decoder import (DenseReconstruction, FidelityHead, ImageHead,
                      SemanticHeads, SemanticInjection, SparseSemanticDecoder)
from .encoder import DetailFusion, SemanticFusion, build_encoder


@MODELS.register_module()
class PSFusion(BaseFuser):
    """Fuses all colour channels and predicts semantics on the way.

    The fused luminance is joined with the visible image's chrominance.
    ``aux`` holds the logits ``semantic`` (B, num_classes, H, W), ``binary``
    and ``boundary`` (B, 2, H, W) and the reconstructed luminances
    ``vis_rec`` and ``ir_rec`` (B, 1, H, W) in (0, 1).

    Args:
        base_channels (int): Channels at full resolution, a multiple of 8;
            all other widths follow. The published 32 gives 45.9 million
            parameters.
        depths (Sequence[int]): Residual blocks in the four stages of each
            encoder. Defaults to ResNet-34's.
        num_classes (int): Classes of the semantic head.
        backbone_init_cfg (dict, optional): ImageNet weights for both
            encoders, ``dict(type='Pretrained', checkpoint=...)``. The
            checkpoint is a ResNet's of the same widths and depths in
            torchvision's names: a file, a URL or
            ``'torchvision://resnet34'``. ``prefix`` names a common prefix
            of its keys. Used before ``init_cfg``.
        fuse_only (bool): Leave out ``aux`` in eval mode, where only the
            fused image is wanted.
        clamp (bool): See :class:`BaseFuser`.
        init_cfg (dict, optional): Initialization config.
    """
    size_divisor = 32

    def __init__(self, base_channels: int = 32,
                 depths: Sequence[int] = (3, 4, 6, 3), num_classes: int = 9,
                 backbone_init_cfg: dict | None = None,
                 fuse_only: bool = False, clamp: bool = True,
                 init_cfg: dict | None = None) -> None:
        super().__init__(clamp=clamp, init_cfg=init_cfg)
        if base_channels < 8 or base_channels % 8:
            raise ValueError('Expected base_channels as a positive multiple '
                             f'of 8, got {base_channels}.')
        if len(depths) != 4 or min(depths) < 1:
            raise ValueError('Expected depths of four stages with at least '
                             f'one block each, got {depths}.')
        if backbone_init_cfg is not None and (
                backbone_init_cfg.get('type') != 'Pretrained'
                or 'checkpoint' not in backbone_init_cfg):
            raise ValueError(
                "Expected backbone_init_cfg=dict(type='Pretrained', "
                f'checkpoint=...) or None, got {backbone_init_cfg}.')
        width, deep = base_channels, 2 * base_channels
        self.num_classes = num_classes
        self.backbone_init_cfg = backbone_init_cfg
        self.fuse_only = fuse_only
        self.vis_encoder = build_encoder(3, width, depths)
        self.ir_encoder = build_encoder(1, width, depths)
        self.fusions = nn.ModuleList([
            DetailFusion(width, width),
            DetailFusion(deep, width),
            DetailFusion(deep, deep),
            SemanticFusion(4 * width, deep),
            SemanticFusion(8 * width, deep),
            SemanticFusion(16 * width, deep)
        ])
        self.injections = nn.ModuleList([
            SemanticInjection(width, deep),
            SemanticInjection(width, width),
            SemanticInjection(width, deep)
        ])
        self.reconstructions = nn.ModuleList(
            [DenseReconstruction(width),
             DenseReconstruction(width)])
        self.semantic_decoder = SparseSemanticDecoder(deep)
        self.semantic_heads = SemanticHeads(deep, num_classes)
        self.fused_head = ImageHead(width)
        self.vis_head = FidelityHead(width)
        self.ir_head = FidelityHead(width)

    def init_weights(self) -> None:
        """Load ``backbone_init_cfg``, then what ``init_cfg`` says."""
        if self.backbone_init_cfg is not None and not self.is_init:
            self._load_backbone(**self.backbone_init_cfg)
        super().init_weights()

    def fuse(self, vis: Tensor, ir: Tensor) -> FuserOutput:
        """Fuse images whose sides are multiples of 32.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            FuserOutput: With ``luma`` and ``aux``, see the class.
        """
        fused = []
        vis_map, ir_map = vis, ir
        # level by level, so that no feature outlives its last reader
        for vis_level, ir_level, fusion in zip(self.vis_encoder,
                                               self.ir_encoder, self.fusions,
                                               strict=True):
            vis_map, ir_map = vis_level(vis_map), ir_level(ir_map)
            fused.append(fusion(vis_map, ir_map))
        del vis_map, ir_map
        semantic = self.semantic_decoder(fused[2:])
        scene = self.injections[0](fused[1], fused[2])
        scene = self.injections[1](fused[0], scene)
        del fused
        scene = self.reconstructions[0](scene)
        scene = self.injections[2](scene, semantic)
        scene = self.reconstructions[1](scene)
        luma = self.fused_head(scene)
        aux = {}
        if self.training or not self.fuse_only:
            aux = dict(**self.semantic_heads(semantic),
                       vis_rec=self.vis_head(scene),
                       ir_rec=self.ir_head(scene))
        cbcr = self.split_colour(vis)[1]
        return FuserOutput(self.join_colour(luma, cbcr), luma, aux)

    def _load_backbone(self, type: str, checkpoint: str,
                       prefix: str = '') -> None:
        """Copy a ResNet's first BatchNorm and stages to both encoders."""
        from mmengine.runner.checkpoint import CheckpointLoader
        content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu')
        state = {
            key[len(prefix):]: value
            for key, value in find_state_dict(content).items()
            if key.startswith(prefix)
        }
        parts = {
            'bn1': (1, 4),
            'layer1': (2, 1),
            'layer2': (3, ),
            'layer3': (4, ),
            'layer4': (5, )
        }
        for encoder in (self.vis_encoder, self.ir_encoder):
            for name, path in parts.items():
                part = encoder
                for index in path:
                    part = part[index]
                own = {
                    key[len(name) + 1:]: value for key, value in state.items()
                    if key.startswith(f'{name}.')
                }
                expected = part.state_dict()
                # older checkpoints lack the counters
                for key, value in expected.items():
                    if key.endswith('num_batches_tracked'):
                        own.setdefault(key, value)
                check_state_dict(
                    own, expected, f'These are the keys of {name!r} in '
                    f'{checkpoint!r}; it must hold a ResNet in the names of '
                    'torchvision, with the widths and depths of this '
                    'PSFusion.')
                part.load_state_dict(own)
