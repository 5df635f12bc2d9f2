"""Which pipelines a bank of past outputs refuses."""
import pytest
from mmcv.transforms import Compose

from mmfusion.engine.hooks.history_bank_hook import random_transforms
from mmfusion.registry import TRANSFORMS

STILL = [
    dict(type='LoadFusionPair'),
    dict(type='Resize', scale=(32, 24)),
    dict(type='Pad', size_divisor=8),
    dict(type='PackFusionInputs'),
]


def names(*steps):
    return list(
        random_transforms(
            Compose([TRANSFORMS.build(dict(step)) for step in steps])))


@pytest.mark.parametrize('step', [
    dict(type='ColorJitter'),
    dict(type='SensorNoise'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomResizedCrop', size=8),
    dict(type='mmseg.PhotoMetricDistortion'),
])
def test_random_transforms(step):
    name = step['type'].rpartition('.')[2]
    assert names(*STILL, step) == [name]
    assert names(*STILL, dict(type='FixedAugment', transforms=[step])) == []
    nested = dict(type='OnModality', modality='vis', transforms=[step])
    assert names(*STILL, nested) == [name]


def test_transforms_without_draws():
    assert names(*STILL) == []


@pytest.mark.detection
@pytest.mark.parametrize('step', [
    dict(type='Mosaic'),
    dict(type='CachedMixUp', img_scale=(32, 24)),
    dict(type='Expand'),
    dict(type='CutOut', n_holes=1, cutout_shape=(4, 4)),
    dict(type='mmdet.MinIoURandomCrop'),
    dict(type='mmdet.YOLOXHSVRandomAug'),
])
def test_random_transforms_of_detection(step):
    assert names(*STILL, step) == [step['type'].rpartition('.')[2]]
    assert names(dict(type='FixShapeResize', width=8, height=8)) == []
