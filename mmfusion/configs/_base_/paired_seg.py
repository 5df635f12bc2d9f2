"""What the labelled sets share: loaders, test-time views and evaluators."""
from mmcv.transforms import TestTimeAug
from mmengine.dataset import DefaultSampler
from mmseg.datasets.transforms import RandomFlip
from mmseg.evaluation import IoUMetric

from mmfusion.datasets import DeterministicSampler
from mmfusion.datasets.transforms import (LoadFusionAnnotations,
                                          LoadFusionPair, PackFusionInputs)

tta_pipeline = [
    dict(type=LoadFusionPair),
    dict(
        type=TestTimeAug,
        transforms=[
            [],  # sizes, filled in by each set
            [
                dict(type=RandomFlip, prob=prob, direction='horizontal')
                for prob in (0.0, 1.0)
            ],
            [dict(type=LoadFusionAnnotations)],
            [dict(type=PackFusionInputs)],
        ]),
]
train_dataloader = dict(
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type=DeterministicSampler, shuffle=True))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type=DefaultSampler, shuffle=False))
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type=DefaultSampler, shuffle=False))
fusion_pipeline = [dict(type=LoadFusionPair), dict(type=PackFusionInputs)]
val_evaluator = dict(type=IoUMetric, iou_metrics=['mIoU'])
test_evaluator = val_evaluator
