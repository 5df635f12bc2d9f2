"""Configs of the tutorials do what the tutorials say.

Joint training and detection: ``test_docs.py``; deployment:
``tests/test_deployment/test_guide.py``.
"""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from mmfusion.registry import DATASETS, MODELS
from tests.support.guides import code_blocks, entries


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_own_data(folder):
    first, pipeline, *_ = map(entries, code_blocks('docs/data.md'))
    rng = np.random.default_rng(0)
    for name, shape in dict(vis=(48, 64, 3), ir=(48, 64),
                            label=(48, 64)).items():
        path = folder / 'my_data' / name / 'a.png'
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), rng.integers(0, 2, shape, np.uint8))
    dataset = DATASETS.build(
        dict(first['train_dataloader']['dataset'],
             metainfo=dict(classes=MFNET_CLASSES),
             pipeline=pipeline['train_pipeline']))
    sample = dataset[0]
    assert sample['inputs'].shape == (4, 240, 320)
    assert {'gt_sem_seg', 'gt_binary',
            'gt_boundary'} <= set(sample['data_samples'].keys())


def test_distillation(folder):
    first, refresh = map(entries, code_blocks('docs/distillation.md'))
    teacher = MODELS.build(dict(type='MMDRFuseTeacher'))
    torch.save(dict(state_dict=teacher.state_dict()), 'teacher.pth')
    model = MODELS.build(first['model'])
    model.init_weights()
    losses = model(torch.rand(2, 4, 16, 16), mode='loss')
    assert 'loss_intensity' in losses and len(losses) == 3
    assert torch.equal(model.fuser.out.weight, teacher.out.weight)
    MODELS.build(refresh['fusion_losses']['refresh_ssim'])
