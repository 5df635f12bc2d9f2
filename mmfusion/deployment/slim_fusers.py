"""Small variants of the registered fusers."""

import mmfusion.models  # noqa: F401  (registers them)
from mmfusion.models.fusers import BaseFuser
from mmfusion.registry import MODELS

#: arguments that make a method quick; one without an entry is built as it is
SLIM_FUSERS: dict[str, dict] = dict(
    TransFuser6=dict(stem_channels=4, channels=(4, 4, 8, 8),
                     heads=(1, 1, 2, 2)),
    PSFusion=dict(base_channels=8, depths=(1, 1, 1, 1)),
    FILMFusion=dict(channels=8, token_dim=16, token_channels=4,
                    text_channels=12, num_heads=2, token_grid=(20, 26)),
    GuidedFilterFuser=dict(base_radius=4, saliency_radius=2,
                           radii=(6, 3)), GIFNet=dict(growth=4,
                                                      widths=(16, 8, 8, 4)),
    LUTFuse=dict(levels=6), RealtimeFusionNet=dict(size='tiny'), DDFM=dict(
        num_steps=3, norm='clamp',
        denoiser=dict(type='ADMUNet', channels=32, multipliers=(1, 2),
                      num_blocks=1, attention=(2, ))),
    MaskDiFuser=dict(width=32, multipliers=(1, 1), layers=1, num_steps=2,
                     norm='clamp'), SeAFusion=dict(channels=(4, 6, 8)),
    U2Fusion=dict(width=4), SAGE=dict(width=4), DIDFuse=dict(channels=8),
    AUIF=dict(channels=8,
              num_steps=3), LRRNet=dict(channels=8,
                                        num_steps=2), TarDAL=dict(channels=8))


def registered_fusers() -> list[str]:
    """Names of all fusers of mmfusion, sorted."""
    return sorted(name for name, cls in MODELS.module_dict.items()
                  if isinstance(cls, type) and issubclass(cls, BaseFuser)
                  and cls.__module__.startswith('mmfusion.'))
