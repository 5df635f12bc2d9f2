"""Any method of the zoo in front of SegFormer and of RTMDet, by one line."""
import copy
from functools import cache

import pytest
import torch

from mmfusion.deployment.slim_fusers import SLIM_FUSERS
from mmfusion.registry import MODELS
from mmfusion.utils.config_file import load_config
from tests.support.config_cases import demo_fusion_inputs, shrink_config
from tests.support.fuser_cases import FUSERS

SIZE = (64, 64)
ZOO = [name for name in FUSERS if '.zoo.' in MODELS.get(name).__module__]


@cache
def task_model(task):
    """The model of a config with a small task network."""
    if task == 'rtmdet':
        cfg = load_config(
            'fuser_detectors/joint_llvip.py', scale='mini',
            options=dict(fuser='mmdrfuse_student', detector='rtmdet-tiny'))
        return shrink_config(cfg, SIZE).model
    cfg = load_config('_base_/models/fuser_segformer.py').model
    cfg.segmentor.backbone.update(embed_dims=8, num_layers=[1] * 4,
                                  num_heads=[1] * 4)
    cfg.segmentor.decode_head.update(in_channels=[8] * 4, channels=8,
                                     norm_cfg=dict(type='BN'))
    cfg.fusion_losses = dict(average=dict(type='AverageLoss'))
    return cfg


@pytest.mark.parametrize(
    'task', ['segformer',
             pytest.param('rtmdet', marks=pytest.mark.detection)])
@pytest.mark.parametrize('name', ZOO)
def test_trains_and_predicts(name, task):
    cfg = copy.deepcopy(task_model(task))
    cfg.fuser = dict(type=name, **SLIM_FUSERS.get(name, {}))
    torch.manual_seed(0)
    model = MODELS.build(cfg).train()
    batch = model.data_preprocessor(demo_fusion_inputs(2, SIZE), True)
    losses = model(*batch.values(), mode='loss')
    task_losses = [key for key in losses if not key.startswith('fusion')]
    total, _ = model.parse_losses({key: losses[key] for key in task_losses})
    total.backward()
    grads = [
        p.grad for p in model.fuser.parameters()
        if p.requires_grad and p.grad is not None
    ]
    assert all(torch.isfinite(grad).all() for grad in grads)
    assert any(grad.abs().sum() > 0 for grad in grads)
    model.eval()
    for sample in model.test_step(demo_fusion_inputs(1, SIZE)):
        assert sample.fused_img.shape == SIZE
        assert ('pred_sem_seg' in sample) == (task == 'segformer')
