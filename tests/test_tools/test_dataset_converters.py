"""Converters on small fabricated trees, checked through the datasets."""
import re

import cv2
import numpy as np
import pytest

from mmfusion.datasets import (MFNetDataset, MSRSDataset, PairedImageDataset,
                               PatchFileDataset)
from tests.support.converter_cases import read, run, tool, write

SIZE = (24, 32)


def image(seed, channels=3, size=SIZE):
    shape = (*size, channels) if channels > 1 else size
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def label(seed, top=9, size=SIZE):
    return np.random.default_rng(seed).integers(0, top, size, np.uint8)


def no_drafts(folder):
    return not [path for path in folder.rglob('.*') if path.is_file()]


@pytest.fixture
def mfnet(tmp_path):
    raw = tmp_path / 'raw'
    stems = ['00001D', '00002N', '00003D', '00004N']
    for k, stem in enumerate(stems):
        write(raw / 'images' / f'{stem}.png', image(k, 4))
        write(raw / 'labels' / f'{stem}.png', label(k))
    write(raw / 'images' / '00001D_flip.png', image(0, 4))
    (raw /
     'train.txt').write_text('00001D\n00002N\n00001D_flip\n00002N_flip\n')
    (raw / 'val.txt').write_text('00003D\n')
    (raw / 'test.txt').write_text('00004N\n')
    return raw


@pytest.mark.parametrize('workers', [0, 2])
def test_mfnet(mfnet, tmp_path, workers, capsys):
    out = tmp_path / 'out'
    assert run('mfnet', mfnet, out, workers=workers) == 0
    stored = image(1, 4)
    np.testing.assert_array_equal(read(out / 'vis/00002N.png'),
                                  stored[..., :3])
    np.testing.assert_array_equal(read(out / 'ir/00002N.png'), stored[..., 3])
    np.testing.assert_array_equal(read(out / 'labels/00002N.png'), label(1))
    assert (out / 'train.txt').read_text() == '00001D\n00002N\n'
    assert not list(out.rglob('*_flip*')) and no_drafts(out)
    dataset = MFNetDataset(data_root=str(out), ann_file='train.txt',
                           pipeline=[])
    assert len(dataset) == 2
    assert dataset[0]['ir_path'].endswith('ir/00001D.png')
    assert '2 stems' in capsys.readouterr().out


def test_mfnet_with_flip(mfnet, tmp_path):
    out = tmp_path / 'out'
    assert run('mfnet', mfnet, out, '--with-flip') == 0
    stored = image(0, 4)[:, ::-1]
    np.testing.assert_array_equal(read(out / 'vis/00001D_flip.png'),
                                  stored[..., :3])
    np.testing.assert_array_equal(read(out / 'ir/00001D_flip.png'), stored[...,
                                                                           3])
    np.testing.assert_array_equal(read(out / 'labels/00001D_flip.png'),
                                  label(0)[:, ::-1])
    assert (out / 'train.txt').read_text().split() == [
        '00001D', '00002N', '00001D_flip', '00002N_flip'
    ]
    assert not (out / 'vis/00003D_flip.png').exists()
    dataset = MFNetDataset(data_root=str(out), ann_file='train.txt',
                           flip_copies=True, pipeline=[])
    assert len(dataset) == 4


def break_channels(raw):
    write(raw / 'images/00002N.png', image(1, 3))
    return 'RGB . thermal'


def break_label_range(raw):
    write(raw / 'labels/00002N.png', label(1) + 7)
    return r'0\.\.8'


def break_label_size(raw):
    write(raw / 'labels/00002N.png', label(1, size=(8, 8)))
    return 'expected a label map as large as its image, 24x32, got 8x8'


def break_file(raw):
    path = raw / 'images/00002N.png'
    path.write_bytes(path.read_bytes()[:200])
    return 'truncated'


def break_label_away(raw):
    (raw / 'labels/00002N.png').unlink()
    return 'none'


