"""Pairs of all tasks through test_fusion.py, evaluate_fusion.py, the
inferencer and a short training."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusion.analysis.complexity import (count_flops, input_channels,
                                          network_of)
from mmfusion.apis import FusionInferencer, load_config
from mmfusion.cli import legacy as cli
from mmfusion.datasets import PairedImageDataset
from mmfusion.evaluation import compute
from mmfusion.models.layers import rgb_to_ycbcr
from mmfusion.tasks import TASKS
from tests.support import tiny_project

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'fusers'
RULE = CONFIGS / 'laplacian_pyramid.py'
SIZE = (48, 56)


def read(path):
    return cv2.imread(str(path))


def pairs(folder, task, count=2):
    """Smooth random pairs in folders of the modalities' names."""
    rng = np.random.RandomState(0)
    for name, channels in TASKS[task].modalities.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            small = rng.randint(0, 256, (6, 7, channels), np.uint8)
            image = cv2.resize(small, SIZE[::-1],
                               interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(folder / name / f'{index}.png'), image)
    return [folder / name for name in TASKS[task].modalities]


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def test_fuse_score_and_draw(call, task, tmp_path, capsys):
    first, second = pairs(tmp_path, task)
    out, panels = tmp_path / 'out', tmp_path / 'panels'
    assert call('test_fusion.py', RULE, '--device', 'cpu', '--task', task,
                '--first', first, '--second', second, '--out-dir', out,
                '--show-dir', panels, '--eval', 'EN', 'Qabf') == 0
    names = list(TASKS[task].modalities)
    names.sort(key=lambda name: name != 'ir')
    assert f'Sources: {", ".join(names)}.' in capsys.readouterr().out
    scores = json.loads((out / 'fusion_metrics.json').read_text())
    assert scores['sources'] == names
    values = [
        compute(np.ascontiguousarray(read(out / f'{stem}.png')[..., ::-1]), [
            cv2.imread(str(tmp_path / name / f'{stem}.png'),
                       cv2.IMREAD_UNCHANGED)[..., ::-1].copy()
            if TASKS[task].modalities[name] == 3 else cv2.imread(
                str(tmp_path / name / f'{stem}.png'), 0) for name in names
        ], ['EN', 'Qabf']) for stem in '01'
    ]
    for name in ('EN', 'Qabf'):
        assert scores['methods']['out']['mean'][name] == pytest.approx(
            np.mean([row[name] for row in values]), rel=1e-9)
    assert read(panels / '1.png').shape[1] > 3 * SIZE[1]
    # the inferencer's arrays, RGB, and the tool's files agree
    fuse = FusionInferencer(load_config(RULE, {'model.task': task}),
                            device='cpu')
    images = []
    for folder, channels in zip((first, second),
                                TASKS[task].modalities.values(), strict=True):
        image = read(folder / '0.png')
        images.append(image[..., ::-1] if channels == 3 else image[..., 0])
    result = fuse(*images)['fused']
    np.testing.assert_allclose(result[..., ::-1], read(out / '0.png'), atol=1)
    both = fuse(first, second)
    assert [item['name'] for item in both] == ['0', '1']
    np.testing.assert_allclose(both[0]['fused'], result, atol=1)
    if TASKS[task].colour == 'grey':
        assert (result == result[..., :1]).all()


