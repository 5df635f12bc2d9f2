"""MSRS, MFNet (both layouts) and FMB."""
import cv2
import numpy as np
import pytest

from mmfusion.registry import DATASETS

LOAD = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs')
]


def build(kind, root, **kwargs):
    return DATASETS.build(
        dict(type=kind, data_root=str(root), pipeline=LOAD, **kwargs))


@pytest.mark.parametrize('kind, number', [('MSRSDataset', 9),
                                          ('MFNetDataset', 9),
                                          ('FMBDataset', 15)])
def test_classes_and_palette(kind, number):
    meta = DATASETS.get(kind).METAINFO
    assert len(meta['classes']) == len(set(meta['classes'])) == number
    assert len({tuple(colour) for colour in meta['palette']}) == number
    assert meta['modalities'] == dict(vis=3, ir=1)


def test_mfnet_classes_are_those_of_the_data(real_data):
    import json
    path = real_data / 'seg_msrs9' / 'classes.json'
    if not path.is_file():
        pytest.skip('no seg_msrs9')
    told = json.loads(path.read_text())
    meta = DATASETS.get('MSRSDataset').METAINFO
    assert list(meta['classes']) == told['classes']
    assert meta['palette'] == told['palette_rgb']


def test_msrs_reads_map_folders_where_present(write_pairs):
    root = write_pairs(['1D'], 'vi', 'ir', 'label')
    bare = build('MSRSDataset', root).get_data_info(0)
    assert 'binary_path' not in bare and 'seg_map_path' in bare
    (root / 'bi').mkdir()
    cv2.imwrite(str(root / 'bi' / '1D.png'), np.zeros((24, 32), np.uint8))
    full = build('MSRSDataset', root)
    assert full.get_data_info(0)['binary_path'] == str(root / 'bi/1D.png')
    assert full[0]['data_samples'].gt_binary.data.sum() == 0
    off = build('MSRSDataset', root, data_prefix=dict(binary_path=None))
    assert 'binary_path' not in off.get_data_info(0)


def test_msrs_asked_for_a_map_folder_that_is_not_there(write_pairs):
    root = write_pairs(['1D'], 'vi', 'ir', 'label')
    with pytest.raises(FileNotFoundError, match='bd'):
        build('MSRSDataset', root, data_prefix=dict(boundary_path='bd'))


def test_mfnet_raw_equals_split(write_pairs):
    root = write_pairs(['00001D', '00002N'], label='labels')
    (root / 'raw' / 'images').mkdir(parents=True)
    for path in sorted((root / 'vis').iterdir()):
        ir = cv2.imread(str(root / 'ir' / path.name), cv2.IMREAD_GRAYSCALE)
        stack = np.dstack([cv2.imread(str(path)), ir])
        cv2.imwrite(str(root / 'raw' / 'images' / path.name), stack)
    (root / 'labels').rename(root / 'raw' / 'labels')
    raw = build('MFNetDataset', root / 'raw')
    assert len(raw) == 2
    loaded = raw[1]
    vis = cv2.imread(str(root / 'vis' / '00002N.png'))
    ir = cv2.imread(str(root / 'ir' / '00002N.png'), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(loaded['inputs'][:3], vis.transpose(2, 0, 1))
    np.testing.assert_array_equal(loaded['inputs'][3], ir)
    assert loaded['data_samples'].gt_sem_seg.shape == (24, 32)


def test_mfnet_raw_with_ordinary_image(write_pairs):
    root = write_pairs(['a'], vis='images', ir='elsewhere', label='labels')
    with pytest.raises(ValueError, match='Expected 4 channels.*got 3'):
        build('MFNetDataset', root)[0]


def test_mfnet_flip_copies(write_pairs):
    root = write_pairs(['1D', '2N'], label='labels')
    (root / 'train.txt').write_text('1D\n1D_flip\n2N\n2N_flip\n')
    assert len(build('MFNetDataset', root, ann_file='train.txt')) == 2
    with pytest.raises(ValueError, match='1D_flip'):
        build('MFNetDataset', root, ann_file='train.txt', flip_copies=True)


def test_mfnet_layout(write_pairs):
    root = write_pairs(['1D'], label='labels')
    with pytest.raises(ValueError, match='layout'):
        build('MFNetDataset', root, layout='zip')
    with pytest.raises(FileNotFoundError, match='images'):
        build('MFNetDataset', root, layout='raw')


def test_fmb_with_background_ignored(write_pairs):
    root = write_pairs(['1'], 'Visible', 'Infrared', 'Label')
    stored = cv2.imread(str(root / 'Label' / '1.png'), 0)
    names = DATASETS.get('FMBDataset').METAINFO['classes'][1:]
    plain = build('FMBDataset', root)[0]['data_samples'].gt_sem_seg.data[0]
    np.testing.assert_array_equal(plain, stored)
    dataset = build('FMBDataset', root, metainfo=dict(classes=names))
    label = dataset[0]['data_samples'].gt_sem_seg.data[0].numpy()
    expected = np.where(stored == 0, 255, stored - 1)
    np.testing.assert_array_equal(label, expected)
    assert len(dataset.metainfo['palette']) == 14
    assert dataset.metainfo['palette'][0] == [150, 80, 160]
