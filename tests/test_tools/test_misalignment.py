"""Scores of shifted pairs, with and without registration."""
import csv

import cv2
import pytest
import torch
from mmengine.config import Config

from mmfusion.registry import MODELS
from tests.support.smooth_pairs import smooth_pairs

TOOL = 'analysis_tools/misalignment.py'
HEAD = dict(type='RegistrationHead', channels=4)


@pytest.fixture
def files(tmp_path):
    """A config with a head, its checkpoint, the folder of its pairs."""
    root = smooth_pairs(tmp_path / 'pairs', count=2)
    (root / 'TEACHER_FUSED').mkdir()
    for path in (root / 'VIS').iterdir():
        other = cv2.imread(str(root / 'IR' / path.name))
        fused = cv2.addWeighted(cv2.imread(str(path)), 0.5, other, 0.5, 0)
        cv2.imwrite(str(root / 'TEACHER_FUSED' / path.name), fused)
    cfg = Config(
        dict(
            default_scope='mmfusion',
            model=dict(type='ImageFuser', fuser=dict(type='AverageFuser'),
                       registration=HEAD),
            test_dataloader=dict(dataset=dict(
                type='FusionDistillDataset', data_root=str(root), pipeline=[
                    dict(type='LoadFusionPair'),
                    dict(type='PackFusionInputs')
                ], teacher_required=True, test_mode=True))))
    config, checkpoint = tmp_path / 'a.py', tmp_path / 'a.pth'
    cfg.dump(str(config))
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()),
               checkpoint)
    return config, checkpoint, root


def read(path):
    with open(path, newline='') as file:
        return {
            (row['registration'], float(row['shift'])): row
            for row in csv.DictReader(file)
        }


def test_table(files, call, tmp_path, capsys):
    config, checkpoint, _ = files
    target = tmp_path / 'out' / 'table.csv'
    assert call(TOOL, config, checkpoint, '--device', 'cpu', '--csv', target,
                '--shifts', 0, 6, '--directions', 3) == 0
    rows = read(target)
    assert [*rows] == [(mode, shift) for mode in ('off', 'on')
                       for shift in (0, 6)]
    assert [row['images'] for row in rows.values()] == ['2', '6', '2', '6']
    for mode in ('off', 'on'):  # the head is untrained: the identity
        near, far = rows[mode, 0], rows[mode, 6]
        assert float(near['SSIM']) > 0.95 > float(far['SSIM'])
        assert float(near['PSNR']) > float(far['PSNR']) + 3
        assert float(near['left']) == pytest.approx(0, abs=1e-3)
        assert float(far['left']) == pytest.approx(6, abs=1e-3)
    printed = capsys.readouterr().out
    assert '| off | 6 | ' in printed and str(target) in printed


def test_choices_and_refusals(files, call, tmp_path, capsys):
    config, checkpoint, root = files
    few = ('--device', 'cpu', '--shifts', 2, '--directions', 1)
    for choice in ('on', 'off'):
        target = tmp_path / f'{choice}.csv'
        assert call(TOOL, config, checkpoint, *few, '--csv', target,
                    '--registration', choice) == 0
        assert [*read(target)] == [(choice, 2)]
    without = (*few, '--cfg-options', 'model.registration=None')
    assert call(TOOL, config, checkpoint, *without) == 0
    assert '| on |' not in capsys.readouterr().out.rpartition('wrote')[2]
    assert call(TOOL, config, checkpoint, *without[:-2], '--registration',
                'on', *without[-2:]) == 2
    assert 'registration head' in capsys.readouterr().err
    for bad in (('--shifts', '-1'), ('--directions', '0')):
        with pytest.raises(SystemExit):
            call(TOOL, config, checkpoint, *bad)
    # one that cannot be read is named, the others count
    (root / 'IR' / '0.png').write_bytes(b'none')
    assert call(TOOL, config, checkpoint, *few) == 1
    told = capsys.readouterr()
    assert 'failed: 0' in told.err and '| off | 2 |' in told.out