def test_colour_of_the_functional_image_in_the_file(call, tmp_path):
    first, second = pairs(tmp_path, 'mri_pet')
    out = tmp_path / 'out'
    assert call('test_fusion.py', RULE, '--device', 'cpu', '--task', 'mri_pet',
                '--vis', first, '--ir', second, '--out-dir', out) == 0
    fused, pet = (torch.from_numpy(read(
        folder / '0.png')[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
                  for folder in (out, second))
    # where nothing was clipped
    inside = ((fused > 0) & (fused < 1)).all(1, keepdim=True)
    difference = (rgb_to_ycbcr(fused)[1] - rgb_to_ycbcr(pet)[1]).abs()
    assert inside.float().mean() > 0.2
    assert (difference * inside).max() < 0.01


def test_config_of_the_task_needs_no_flag(call, tmp_path):
    first, second = pairs(tmp_path, 'mef')
    assert call('test_fusion.py', RULE, '--device', 'cpu', '--vis', first,
                '--ir', second, '--out-dir', tmp_path / 'out', '--cfg-options',
                'model.task=mef') == 0
    assert call('test_fusion.py', RULE, '--device', 'cpu', '--vis', first,
                '--ir', second, '--out-dir', tmp_path / 'flag', '--task',
                'mef') == 0
    for stem in '01':
        np.testing.assert_allclose(read(tmp_path / 'out' / f'{stem}.png'),
                                   read(tmp_path / 'flag' / f'{stem}.png'),
                                   atol=1)


def test_task_without_folders(call, capsys):
    with pytest.raises(SystemExit):
        call('test_fusion.py', RULE, '--task', 'mef')
    assert 'name them with --vis and --ir' in capsys.readouterr().err


def test_weights_are_missed(call, tmp_path, capsys):
    first, second = pairs(tmp_path, 'mef')
    assert call('test_fusion.py', CONFIGS / 'mef_sice.py', '--scale', 'mini',
                '--device', 'cpu', '--vis', first, '--ir', second) == 2
    assert 'TransFuser6 has weights' in capsys.readouterr().err


def test_help_names_both_spellings(capsys):
    with pytest.raises(SystemExit):
        cli.parse('test_fusion', ['--help'])
    text = ' '.join(capsys.readouterr().out.split())
    assert '--vis DIR, --first DIR' in text
    assert "the task's second modality" in text


# ------------------------------------------------------------------ metrics
TOOL = 'analysis_tools/evaluate_fusion.py'


def test_evaluate_a_task(call, tmp_path):
    first, second = pairs(tmp_path, 'mef')
    for stem in '01':
        mean = (read(first / f'{stem}.png') // 2 +
                read(second / f'{stem}.png') // 2)
        path = tmp_path / 'mine' / f'{stem}.png'
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), mean)
    out = tmp_path / 'scores'
    flags = ['--fused', tmp_path / 'mine', '--workers', 1]
    assert call(TOOL, *flags, '--task', 'mef', '--first', first, '--second',
                second, '--preset', 'mef', '--out', out) == 0
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['sources'] == ['under', 'over']
    assert 'Sources: under, over. Preset mef' in (out /
                                                  'summary.md').read_text()
    found = summary['methods']['mine']['mean']
    colour = [[
        np.ascontiguousarray(read(folder / f'{stem}.png')[..., ::-1])
        for folder in (tmp_path / 'mine', first, second)
    ] for stem in '01']
    rows = [
        compute(fused, sources, preset='mef') for fused, *sources in colour
    ]
    assert found['MEF_SSIM'] == pytest.approx(
        np.mean([row['MEF_SSIM'] for row in rows]), rel=1e-6)
    assert list(found) == list(rows[0])


def test_evaluate_rules_and_missing_files_by_name(call, tmp_path, capsys):
    first, second = pairs(tmp_path, 'mff', count=3)
    (second / '2.png').unlink()
    for path in list(first.iterdir()):
        path.rename(path.with_name(f'n{path.name}'))
    assert call(TOOL, '--fused', second, '--task', 'mff', '--first', first,
                '--second', second, '--first-stem', 'n{stem}', '--metrics',
                'EN', '--workers', 1, '--out', tmp_path / 'scores') == 1
    text = capsys.readouterr()
    assert 'problem: 2: no file of far' in text.err
    assert '| far | 2 |' in text.out or 'far: 2 images' in text.out


def test_evaluate_task_with_sources(call, tmp_path, capsys):
    assert call(TOOL, '--fused', tmp_path, '--task', 'mef', '--sources',
                tmp_path, tmp_path, '--out', tmp_path / 'x') == 2
    assert '--task with --vis and --ir' in capsys.readouterr().err


# ----------------------------------------------------------------- training
def lay_out(root, name):
    """What a mini config expects below ``MMFUSION_DATA``."""
    if name == 'mif':
        for pair in ('mri_ct', 'mri_pet', 'mri_spect'):
            pairs(root / 'fusion_medical' / pair, pair)
        return
    pairs(root / f'fusion_{name}' / 'test', name)
    if name == 'mff':
        for old, new in (('near', 'a'), ('far', 'b')):
            folder = root / 'fusion_mff' / 'test'
            (folder / old).rename(folder / new)


@pytest.mark.parametrize('name', ['mif', 'mef', 'mff'])
def test_train_validate_test_and_fuse(call, tmp_path, monkeypatch, name):
    monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
    lay_out(tmp_path, name)
    form = dict(mif='mif_harvard', mef='mef_sice', mff='mff_realmff')[name]
    config = CONFIGS / f'{form}.py@mini,fuser:mmdrfuse_student'
    work_dir = tmp_path / 'work'
    small = [
        'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'test_dataloader.num_workers=0', 'fusion_dataloader.num_workers=0'
    ]
    tiny_project.train_with(
        config, '--work-dir', work_dir, '--cfg-options', *small,
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
        'default_hooks.checkpoint.interval=2',
        'default_hooks.visualization.interval=1',
        f'default_hooks.visualization.show_dir={tmp_path}/panels')
    checkpoint = work_dir / 'iter_2.pth'
    assert len(list((tmp_path / 'panels').glob('*_2.png'))) == 2
    assert call('test.py', config, checkpoint, '--work-dir', work_dir,
                '--eval', 'EN', 'Qabf', '--cfg-options', *small) == 0
    rows = (work_dir / 'fusion_metrics.csv').read_text().splitlines()
    assert len(rows) == 3 and 'Qabf' in rows[0]
    assert call('test_fusion.py', config, checkpoint, '--device', 'cpu',
                '--out-dir', tmp_path / 'out', '--cfg-options', *small) == 0
    assert len(list((tmp_path / 'out').glob('*.png'))) == 2
    if name == 'mif':  # the same weights fuse MRI with CT
        folder = tmp_path / 'fusion_medical' / 'mri_ct'
        assert call('test_fusion.py', config, checkpoint, '--device', 'cpu',
                    '--task', 'mri_ct', '--first', folder / 'mri', '--second',
                    folder / 'ct', '--out-dir', tmp_path / 'ct') == 0
        image = read(tmp_path / 'ct' / '0.png')
        assert (image == image[..., :1]).all()


def test_flops_of_a_six_channel_model():
    cfg = load_config(CONFIGS / 'mef_sice.py', dict(fuser='mmdrfuse_student'))
    network = network_of(cfg)
    assert input_channels(network) == 6
    # 2 -> 4 -> 1 channels of 3x3
    assert count_flops(network, (10, 20))[''] == 2 * 200 * 9 * (2 * 4 + 4)


# ---------------------------------------------------------------- real data
@pytest.mark.parametrize('folders, task', [
    ('fusion_tno/test/vi fusion_tno/test/ir', 'ivf'),
    ('fusion_roadscene/test/vi fusion_roadscene/test/ir', 'ivf'),
    ('fusion_medical/mri_ct/mri fusion_medical/mri_ct/ct', 'mri_ct'),
    ('fusion_medical/mri_pet/mri fusion_medical/mri_pet/pet', 'mri_pet'),
    ('fusion_medical/mri_spect/mri fusion_medical/mri_spect/spect',
     'mri_spect'),
    ('fusion_mef/test/under fusion_mef/test/over', 'mef'),
    ('fusion_mff/test/a fusion_mff/test/b', 'mff'),
])
def test_real_pairs(real_data, folders, task):
    first, second = (real_data / part for part in folders.split())
    if not first.is_dir():
        pytest.skip(f'no {first.name}')
    dataset = PairedImageDataset(
        task=task, data_prefix=dict(
            zip((f'{name}_path' for name in TASKS[task].modalities),
                map(str, (first, second)), strict=True)))
    info = dataset.get_data_info(0)
    fuse = FusionInferencer(load_config(RULE, {'model.task': task}),
                            device='cpu')
    names = list(TASKS[task].modalities)
    result = fuse(*(info[f'{name}_path'] for name in names))['fused']
    assert result.shape == read(info[f'{names[0]}_path']).shape
    assert result.std() > 10


def test_exported_file_and_another_task(call, tmp_path, capsys):
    first, second = pairs(tmp_path, 'mri_pet')
    onnx = tmp_path / 'a.onnx'
    assert call('deployment/export.py', RULE, 'none', '--out', onnx, '--opset',
                13, '--shape', *SIZE, '--cfg-options',
                'model.task=mri_pet') == 0
    flags = [RULE, onnx, '--vis', first, '--ir', second, '--out-dir']
    assert call('test_fusion.py', *flags, tmp_path / 'bad') == 2
    assert "config of task 'mri_pet'" in capsys.readouterr().err
    assert call('test_fusion.py', *flags, tmp_path / 'a', '--task',
                'mri_pet') == 0
    assert call('test_fusion.py', RULE, '--device', 'cpu', *flags[2:],
                tmp_path / 'b', '--task', 'mri_pet') == 0
    for stem in '01':
        gap = np.abs(
            read(tmp_path / 'a' / f'{stem}.png').astype(int) -
            read(tmp_path / 'b' / f'{stem}.png'))
        assert gap.max() <= 1
