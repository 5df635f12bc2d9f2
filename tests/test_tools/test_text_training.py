"""Joint training, scoring and fusing with text, through the tools."""
import numpy as np
import pytest
import torch

from tests.support import text_cases  # noqa: F401  (registers the fuser)
from tests.support import tiny_project
from tests.support.h5_cases import feature

CONFIG = '''
_base_ = './stage2.py'
stage1_config = stage1_checkpoint = None
guide = [dict(type='LoadTextFeatures', features=FEATURES)]
model = dict(
    fuser=dict(_delete_=True, type='TextGateFuser'),
    fusion_losses=dict(average=dict(type='AverageLoss')))
train_dataloader = dict(num_workers=2, dataset=dict(
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
    (project / 'guided.py').write_text(
        CONFIG.replace('FEATURES', repr(str(tmp_path / 'text'))))
    return project / 'guided.py'


def test_train_test_and_fuse(guided, call, tmp_path, capsys):
    work_dir = tmp_path / 'run'
    tiny_project.train_with(guided, '--work-dir', work_dir, '--seed', 0)
    checkpoint = work_dir / 'iter_2.pth'
    state = torch.load(checkpoint, weights_only=False)['state_dict']
    assert state['fuser.gate.weight'].abs().sum() > 0
    assert not [key for key in state if 'text' in key]
    for flags in ([], ['--tta']):
        assert call('test.py', guided, checkpoint, '--work-dir', work_dir,
                    '--eval', 'mIoU', *flags) == 0
    assert call('test_fusion.py', guided, checkpoint, '--device', 'cpu',
                '--out-dir', tmp_path / 'out') == 0
    assert len(list((tmp_path / 'out').iterdir())) == 3
    tool = 'analysis_tools/text_influence.py'
    flags = (guided, checkpoint, '--device', 'cpu')
    assert call(tool, *flags) == 0
    assert call(tool, *flags, '--swap', 3) != 0  # all the way round
    rows = capsys.readouterr().out.splitlines()
    pairs, mean, largest = map(float, rows[-1].strip('| ').split('|'))
    assert pairs == 3 and 0 < mean < largest