@pytest.mark.parametrize('damage', [
    break_channels, break_label_range, break_label_size, break_file,
    break_label_away
])
def test_mfnet_goes_on_after_a_bad_file(mfnet, tmp_path, damage, capsys):
    words = damage(mfnet)
    out = tmp_path / 'out'
    assert run('mfnet', mfnet, out) == 1
    message = capsys.readouterr().err
    assert '00002N.png' in message and '1 of 4 pairs failed' in message
    assert re.search(words, message)
    assert not list(out.rglob('00002N*')) and no_drafts(out)
    assert (out / 'train.txt').read_text() == '00001D\n'
    assert (out / 'vis/00004N.png').exists()


def test_mfnet_listed_but_missing(mfnet, tmp_path, capsys):
    (mfnet / 'val.txt').write_text('00003D\n00099D\n')
    assert run('mfnet', mfnet, tmp_path / 'out') == 1
    assert '00099D.png' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['mfnet', 'msrs', 'plain_pairs'])
def test_bad_folders(name, tmp_path, capsys):
    for source, out, words in ((tmp_path / 'nowhere', tmp_path / 'out',
                                'nowhere'), (tmp_path, tmp_path / 'out',
                                             'out')):
        with pytest.raises(SystemExit) as stop:
            run(name, source, out)
        assert stop.value.code == 2
        assert words in capsys.readouterr().err
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit) as stop:
        run(name, tmp_path / 'empty', tmp_path / 'out')
    assert stop.value.code == 2
    assert 'expected' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'name', ['mfnet', 'msrs', 'plain_pairs', 'make_synthetic_rgbt'])
def test_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        tool(name).main(['--help'])
    assert stop.value.code == 0
    assert '--workers' in capsys.readouterr().out


@pytest.fixture
def msrs(tmp_path):
    raw = tmp_path / 'raw'
    for k, (split, stem) in enumerate(
        (('train', '00001D'), ('train', '00002N'), ('test', '00003D'))):
        write(raw / split / 'vi' / f'{stem}.png', image(k))
        write(raw / split / 'ir' / f'{stem}.png', image(k, 1))
        seg = np.zeros(SIZE, np.uint8)
        seg[8:16, 8:20] = k + 1
        seg[16:20, 8:20] = 7
        write(raw / split / 'Segmentation_labels' / f'{stem}.png', seg)
    return raw


def test_msrs(msrs, tmp_path):
    out = tmp_path / 'out'
    assert run('msrs', msrs, out, '--maps', workers=2) == 0
    np.testing.assert_array_equal(read(out / 'train/vi/00002N.png'), image(1))
    seg = read(out / 'train/label/00002N.png')
    binary = read(out / 'train/bi/00002N.png')
    np.testing.assert_array_equal(binary, (seg > 0) * 255)
    np.testing.assert_array_equal(read(out / 'train/mask/00002N.png'),
                                  (seg == 2) * 255)
    boundary = read(out / 'train/bd/00002N.png')
    assert set(np.unique(boundary)) == {0, 255}
    assert boundary[8, 8] == 255 and boundary[12, 14] == 0
    assert not (out / 'test/bi').exists() and no_drafts(out)
    dataset = MSRSDataset(data_root=str(out / 'train'), pipeline=[])
    assert len(dataset) == 2 and 'boundary_path' in dataset[0]
    assert len(MSRSDataset(data_root=str(out / 'test'), pipeline=[])) == 1


def test_msrs_links_and_label_folder(msrs, tmp_path):
    (msrs / 'train/Segmentation_labels').rename(msrs / 'train/label')
    out = tmp_path / 'out'
    assert run('msrs', msrs, out, '--link') == 0
    path = out / 'train/label/00001D.png'
    assert path.resolve() == (msrs / 'train/label/00001D.png').resolve()
    assert not (out / 'train/bi').exists()
    assert run('msrs', msrs, out) == 0
    assert not path.is_symlink()


def test_msrs_names_bad_pairs(msrs, tmp_path, capsys):
    write(msrs / 'train/ir/00001D.png', image(0, 1, (24, 30)))
    (msrs / 'test/ir/00003D.png').unlink()
    out = tmp_path / 'out'
    assert run('msrs', msrs, out) == 1
    message = capsys.readouterr().err
    assert 'equal size, got 24x32' in message and '24x30' in message
    assert 'test/ir/00003D.png' in message and '2 of 3 pairs' in message
    assert [path.name for path in out.rglob('*.png')] == ['00002N.png'] * 3


