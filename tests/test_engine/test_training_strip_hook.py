"""TrainingStripHook: which batches it writes, and what is in the files."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from mmfusion.registry import HOOKS, MODELS
from mmfusion.structures import FusionDataSample


@pytest.fixture
def runner(tmp_path):
    model = MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='AverageFuser'),
             fusion_losses=dict(average=dict(type='AverageLoss'))))
    return SimpleNamespace(model=model, work_dir=str(tmp_path), epoch=0)


def train(hook, runner, epochs=1, batches=3, named=True):
    inputs = {}
    for epoch in range(epochs):
        runner.epoch = epoch
        for index in range(batches):
            batch = torch.rand(2, 4, 12, 16)
            samples = [
                FusionDataSample(metainfo=dict(
                    vis_path=f'vi/e{epoch}b{index}i{i}.png') if named else {})
                for i in range(2)
            ]
            data = dict(inputs=batch, data_samples=samples)
            hook.before_train_iter(runner, index, data)
            runner.model(batch, samples, mode='loss')
            hook.after_train_iter(runner, index, data, {})
            inputs.update({
                f'e{epoch}b{index}i{i}': x for i, x in enumerate(batch)
            })
    return inputs


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob('*.png'))


def test_first_batches_of_each_epoch(runner, tmp_path):
    hook = HOOKS.build(dict(type='TrainingStripHook'))
    inputs = train(hook, runner, epochs=2)
    folder = tmp_path / 'training_strips'
    assert files(folder) == sorted(f'{e + 1}/e{e}b{b}i{i}.png'
                                   for e in range(2) for b in range(2)
                                   for i in range(2))
    strip = cv2.imread(str(folder / '1/e0b1i0.png'))[..., ::-1] / 255
    assert strip.shape == (12, 48, 3)
    stack = inputs['e0b1i0'].permute(1, 2, 0).numpy()
    vis, ir, fused = np.split(strip, 3, axis=1)
    np.testing.assert_allclose(vis, stack[..., :3], atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(ir, np.repeat(stack[..., 3:], 3, 2),
                               atol=0.5 / 255 + 1e-6)
    expected = runner.model.fuser(inputs['e0b1i0'][None, :3],
                                  inputs['e0b1i0'][None, 3:]).fused[0]
    np.testing.assert_allclose(fused, expected.permute(1, 2, 0),
                               atol=0.5 / 255 + 1e-6)
    # nothing stays behind in the network
    assert not runner.model.fuser._forward_hooks


def test_stretch_and_names(runner, tmp_path):
    hook = HOOKS.build(
        dict(type='TrainingStripHook', num_batches=1, stretch=True,
             out_dir='strips'))
    runner.model.fuser.register_forward_pre_hook(
        lambda _, inputs: tuple(0.25 + x / 4 for x in inputs))
    train(hook, runner, named=False)
    assert files(tmp_path) == [
        'strips/1/batch0-0.png', 'strips/1/batch0-1.png'
    ]
    strip = cv2.imread(str(tmp_path / 'strips/1/batch0-0.png'))
    assert strip.min() == 0 and strip.max() == 255


def test_bad_use(runner):
    with pytest.raises(ValueError, match='num_batches'):
        HOOKS.build(dict(type='TrainingStripHook', num_batches=0))
    runner.model = torch.nn.Linear(1, 1)
    with pytest.raises(TypeError, match='with a fuser.*Linear'):
        HOOKS.build(dict(type='TrainingStripHook')).before_train_iter(
            runner, 0)


def test_files_of_one_name_in_two_folders(runner, tmp_path):
    hook = HOOKS.build(dict(type='TrainingStripHook', num_batches=1))
    samples = [
        FusionDataSample(metainfo=dict(vis_path=f'{folder}/1.png'))
        for folder in 'xy'
    ]
    batch = torch.rand(2, 4, 12, 16)
    data = dict(inputs=batch, data_samples=samples)
    for epoch in range(2):
        runner.epoch = epoch
        hook.before_train_iter(runner, 0, data)
        runner.model(batch, samples, mode='loss')
        hook.after_train_iter(runner, 0, data, {})
    assert files(tmp_path / 'training_strips') == [
        f'{epoch}/1{more}.png' for epoch in (1, 2)
        for more in ('-batch0-1', '')
    ]
