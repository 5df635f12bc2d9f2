"""Names in annotations, lists and records never lead out of their folder."""
import json

import h5py
import numpy as np
import pytest

from mmfusion.datasets.sets import BOX_SETS
from mmfusion.datasets.synthetic import write_dataset
from mmfusion.registry import DATASETS
from mmfusion.utils.errors import UsageError
from tests.support import converter_cases
from tests.support.detection_cases import write_coco

CLASSES = ('person', 'car')


def edit(path, **entries):
    content = json.loads(path.read_text())
    content['images'][0].update(entries)
    path.write_text(json.dumps(content))


def build(root, **kwargs):
    kwargs = dict(
        dict(data_root=str(root), ann_file='annotations/train.json',
             data_prefix=dict(vis_path='train/vis', ir_path='train/ir')),
        **kwargs)
    return DATASETS.build(dict(type='PairedCocoDataset', pipeline=[],
                               **kwargs))


@pytest.fixture
def root(tmp_path):
    write_coco(tmp_path / 'data', [[(6, 8, 26, 30)], []], CLASSES)
    return tmp_path / 'data'


@pytest.mark.detection
@pytest.mark.parametrize('key', ['file_name', 'ir_file_name'])
@pytest.mark.parametrize('name', ['/etc/a.png', '../../../a.png', '', 7])
def test_coco_names_that_lead_elsewhere(root, key, name):
    if key == 'ir_file_name' and not name:
        name = '../../..'
    edit(root / 'annotations/train.json', **{key: name})
    record = rf'{key} of image 1:|: expected {key} .* entry 0 of images'
    with pytest.raises(UsageError, match=rf'train\.json(, )?({record})'):
        build(root)


@pytest.mark.detection
def test_coco_names_below_the_root(root):
    """Also absolute ones, and of other folders than the prefix."""
    path = root / 'annotations/train.json'
    for name, stem in ((str(root / 'train/vis/001.png'), '001'),
                       ('./night/../001.png', '001'), ('../ir/001.png',
                                                       'train/ir/001')):
        edit(path, file_name=name)
        info = build(root).get_data_info(0)
        assert info['stem'] == stem
        assert info['vis_path'].endswith('001.png')
        assert 'train/ir' in info['ir_path']
    edit(path, file_name=str(root / 'train/vis/001.png'),
         ir_file_name=str(root / 'train/ir/001.png'))
    own = build(root, data_root=None, ann_file=str(path),
                data_prefix=dict(vis_path='', ir_path=''))
    info = own.get_data_info(0)
    assert info['vis_path'] == str(root / 'train/vis/001.png')
    assert info['stem'] == str(root / 'train/vis/001')[1:]


@pytest.mark.detection
def test_coco_nested_without_end(root):
    (root / 'annotations/train.json').write_text('[' * 100_000)
    with pytest.raises(UsageError, match='expected JSON'):
        build(root)


def test_kaist_lists(tmp_path):
    for folder in ('images', 'annotations', 'imageSets'):
        (tmp_path / folder).mkdir()
    file = tmp_path / 'imageSets/train.txt'
    for line in ('../../x', '/set00/V000', 'a/../../b/c/d'):
        file.write_text(f'{line}\n')
        with pytest.raises(ValueError, match=r'train\.txt'):
            BOX_SETS['kaist']().find(tmp_path)


def test_mfnet_lists(tmp_path, capsys):
    for folder in ('images', 'labels'):
        (tmp_path / 'raw' / folder).mkdir(parents=True)
    (tmp_path / 'raw/train.txt').write_text('../../mine\n')
    with pytest.raises(SystemExit):
        converter_cases.run('mfnet', tmp_path / 'raw', tmp_path / 'out')
    assert "got '../../mine'" in capsys.readouterr().err


def test_synthetic_records(tmp_path):
    """``meta.json`` says what --overwrite may remove."""
    out = tmp_path / 'set'
    write_dataset(out, 1, 0, size=(48, 64))
    (tmp_path / 'vis').mkdir()
    mine = tmp_path / 'vis/photo.png'
    mine.write_bytes(b'mine')
    meta = json.loads((out / 'meta.json').read_text())
    meta['time_of_day']['train']['../../../photo'] = 'day'
    meta['time_of_day']['train']['../vis/../../vis/photo'] = 'day'
    (out / 'meta.json').write_text(json.dumps(meta))
    with pytest.raises(ValueError, match=r'meta\.json.*photo'):
        write_dataset(out, 1, 0, size=(48, 64), overwrite=True)
    assert mine.read_bytes() == b'mine'


def vlf(*words):
    return converter_cases.tool('make_vlf_h5').main([str(w) for w in words])


def test_groups_of_hdf5_files(tmp_path, capsys):
    file = tmp_path / 'a.h5'
    with h5py.File(file, 'w') as handle:
        for group in ('imageA', 'imageB', 'text'):
            image = np.zeros((1, 24, 32), np.float32)
            handle.create_group(group)['..'] = (np.ones(
                (2, 4), np.float32) if group == 'text' else image)
    with pytest.raises(SystemExit):
        vlf('unpack', file, tmp_path / 'out', '--dataset', 'Tiny')
    assert f'{file}, text: expected a name below' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_lists_of_the_vlf_layout(tmp_path, capsys):
    folder = tmp_path / 'VLF/Image/IVF/Tiny'
    folder.mkdir(parents=True)
    (folder / 'train.txt').write_text('night/1.png\n../../1.png\n')
    with pytest.raises(SystemExit):
        vlf('pack', tmp_path / 'VLF', tmp_path / 'a.h5', '--dataset', 'Tiny')
    text = capsys.readouterr().err
    assert 'train.txt: expected a name' in text and "'../../1'" in text


def test_records_of_text_features(tmp_path, capsys):
    tool = converter_cases.tool('make_text_features')
    (tmp_path / 'a.json').write_text('{"1": "a street"}')
    flags = [
        str(tmp_path / 'a.json'),
        str(tmp_path / 'out'), '--encoder', 'hash'
    ]
    assert tool.main(flags) == 0
    mine = tmp_path / 'mine.npy'
    np.save(mine, np.ones(3))
    np.save(tmp_path / 'out/other.npy', np.ones(3))
    record = tmp_path / 'out/meta.json'
    content = json.loads(record.read_text())
    content['captions']['../mine'] = 'x'
    record.write_text(json.dumps(content))
    with pytest.raises(SystemExit):
        tool.main([*flags, '--overwrite'])
    assert 'meta.json: expected a name' in capsys.readouterr().err
    record.write_text('{"enc')  # cut off
    with pytest.raises(SystemExit):
        tool.main(flags)
    assert tool.main([*flags, '--overwrite']) == 0
    assert mine.is_file() and (tmp_path / 'out/other.npy').is_file()
