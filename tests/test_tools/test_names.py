"""Names that are no UTF-8, have line breaks, quotes, dashes, tags: fused,
scored and converted as any others, and told in one line each."""
import csv
import json

import numpy as np
import pytest

from mmfusion.datasets import PairedImageDataset
from mmfusion.utils.errors import UsageError, one_line, printable
from mmfusion.utils.files import opencv_path
from mmfusion.video import VideoWriter, open_source
from tests.support.converter_cases import run
from tests.support.image_files import NAMES, write_named_pairs, write_png

ALL = set(NAMES.values())
FUSE = ('test_fusion.py', 'mmfusion::fusers/laplacian_pyramid.py', '--device',
        'cpu')


@pytest.fixture
def pairs(tmp_path):
    write_named_pairs(tmp_path)
    return '--vis', tmp_path / 'vis', '--ir', tmp_path / 'ir'


def stems(folder):
    return {path.stem for path in folder.glob('*.png')}


def test_fused_and_scored(pairs, call, tmp_path, capsys):
    # the output folder's name is none either
    out = tmp_path / NAMES['no UTF-8']
    assert call(*FUSE, *pairs, '--out-dir', out, '--eval', 'EN', '--show-dir',
                tmp_path / 'panels') == 0
    assert stems(out) == stems(tmp_path / 'panels') == ALL
    text = (out / 'fusion_metrics.csv').read_text(encoding='utf-8')
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    assert len(rows) == len(ALL) and NAMES['line break'] in text
    scores = tmp_path / 'scores'
    assert call('analysis_tools/evaluate_fusion.py', '--fused', out, *pairs,
                '--metrics', 'EN', '--out', scores, '--workers', 2) == 0
    assert '\\udcc4' in (scores / 'summary.md').read_text(encoding='utf-8')
    method, = json.loads(
        (scores / 'summary.json').read_text())['methods'].values()
    assert method['images'] == len(ALL)
    assert '\\udcc4' in capsys.readouterr().out


def test_failures_are_told_in_a_line_each(pairs, call, tmp_path, capsys):
    for name in (NAMES['no UTF-8'], NAMES['line break']):
        (tmp_path / 'ir' / f'{name}.png').write_bytes(b'no image')
    (tmp_path / 'vis' / f'{NAMES["dashes"]}.png').unlink()
    out = tmp_path / 'out'
    assert call(*FUSE, *pairs, '--out-dir', out) == 1
    told = [
        line for line in capsys.readouterr().err.splitlines()
        if line.startswith(('failed: ', 'no partner: '))
    ]
    assert len(told) == 3
    assert any('two\\nlines: ' in line for line in told)
    assert any('\\udcc4' in line for line in told)
    assert stems(out) == ALL - {
        NAMES['no UTF-8'], NAMES['line break'], NAMES['dashes']
    }
    assert call('analysis_tools/evaluate_fusion.py', '--fused', out, *pairs,
                '--metrics', 'EN', '--out', tmp_path / 'scores', '--workers',
                1) == 1
    problems = [
        line for line in capsys.readouterr().err.splitlines()
        if line.startswith('problem: ')
    ]
    assert any('two\\nlines' in line for line in problems)


def test_converted(pairs, tmp_path, capsys):
    assert run('plain_pairs', tmp_path, tmp_path.with_name('converted')) == 1
    error = capsys.readouterr().err
    assert 'two\\nlines' in error and '1 of 9 pairs failed' in error
    data = PairedImageDataset(str(tmp_path.with_name('converted')),
                              ann_file='all.txt', pipeline=[])
    assert {sample['stem'] for sample in data} == ALL - {NAMES['line break']}


def test_hidden_folders_are_no_splits(tmp_path):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    image = np.zeros((8, 8), np.uint8)
    for split in ('train', '__MACOSX', '.ipynb_checkpoints'):
        for kind in ('vis', 'ir'):
            write_png(raw / split / kind / f'{split}.png', image)
    write_png(raw / 'train' / 'vis' / '._train.png', image)
    assert run('plain_pairs', raw, out) == 0
    assert [path.name for path in out.glob('*.txt')] == ['train.txt']
    scenes = tmp_path / 'scenes'
    write_png(raw / 'train' / 'vis' / 'other.png', image)
    (raw / 'train' / 'ir' / 'train.png').unlink()
    assert run('scene_folders', raw, scenes, '--task', 'ivf', '--match',
               'train*', 'other*') == 0
    assert [path.name for path in scenes.glob('vis/*')] == ['train_vis.png']


def test_what_opencv_would_crash_on(tmp_path):
    name = f'{NAMES["no UTF-8"]}.mp4'
    with pytest.raises(UsageError, match=r'UTF-8.*\\udcc4'):
        opencv_path(name)
    with pytest.raises(UsageError, match='udcc4'):
        VideoWriter(name, 25.)
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match='udcc4'):
        open_source(tmp_path / name)
    assert opencv_path('weiß.mp4') == 'weiß.mp4'


def test_printable():
    assert printable('weiß 夜\n\x1b[0m\udcc4') == 'weiß 夜\\n\\x1b[0m\\udcc4'
    assert one_line(ValueError('a\n  b\udcc4')) == 'a b\\udcc4'
    assert one_line(ValueError()) == 'ValueError'
