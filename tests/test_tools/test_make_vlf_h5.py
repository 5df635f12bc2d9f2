"""VLF layout to HDF5 and back, against the recipe of the reference."""
import re
import sys
import types
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from mmfusion.datasets import FusionH5Dataset
from mmfusion.fileio import read_h5
from tests.support.h5_cases import feature
from tests.support.small_disk import file_limit

TOOL = (Path(__file__).resolve().parents[2] /
        'tools/dataset_converters/make_vlf_h5.py')
FOLDERS = dict(IVF=('IR', 'VI'), MIF=('MRI', 'T'), MEF=('OVER', 'UNDER'),
               MFF=('NEAR', 'FAR'))


@pytest.fixture(scope='module')
def tool():
    module = types.ModuleType('make_vlf_h5')
    sys.modules[module.__name__] = module
    exec(compile(TOOL.read_text(), str(TOOL), 'exec'), module.__dict__)
    return module


def image(seed, size=(24, 32), channels=(3, )):
    rng = np.random.RandomState(seed)
    return rng.randint(0, 256, (*size, *channels)).astype(np.uint8)


def grey(bgr):
    """The recipe in double precision: 0.299 R + 0.587 G + 0.114 B."""
    return np.rint(bgr.astype(np.float64) @ [0.114, 0.587, 0.299])


def write(root, task='IVF', split='train', sizes=((24, 32), (24, 32)),
          level='Image/'):
    """Two pairs, the second one grey; a name with dots in the list."""
    base = root / f'{level}{task}' / 'Tiny'
    for index, (name, size) in enumerate(zip(('1', '2'), sizes, strict=True)):
        for offset, folder in enumerate(FOLDERS[task]):
            (base / folder).mkdir(parents=True, exist_ok=True)
            picture = image(10 * index + offset, size, (3, ) if index == 0 else
                            ())
            cv2.imwrite(str(base / folder / f'{name}.png'), picture)
        text = root / 'TextFeature' / task / 'Tiny'
        text.mkdir(parents=True, exist_ok=True)
        np.save(text / f'{name}.npy', feature(index, 4)[None])
    (base / f'{split}.txt').write_text('1.png\n2.a.png\n')
    return root


def pack(tool, root, out, *flags):
    return tool.main(
        ['pack', str(root),
         str(out), '--dataset', 'Tiny', *flags])


def test_deep_pairs_of_two_sizes(tool, tmp_path):
    """As the 8-bit pair of one size that says the same."""
    root = write(tmp_path / 'VLF')
    folder = root / 'Image/IVF/Tiny/IR'
    for name in '12':
        picture = cv2.imread(str(folder / f'{name}.png'), 0)[:12, :16]
        cv2.imwrite(str(folder / f'{name}.png'), cv2.resize(picture, (32, 24)))
    assert pack(tool, root, tmp_path / 'plain.h5') == 0
    for name in '12':
        picture = cv2.imread(str(folder / f'{name}.png'), 0)
        counts = (7000 + 8 * picture.astype(int)).astype(np.uint16)
        cv2.imwrite(str(folder / f'{name}.png'), counts)
    flags = ('--uint16-range', '7000', '9040')
    assert pack(tool, root, tmp_path / 'deep.h5', *flags) == 0
    np.testing.assert_array_equal(read_h5(f'{tmp_path}/deep.h5:imageA/1'),
                                  read_h5(f'{tmp_path}/plain.h5:imageA/1'))
    cv2.imwrite(str(folder / '1.png'), counts[:12, :16])
    assert pack(tool, root, tmp_path / 'x.h5', *flags) == 1
    assert pack(tool, root, tmp_path / 'x.h5', *flags, '--on-size-mismatch',
                'resize_ir') == 0


