"""Joint training, scoring and fusing with text, through the tools."""
import numpy as np
import pytest
import text_cases  # noqa: F401  (registers the fuser)
import tiny_project
import torch
from h5_cases import feature

CONFIG = '''
_base_ = './stage2.py'
stage1_config = stage1_checkpoint = None
guide = [dict(type='LoadTextFeatures', features=FEATURES)]
model = dict(
    fuser=dict(_delete_=True, type='TextGateFuser'),
    fusion_losses=dict(average=dict(type='AverageLoss')))
train_dataloader = dict(num_workers=WORKERS, dataset=dict(
    pipeline=_base_.load + guide + [dict(type='RandomFlip', prob=0.5)] +
    _base_.pack))
test_dataloader = dict(
    dataset=dict(pipeline=_base_.load + guide + _base_.pack))
val_dataloader = test_dataloader
tta_pipeline = guide + _base_.tta_pipeline
'''


@pytest.fixture
def guided(project, tmp_path):
    """A config with stored features of three lengths."""
    (tmp_path / 'text').mkdir()
    for index in range(3):
        np.save(tmp_path / 'text' / f'{index:03d}.npy',
                feature(index, 3 + index))

    def write(workers=0):
        text = CONFIG.replace('FEATURES', repr(str(tmp_path / 'text')))
        (project / 'guided.py').write_text(
            text.replace('WORKERS', str(workers)))
        return project / 'guided.py'

    return write


@pytest.mark.parametrize('workers', [0, 2])
def test_train_test_and_fuse(guided, call, tmp_path, workers, capfd):
    config, work_dir = guided(workers), tmp_path / 'run'
    tiny_project.train_with(config, '--work-dir', work_dir, '--seed', 0)
    checkpoint = work_dir / 'iter_2.pth'
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    assert state['fuser.gate.weight'].abs().sum() > 0
    assert not [key for key in state if 'text' in key]
    if workers:
        return
    for flags in ([], ['--tta']):
        assert call('test.py', config, checkpoint, '--work-dir', work_dir,
                    '--eval', 'mIoU', *flags) == 0
    assert call('test_fusion.py', config, checkpoint, '--device', 'cpu',
                '--out-dir', tmp_path / 'out') == 0
    assert len(list((tmp_path / 'out').iterdir())) == 3


def test_training_without_text_says_what_is_missing(guided):
    config = guided()
    text = config.read_text().replace('_base_.load + guide', '_base_.load')
    config.write_text(text)
    with pytest.raises(ValueError, match=r'guided by text.*\.png'):
        tiny_project.train_with(config, '--seed', 0)
