"""What tests of distillation sets share: a stack of three images."""
import numpy as np

from mmfusion.registry import TRANSFORMS

STACK = {'vis': (0, 3), 'ir': (3, 4), 'teacher': (4, 7)}


def sample(height=64, width=80):
    """A stack whose seven channels show the same smooth image."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grey = 127 + 60 * np.sin(x / 5) + 60 * np.sin(y / 7)
    return dict(img=np.dstack([grey.astype(np.uint8)] * 7),
                modalities=dict(STACK), seg_fields=[],
                img_shape=(height, width), ori_shape=(height, width))


def build(**cfg):
    return TRANSFORMS.build(cfg)