def test_plain_splits_with_labels(tmp_path, capsys):
    src, out = tmp_path / 'src', tmp_path / 'out'
    for k, (split, stem) in enumerate(
        (('train', 'a'), ('train', 'b'), ('val', 'c'))):
        write(src / split / 'vi' / f'{stem}.jpg', image(k))
        write(src / split / 'ir' / f'{stem}.png', image(k, 1))
        write(src / split / 'label' / f'{stem}.png', label(k, 3))
    (src / 'notes').mkdir()
    assert run('plain_pairs', src, out, '--num-classes', 3) == 0
    assert (out / 'vis/a.jpg').read_bytes() == (src /
                                                'train/vi/a.jpg').read_bytes()
    assert (out / 'train.txt').read_text() == 'a\nb\n'
    printed = capsys.readouterr().out
    share = np.mean(label(2, 3) == 1)
    assert 'train: 2 pairs; 24x32 (2)' in printed
    assert f'1: {share:.1%}' in printed.splitlines()[-1]
    dataset = PairedImageDataset(data_root=str(out), ann_file='val.txt',
                                 data_prefix=dict(seg_map_path='label'),
                                 metainfo=dict(classes=('x', 'y', 'z')),
                                 pipeline=[])
    assert len(dataset) == 1 and dataset[0]['stem'] == 'c'


@pytest.mark.parametrize('pair', [('under', 'over'), ('a', 'b'), ('ct', 'mri'),
                                  ('Visible', 'Infrared')])
def test_plain_known_pairs(tmp_path, pair):
    src, out = tmp_path / 'src', tmp_path / 'out'
    write(src / 'test' / pair[0] / '1.png', image(0))
    write(src / 'test' / pair[1] / '1.png', image(1))
    assert run('plain_pairs', src, out) == 0
    np.testing.assert_array_equal(read(out / 'vis/1.png'), image(0))
    np.testing.assert_array_equal(read(out / 'ir/1.png'), image(1))
    assert not (out / 'label').exists()


def test_plain_own_names_links_and_equal_stems(tmp_path):
    src, out = tmp_path / 'src', tmp_path / 'out'
    for split in ('x', 'y'):
        write(src / split / 'cam' / '1_c.png', image(0))
        write(src / split / 'heat' / '1_h.png', image(1, 1))
    assert run('plain_pairs', src, out, '--vis', 'cam', '--ir', 'heat',
               '--vis-stem', '{stem}_c', '--ir-stem', '{stem}_h',
               '--link') == 0
    assert (out / 'x.txt').read_text() == 'x/1\n'
    link = out / 'ir/y/1.png'
    assert link.is_symlink()
    assert link.resolve() == (src / 'y/heat/1_h.png').resolve()
    dataset = PairedImageDataset(data_root=str(out), ann_file='y.txt',
                                 pipeline=[])
    assert len(dataset) == 1


def test_plain_reports_bad_pairs(tmp_path, capsys):
    src, out = tmp_path / 'src', tmp_path / 'out'
    for k in range(6):
        write(src / 'vis' / f'{k}.png', image(k))
        write(src / 'ir' / f'{k}.png', image(k, 1))
        write(src / 'label' / f'{k}.png', label(k, 2))
    (src / 'ir/0.png').unlink()
    (src / 'vis/1.png').unlink()
    (src / 'label/2.png').unlink()
    write(src / 'label/3.png', label(3, 2) + 4)
    (src / 'vis/4.png').write_bytes(b'no image')
    assert run('plain_pairs', src, out, '--num-classes', 2) == 1
    message = capsys.readouterr().err
    for words in ("'ir' for", 'vis/0.png', "'vis' for", 'ir/1.png',
                  "'label' for", 'vis/2.png', 'label/3.png', 'vis/4.png',
                  '5 of 6 pairs failed'):
        assert words in message
    assert (out / 'all.txt').read_text() == '5\n'
    assert sorted(path.name for path in out.rglob('*.png')) == ['5.png'] * 3
    assert no_drafts(out)


