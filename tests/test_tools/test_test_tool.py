"""Scoring: the table, the files, and checkpoints that do not fit."""
import csv
import json

import cv2
import numpy as np
import pytest

from mmfusion.utils.files import write_json
from tests.support import tiny_project


@pytest.fixture
def score(trained, tmp_path, call):
    """Run ``test.py`` on the trained stage 2; give the work dir."""

    def run(*flags, config='stage2.py', checkpoint='stage2/iter_2.pth'):
        assert call('test.py', trained / 'configs' / 'fusers' / config,
                    trained / checkpoint, '--work-dir', tmp_path, *flags) == 0
        return tmp_path

    return run


def metrics_of(work_dir):
    file, = work_dir.glob('eval_*.json')
    return json.loads(file.read_text())


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_table_json_and_label_maps_agree(trained, score, capfd):
    work_dir = score('--eval', 'mIoU', 'mDice', 'mFscore', '--out',
                     trained / 'maps', '--cfg-options', 'log_level=INFO',
                     'experiment_name=table')  # a logger of its own
    text = ''.join(capfd.readouterr())
    for name in ('person', 'car_stop', 'IoU', 'Dice', 'Fscore'):
        assert name in text
    content = metrics_of(work_dir)
    assert content['config'].endswith('stage2.py')
    assert content['checkpoint'].endswith('stage2/iter_2.pth')
    # the same score, from the files
    hits, union = np.zeros(9), np.zeros(9)
    for label in sorted((trained / 'data' / 'labels').iterdir()):
        truth, guess = read(label), read(trained / 'maps' / label.name)
        assert guess.shape == tiny_project.SIZE and guess.dtype == np.uint8
        for k in range(9):
            hits[k] += ((truth == k) & (guess == k)).sum()
            union[k] += ((truth == k) | (guess == k)).sum()
    assert content['metric']['mIoU'] == pytest.approx(
        100 * np.mean(hits / union), abs=0.006)
    assert {'mDice', 'mFscore', 'aAcc'} <= set(content['metric'])


def test_predictions_have_the_native_size_behind_a_resize(trained, score):
    base = trained / 'configs' / 'fusers'
    (base / 'resized.py').write_text(
        '_base_ = "./stage2.py"\n'
        'test_dataloader = dict(dataset=dict(pipeline=[\n'
        '    _base_.load[0], dict(type="Resize", scale=(112, 80)),\n'
        '    _base_.load[1], *_base_.pack]))\n')
    work_dir = score('--out', trained / 'large', config='resized.py')
    assert read(trained / 'large' / '000.png').shape == tiny_project.SIZE
    assert 'mIoU' in metrics_of(work_dir)['metric']


@pytest.mark.parametrize('flag', ['--tta', '--aug-test'])
def test_tta(score, flag):
    assert 0 <= metrics_of(score(flag))['metric']['mIoU'] <= 100


def test_show_dir_gets_every_sample(trained, score):
    score('--show-dir', trained / 'panels', '--opacity', '0.5')
    names = sorted(path.name for path in (trained / 'panels').iterdir())
    assert names == ['000.png', '001.png', '002.png']
    height, width = tiny_project.SIZE
    panel = read(trained / 'panels' / '000.png')
    assert panel.shape[0] > height and panel.shape[1] > 5 * width


def test_format_only_scores_nothing(score):
    work_dir = score('--format-only')
    assert len(list((work_dir / 'predictions').glob('*.png'))) == 3
    assert not list(work_dir.glob('eval_*.json'))


@pytest.mark.parametrize('checkpoint, message', [
    ('stage1/iter_2.pth', 'missing: segmentor.'),
    ('stage1/nowhere.pth', 'which does not exist'),
])
def test_wrong_checkpoint(trained, call, capsys, tmp_path, checkpoint,
                          message):
    config = trained / 'configs' / 'fusers' / 'stage2.py'
    assert call('test.py', config, trained / checkpoint, '--work-dir',
                tmp_path) == 2
    text = capsys.readouterr().err
    assert message in text and 'Traceback' not in text


def test_unknown_metric(trained, call, capsys):
    config = trained / 'configs' / 'fusers' / 'stage2.py'
    assert call('test.py', config, trained / 'stage2' / 'iter_2.pth', '--eval',
                'mAP') == 2
    assert "['mIoU', 'mDice', 'mFscore']" in capsys.readouterr().err


NAMES = ['EN', 'SD', 'CC', 'PSNR']


