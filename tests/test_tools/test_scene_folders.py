"""scene_folders.py: a folder a scene becomes two folders of images."""
import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusion.datasets import MEFBDataset, TNODataset

PATH = Path(__file__).resolve().parents[2] / (
    'tools/dataset_converters/scene_folders.py')


@pytest.fixture(scope='module')
def main():
    name = 'dataset_converter_scene_folders'
    spec = importlib.util.spec_from_file_location(name, PATH)
    # where processes that work look the converter's functions up
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *words: module.main([str(w) for w in words])


def write(path, value, size=(12, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((*size, 3), value, np.uint8))


def level(path):
    return int(cv2.imread(str(path)).mean().round())


@pytest.fixture
def exposures(tmp_path):
    """Three scenes of several exposures, and a folder of references."""
    src = tmp_path / 'raw'
    for scene, values in dict(Part1_1=(90, 20, 240), x=(250, 10),
                              y=(5, 6, 7)).items():
        for index, value in enumerate(values, 1):
            write(src / scene / f'{index}.png', value)
    write(src / 'Label' / 'x.png', 99)
    return src


@pytest.mark.parametrize('workers', [0, 2])
def test_by_brightness(main, exposures, tmp_path, workers, capsys):
    out = tmp_path / 'out'
    assert main(exposures, out, '--task', 'mef', '--by-brightness', '--skip',
                'Label', '--workers', workers) == 0
    assert '3 pairs of under and over' in capsys.readouterr().out
    dataset = MEFBDataset(str(out))
    got = {
        info['stem']: (level(info['under_path']), level(info['over_path']))
        for info in map(dataset.get_data_info, range(len(dataset)))
    }
    assert got == dict(Part1_1=(20, 240), x=(10, 250), y=(5, 7))


def test_by_names_of_nested_scenes(main, tmp_path):
    src, out = tmp_path / 'raw', tmp_path / 'out'
    write(src / 'Athena' / 'men' / 'VIS_g.bmp', 10)
    write(src / 'Athena' / 'men' / 'IR_g.BMP', 20)
    write(src / 'lake' / 'vis.png', 30)
    write(src / 'lake' / 'ir.png', 40)
    assert main(src, out, '--task', 'ivf', '--match', 'VIS*', 'IR*',
                '--link') == 0
    dataset = TNODataset(str(out))
    assert [dataset.get_data_info(i)['stem']
            for i in range(2)] == ['Athena_men', 'lake']
    assert (out / 'vis' / 'lake.png').is_symlink()
    assert level(out / 'ir' / 'Athena_men.bmp') == 20


def test_bad_scenes_are_named_and_the_others_done(main, tmp_path, capsys):
    src, out = tmp_path / 'raw', tmp_path / 'out'
    for scene in ('alone', 'damaged', 'good', 'sizes'):
        write(src / scene / 'A.png', 10)
    for scene in ('damaged', 'good'):
        write(src / scene / 'B.png', 20)
    (src / 'damaged' / 'B.png').write_bytes(b'no image')
    write(src / 'sizes' / 'B.png', 20, (8, 8))
    assert main(src, out, '--task', 'mff', '--match', 'A.*', 'B.*') == 1
    text = capsys.readouterr().err
    for part in ("alone: expected one image like 'B.*', got none", 'damaged',
                 '8x8', '3 of 4 scenes failed'):
        assert part in text
    assert [path.name
            for path in sorted((out / 'near').iterdir())] == ['good.png']
    assert main(src, tmp_path / 'two', '--task', 'mef', '--by-brightness') == 1
    assert 'alone: expected two exposures' in capsys.readouterr().err


@pytest.mark.parametrize('flags, text', [
    ([], 'either --match or --by-brightness'),
    (['--match', 'A*', 'B*', '--by-brightness'], 'either --match'),
])
def test_flags(main, exposures, tmp_path, capsys, flags, text):
    with pytest.raises(SystemExit):
        main(exposures, tmp_path / 'out', '--task', 'mef', *flags)
    assert text in capsys.readouterr().err


def test_one_pattern_for_both(main, tmp_path, capsys):
    write(tmp_path / 'raw' / 'a' / '1.png', 1)
    assert main(tmp_path / 'raw', tmp_path / 'out', '--task', 'mff', '--match',
                '1*', '*') == 1
    assert 'for both patterns' in capsys.readouterr().err


def test_no_scenes_and_equal_names(main, tmp_path, capsys):
    src = tmp_path / 'raw'
    write(src / 'a.png', 1)
    with pytest.raises(SystemExit):
        main(src, tmp_path / 'out', '--task', 'mef', '--by-brightness')
    assert 'plain_pairs.py' in capsys.readouterr().err
    write(src / 'a_b' / '1.png', 1)
    write(src / 'a' / 'b' / '1.png', 1)
    with pytest.raises(SystemExit):
        main(src, tmp_path / 'out', '--task', 'mef', '--by-brightness')
    assert "a second 'a_b'" in capsys.readouterr().err
