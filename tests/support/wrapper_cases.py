"""Tiny fusers, segmentors and samples for the wrapper tests."""
import numpy as np
import torch
from mmengine.structures import PixelData

from mmfusion.structures import FusionDataSample

FUSERS = dict(
    transfuser6=dict(type='TransFuser6', stem_channels=4,
                     channels=(4, 4, 8, 8), heads=(1, 1, 2, 2)),
    psfusion=dict(type='PSFusion', base_channels=8, depths=(1, 1, 1, 1)))

FUSION_LOSSES = dict(
    transfuser6=dict(correlation=dict(type='CorrelationLoss')),
    psfusion=dict(psfusion=dict(type='PSFusionLoss')))

# the lines of a config that turn mmseg's model files into small 9-class
# models; nothing else changes between segmentors
SEGMENTORS = dict(
    segformer='''
_base_ = 'mmseg::_base_/models/segformer_mit-b0.py'
segmentor = _base_.model
segmentor.update(
    backbone=dict(num_layers=[1, 1, 1, 1]),
    decode_head=dict(num_classes=9, channels=32))
''', pspnet_with_auxiliary_head='''
_base_ = 'mmseg::_base_/models/pspnet_r50-d8.py'
segmentor = _base_.model
segmentor.update(
    pretrained=None,
    backbone=dict(depth=18),
    decode_head=dict(num_classes=9, in_channels=512, channels=16),
    auxiliary_head=dict(num_classes=9, in_channels=256, channels=16))
''', erfnet_cnn='''
_base_ = 'mmseg::_base_/models/erfnet_fcn.py'
segmentor = _base_.model
segmentor.update(decode_head=dict(num_classes=9))
''')


def make_samples(batch: int, height: int, width: int, seed: int = 0):
    """Data samples with all labels, sizes unchanged by the pipeline."""
    rng = np.random.RandomState(seed)
    samples = []
    for _ in range(batch):
        sample = FusionDataSample()
        label = torch.from_numpy(rng.randint(0, 9, (1, height, width)))
        sample.gt_sem_seg = PixelData(data=label)
        foreground = (label > 0).long()
        for name in ('gt_binary', 'gt_boundary', 'gt_mask'):
            setattr(sample, name, PixelData(data=foreground))
        sample.set_metainfo(
            dict(ori_shape=(height, width), img_shape=(height, width),
                 padding_size=(0, 0, 0, 0)))
        samples.append(sample)
    return samples