def fusion_of(work_dir):
    """What FusionMetric wrote, by name."""
    return {
        name: value for name, value in metrics_of(work_dir)['metric'].items()
        if name.startswith('fusion/')
    }


def test_eval_of_fused_images(trained, score, call, tmp_path):
    """The scores of the files that test_fusion.py writes."""
    work_dir = score('--eval', *NAMES)
    assert set(metrics_of(work_dir)['metric']) == {
        f'fusion/{name}' for name in NAMES
    }
    with open(work_dir / 'fusion_metrics.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'] for row in rows] == ['000', '001', '002']
    out = tmp_path / 'fused'
    assert call('test_fusion.py', trained / 'configs/fusers/stage2.py',
                trained / 'stage2' / 'iter_2.pth', '--device', 'cpu',
                '--out-dir', out, '--eval', ','.join(NAMES)) == 0
    saved = json.loads((out / 'fusion_metrics.json').read_text())
    for name, value in saved['methods']['fused']['mean'].items():
        assert fusion_of(work_dir)[f'fusion/{name}'] == pytest.approx(
            value, rel=1e-3)


def test_eval_of_fused_images_and_labels(score):
    work_dir = score('--eval', 'mIoU', *NAMES, '--tta')
    found = metrics_of(work_dir)['metric']
    assert 'mIoU' in found and len(fusion_of(work_dir)) == len(NAMES)


def test_eval_of_a_stage_that_only_fuses(score):
    work_dir = score('--eval', *NAMES, config='stage1.py',
                     checkpoint='stage1/iter_2.pth')
    assert len(fusion_of(work_dir)) == len(NAMES)


def test_fused_images_behind_a_resize_are_scored_at_full_size(trained, score):
    base = trained / 'configs' / 'fusers'
    (base / 'double.py').write_text(
        '_base_ = "./stage2.py"\n'
        'test_dataloader = dict(dataset=dict(pipeline=[\n'
        '    _base_.load[0], dict(type="Resize", scale=(112, 80)),\n'
        '    _base_.load[1], *_base_.pack]))\n')
    assert len(fusion_of(score('--eval', *NAMES, config='double.py'))) == 4


def test_config_without_a_test_set(trained, call, capsys):
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    assert call('test.py', config, trained / 'stage1' / 'iter_2.pth') == 2
    assert 'test_fusion.py' in capsys.readouterr().err


def test_json_without_nan(tmp_path):
    write_json(tmp_path / 'a.json', dict(m=dict(x=float('nan'), y=1.5)))
    text = (tmp_path / 'a.json').read_text()
    assert json.loads(
        text, parse_constant=pytest.fail) == dict(m=dict(x=None, y=1.5))
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']


def test_images_of_several_sizes_share_a_batch(trained, call, tmp_path):
    """Labels and scores are those of one image at a time."""
    data, heights = tmp_path / 'data', (40, 52, 40, 46)
    tiny_project.write_pairs(data, count=4, size=(56, 64))
    for path in data.rglob('*.png'):
        assert cv2.imwrite(str(path), read(path)[:heights[int(path.stem)]])
    found = []
    for batch in (1, 4):
        out = tmp_path / f'out{batch}'
        assert call('test.py', trained / 'configs' / 'fusers' / 'stage2.py',
                    trained / 'stage2/iter_2.pth', '--work-dir', out, '--eval',
                    'mIoU', 'SD', 'MI', '--out', out / 'maps', '--cfg-options',
                    f'test_dataloader.dataset.data_root={data}',
                    f'test_dataloader.batch_size={batch}') == 0
        with open(out / 'fusion_metrics.csv', newline='') as file:
            rows = list(csv.DictReader(file))
        assert [row['image'] for row in rows] == ['000', '001', '002', '003']
        maps = [read(out / 'maps' / f'{row["image"]}.png') for row in rows]
        assert [len(labels) for labels in maps] == [*heights]
        found.append((rows, maps, metrics_of(out)['metric']))
    alone, together = found
    for one, other in zip(alone[0], together[0], strict=True):
        for name in ('SD', 'MI'):
            assert float(one[name]) == pytest.approx(float(other[name]),
                                                     abs=1e-3)
    for one, other in zip(alone[1], together[1], strict=True):
        assert (one == other).mean() > 0.999
    assert together[2]['mIoU'] == pytest.approx(alone[2]['mIoU'], abs=0.1)