@pytest.mark.parametrize('level', ['Image/', ''])
@pytest.mark.parametrize('split', ['train', 'test'])
def test_native(tool, tmp_path, split, level):
    out = tmp_path / 'x.h5'
    assert pack(tool, write(tmp_path / 'VLF', split=split, level=level), out,
                '--split', split) == 0
    a = read_h5(f'{out}:imageA/1')
    assert a.shape == (1, 24, 32) and a.dtype == np.float32
    np.testing.assert_array_equal(
        a[0],
        grey(image(0)).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(
        read_h5(f'{out}:imageB/2')[0],
        image(11, channels=()) / np.float32(255))
    text = read_h5(f'{out}:text/2')
    assert text.shape == (1, 4, 16)
    np.testing.assert_array_equal(text[0], feature(1, 4))
    dataset = FusionH5Dataset(
        str(out), pipeline=[
            dict(type='LoadFusionPair'),
            dict(type='LoadTextFeatures'),
            dict(type='PackFusionInputs')
        ])
    assert len(dataset) == 2
    assert dataset[0]['inputs'].shape == (4, 24, 32)


def test_grey_is_not_that_of_8_bit_images(tool):
    picture = image(0, (600, 700))
    got = tool.to_grey(picture)
    want = grey(picture)
    # a tie of double precision may fall to either side in single
    exact = (picture.astype(np.int64) @ [114, 587, 299]) % 1000 == 500
    np.testing.assert_array_equal(got[~exact], want[~exact])
    assert abs(got - want).max() <= 1
    other = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    share = (got != other).mean()
    assert 0.0005 < share < 0.003 and abs(got - other).max() == 1


@pytest.mark.parametrize('task', ['IVF', 'MEF', 'MFF'])
def test_small(tool, tmp_path, task):
    """Landscape as it is; portrait and square upright, then transposed."""
    root = write(tmp_path / 'VLF', task, sizes=((24, 32), (40, 40)))
    out = tmp_path / 'x.h5'
    assert pack(tool, root, out, '--task', task, '--size', 'small') == 0
    wide = cv2.resize(grey(image(0)).astype(np.float32), (384, 288))
    np.testing.assert_allclose(
        read_h5(f'{out}:imageA/1')[0], wide / 255, atol=1e-6)
    square = cv2.resize(image(11, (40, 40), ()).astype(np.float32), (288, 384))
    got = read_h5(f'{out}:imageB/2')[0]
    assert got.shape == (288, 384)
    np.testing.assert_allclose(got, square.T / 255, atol=1e-6)


def test_image_a_decides_for_both(tool, tmp_path):
    """Sizes may differ in small files; image A's shape is looked at."""
    root = write(tmp_path / 'VLF')
    tall = image(1, (50, 30))
    cv2.imwrite(str(root / 'Image/IVF/Tiny/VI/1.png'), tall)
    out = tmp_path / 'x.h5'
    assert pack(tool, root, out, '--size', 'small') == 0
    want = cv2.resize(grey(tall).astype(np.float32), (384, 288))
    np.testing.assert_allclose(
        read_h5(f'{out}:imageB/1')[0], want / 255, atol=1e-6)


@pytest.mark.parametrize('task, split', [('IVF', 'test'), ('MIF', 'train')])
def test_small_has_no_effect(tool, tmp_path, task, split, capsys):
    out = tmp_path / 'x.h5'
    assert pack(tool, write(tmp_path / 'VLF', task, split), out, '--task',
                task, '--split', split, '--size', 'small') == 0
    assert read_h5(f'{out}:imageA/1').shape == (1, 24, 32)
    assert 'native size' in capsys.readouterr().err


def test_there_and_back(tool, tmp_path):
    root, out = write(tmp_path / 'VLF', 'MFF'), tmp_path / 'x.h5'
    flags = ['--task', 'MFF', '--split', 'train', '--dataset', 'Tiny']
    assert pack(tool, root, out, *flags) == 0
    back = tmp_path / 'back'
    assert tool.main(['unpack', str(out), str(back), *flags]) == 0
    near = cv2.imread(str(back / 'Image/MFF/Tiny/NEAR/1.png'),
                      cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(near, grey(image(0)))
    assert (back / 'Image/MFF/Tiny/train.txt').read_text() == '1.png\n2.png\n'
    again = tmp_path / 'again.h5'
    assert pack(tool, back, again, *flags) == 0
    for group in ('imageA', 'imageB', 'text'):
        for name in '12':
            np.testing.assert_array_equal(read_h5(f'{again}:{group}/{name}'),
                                          read_h5(f'{out}:{group}/{name}'))


def lose_image(root):
    (root / 'Image/IVF/Tiny/VI/1.png').unlink()
    return r'VI/1\.png'


def cut_image(root):
    path = root / 'Image/IVF/Tiny/IR/1.png'
    path.write_bytes(path.read_bytes()[:300])
    return r'IR/1\.png'


def lose_text(root):
    (root / 'TextFeature/IVF/Tiny/1.npy').unlink()
    return r'1\.npy'


def spoil_text(root):
    np.save(root / 'TextFeature/IVF/Tiny/1.npy', np.full((1, 2, 3), np.nan))
    return r'1\.npy.*6 of 6'


def cut_text(root):
    (root / 'TextFeature/IVF/Tiny/1.npy').write_bytes(b'\x93NUM')
    return r'1\.npy'


def other_size(root):
    cv2.imwrite(str(root / 'Image/IVF/Tiny/VI/1.png'), image(0, (8, 8)))
    return '24x32 in IR and 8x8 in VI'


@pytest.mark.parametrize(
    'damage',
    [lose_image, cut_image, lose_text, spoil_text, cut_text, other_size])
def test_one_bad_pair(tool, tmp_path, damage, capsys):
    root, out = write(tmp_path / 'VLF'), tmp_path / 'x.h5'
    words = damage(root)
    assert pack(tool, root, out) == 1
    text = capsys.readouterr().err
    assert '1 of 2 pairs failed' in text
    assert re.search(words, text)
    with h5py.File(out) as file:
        assert all(
            list(file[group]) == ['2']
            for group in ('imageA', 'imageB', 'text'))


def test_user_errors(tool, tmp_path, capsys):
    root, out = write(tmp_path / 'VLF'), tmp_path / 'x.h5'
    listed = root / 'Image/IVF/Tiny/train.txt'
    for flags, words in ((['--split', 'test'], 'test.txt'), (['--task',
                                                              'MEF'], 'MEF')):
        with pytest.raises(SystemExit) as stop:
            pack(tool, root, out, *flags)
        assert stop.value.code == 2 and words in capsys.readouterr().err
    listed.write_text('\n')
    with pytest.raises(SystemExit):
        pack(tool, root, out)
    assert 'empty' in capsys.readouterr().err
    listed.write_text('8.png\n')
    with pytest.raises(SystemExit):
        pack(tool, root, out)
    assert 'none of the 1 pairs' in capsys.readouterr().err
    assert not out.exists() and not list(tmp_path.glob('.*'))
    with h5py.File(out, 'w') as file:
        file['imageA/1'] = np.zeros((1, 2, 2))
    with pytest.raises(SystemExit):
        tool.main(['unpack', str(out), str(tmp_path), '--dataset', 'Tiny'])
    assert "['imageB', 'text']" in capsys.readouterr().err


def test_unpack_one_bad_pair(tool, tmp_path, capsys):
    root, out = write(tmp_path / 'VLF'), tmp_path / 'x.h5'
    assert pack(tool, root, out) == 0
    with h5py.File(out, 'r+') as file:
        file['imageA/1'][...] = np.nan
    back = tmp_path / 'back'
    assert tool.main(['unpack', str(out), str(back), '--dataset', 'Tiny']) == 1
    assert 'imageA/1' in capsys.readouterr().err
    assert (back / 'Image/IVF/Tiny/train.txt').read_text() == '2.png\n'
    assert not (back / 'TextFeature/IVF/Tiny/1.npy').exists()


def test_full_disk(tool, tmp_path, capsys):
    """HDF5 itself would end the process."""
    root, out = write(tmp_path / 'VLF'), tmp_path / 'out' / 'x.h5'
    with file_limit(2**19), pytest.raises(SystemExit) as stop:
        pack(tool, root, out)
    assert stop.value.code == 2 and not list(out.parent.iterdir())
    assert f'{out}: expected room for it, got ' in capsys.readouterr().err
    assert pack(tool, root, out) == 0
