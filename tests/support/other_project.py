"""Run from a scratch project of its own, by test_other_projects.py.

    python other_project.py

The project is laid out as Open-CD: a package with registries of its own scope,
models and configs, which inherit mmfusion's. Trains a step and prints 'ok'.
"""
from pathlib import Path

import torch

FILES = {
    'change/__init__.py':
    '',
    'change/registry.py':
    '''
from mmengine.registry import MODELS as ROOT
from mmengine.registry import Registry
MODELS = Registry('model', parent=ROOT, scope='change',
                  locations=['change.models'])
''',
    'change/models/__init__.py':
    '''
from mmseg.models import EncoderDecoder
from mmfusion.models.fusers import BaseFuser
from change.registry import MODELS
import torch
from torch import nn


@MODELS.register_module()
class ChangeEncoderDecoder(EncoderDecoder):
    """A segmentor of the project's own."""


@MODELS.register_module()
class Blend(BaseFuser):
    """A fuser of the project's own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def fuse_luma(self, y, ir):
        share = self.weight.sigmoid()
        return share * y + (1 - share) * ir
''',
    'configs/blend.py':
    '''
_base_ = ['mmfusion::fuser_segmenters/psfusion_segformer.py']
default_scope = 'change'
model = dict(
    type='mmfusion.FuserSegmenter',
    fuser=dict(_delete_=True, type='change.Blend'),
    fusion_losses=dict(
        _delete_=True, mean=dict(type='mmfusion.AverageLoss')),
    segmentor=dict(
        type='change.ChangeEncoderDecoder',
        pretrained=None,
        backbone=dict(init_cfg=None, embed_dims=8, num_layers=[1] * 4,
                      num_heads=[1, 1, 2, 2]),
        decode_head=dict(in_channels=[8, 8, 16, 16], channels=8,
                         num_classes=2, norm_cfg=dict(type='BN'))))
'''
}


def main() -> None:
    for name, text in FILES.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    from change.registry import MODELS
    from mmengine.registry import init_default_scope

    from mmfusion.analysis.compatibility.trial import random_batch, train_step
    from mmfusion.utils.config_file import load_config
    cfg = load_config('configs/blend.py')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    assert type(model.fuser).__module__ == 'change.models'
    assert type(model.segmentor).__module__ == 'change.models'
    train_step(model, random_batch(64))
    assert model.fuser.weight.grad.abs() > 0
    with torch.no_grad():
        assert model.eval()(torch.rand(1, 4, 64, 64)).shape[1] == 2
    print('ok')


if __name__ == '__main__':
    main()