def test_plain_bad_arguments(tmp_path, capsys):
    write(tmp_path / 'src/vis/1.png', image(0))
    write(tmp_path / 'src/ir/1.png', image(0))
    for arguments, words in ((['--vis', 'vis'], '--ir'), (['--num-classes',
                                                           0], 'num_classes'),
                             (['--vis-stem',
                               'x'], 'stem'), (['--vis', 'p', '--ir',
                                                'q'], 'p and q')):
        with pytest.raises(SystemExit) as stop:
            run('plain_pairs', tmp_path / 'src', tmp_path / 'out', *arguments)
        assert stop.value.code == 2
        assert words in capsys.readouterr().err


def test_synthetic_command(tmp_path, capsys):
    out = tmp_path / 'out'
    arguments = ['--out', out, '--train', 2, '--val', 1, '--size', 48, 64]
    run('make_synthetic_rgbt', *arguments)
    assert '2 training and 1 validation pairs of 48x64' in (
        capsys.readouterr().out)
    assert len(list(out.rglob('*.png'))) == 9
    with pytest.raises(SystemExit) as stop:
        run('make_synthetic_rgbt', *arguments, '--night-ratio', 2)
    assert stop.value.code == 2
    assert 'night_ratio' in capsys.readouterr().err


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('form', ['folder', 'file'])
@pytest.mark.parametrize('grey', [False, True])
def test_patches(tmp_path, grey, form, workers):
    """Whole patches alone, rows before columns, without loss."""
    for seed, (stem, size) in enumerate(
        (('a/one', (20, 33)), ('two', (16, 16)))):
        write(tmp_path / f'vis/{stem}.png', image(seed, size=size))
        write(tmp_path / f'ir/{stem}.png', image(9 + seed, 1, size))
    flags = ['--grey'] if grey else []
    out = tmp_path / 'out'
    assert run('make_patches', out, '--vis', tmp_path / 'vis', '--ir',
               tmp_path / 'ir', '--size', 16, '--stride', 8, '--format', form,
               *flags, workers=workers) == 0
    assert no_drafts(out)
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    kind = PatchFileDataset if form == 'file' else PairedImageDataset
    dataset = kind(data_root=str(out), pipeline=pipeline)
    expected = {}
    for stem, places in (('a/one', [(0, 0), (0, 1),
                                    (0, 2)]), ('two', [(0, 0)])):
        vis, ir = (read(tmp_path / f'{kind}/{stem}.png')
                   for kind in ('vis', 'ir'))
        if grey:
            vis = cv2.cvtColor(vis, cv2.COLOR_BGR2GRAY)[..., None].repeat(3, 2)
        for row, column in places:
            window = np.s_[8 * row:8 * row + 16, 8 * column:8 * column + 16]
            expected[f'{stem}_{row:03d}_{column:03d}'] = np.dstack(
                (vis[window], ir[window])).transpose(2, 0, 1)
    found = {
        sample['data_samples'].metainfo['stem']: sample['inputs'].numpy()
        for sample in dataset
    }
    assert list(found) == list(expected)
    for stem, patch in expected.items():
        assert np.array_equal(found[stem], patch), stem


def test_patches_of_what_does_not_fit(tmp_path, capsys):
    for stem, size in (('big', (20, 20)), ('small', (12, 40))):
        write(tmp_path / f'vis/{stem}.png', image(0, size=size))
        write(tmp_path / f'ir/{stem}.png', image(1, 1, size))
    folders = ['--vis', tmp_path / 'vis', '--ir', tmp_path / 'ir']
    out = tmp_path / 'out'
    assert run('make_patches', out, *folders, '--size', 16, '--format',
               'file') == 1
    assert re.search('small.png: expected sides of at least 16',
                     capsys.readouterr().err)
    assert (out / 'patches.txt').read_text() == 'big_000_000\n'
    assert run('make_patches', tmp_path / 'one', *folders, '--size', 8,
               '--limit', 1) == 0
    assert len(list((tmp_path / 'one/vis').iterdir())) == 4
    write(tmp_path / 'ir/lonely.png', image(1, 1))
    for wrong in (folders, [*folders, '--size', 0]):
        with pytest.raises(SystemExit):
            run('make_patches', tmp_path / 'two', *wrong)
    assert 'no partner' in capsys.readouterr().err
