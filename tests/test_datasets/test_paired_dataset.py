"""PairedImageDataset: matching, order, split files and bad input."""
import cv2
import numpy as np
import pytest

from mmfusion.datasets import FileRule, PairedImageDataset, natural_key
from mmfusion.registry import DATASETS

CLASSES = tuple('abcdefghi')
PIPELINE = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]


def stems(dataset):
    return [dataset.get_data_info(i)['stem'] for i in range(len(dataset))]


def test_order_is_natural_and_nested(write_pairs):
    root = write_pairs(['10', '2', 'night/3', 'day/11', 'day/9', '1'])
    dataset = PairedImageDataset(str(root))
    assert stems(dataset) == ['1', '2', '10', 'day/9', 'day/11', 'night/3']
    info = dataset.get_data_info(3)
    assert info['vis_path'] == str(root / 'vis/day/9.png')
    assert info['ir_path'] == str(root / 'ir/day/9.png')
    assert info['modalities'] == {'vis': (0, 3), 'ir': (3, 4)}
    assert 'seg_map_path' not in info


@pytest.mark.parametrize(
    'names', [['a2', 'a10', 'a1'], ['02', '2', '1'], ['x', '1', 'x1y', 'x1']])
def test_natural_key_is_total(names):
    first = sorted(names, key=natural_key)
    assert first == sorted(reversed(names), key=natural_key)


def test_test_mode_without_classes_and_labels(write_pairs):
    root = write_pairs(['a', 'b'])
    dataset = DATASETS.build(
        dict(type='PairedImageDataset', data_root=str(root), pipeline=PIPELINE,
             test_mode=True))
    sample = dataset[1]
    assert sample['inputs'].shape == (4, 24, 32)
    assert sample['data_samples'].vis_path.endswith('vis/b.png')
    assert dataset.test_mode


def test_labels_without_classes_in_test_mode(write_pairs):
    root = write_pairs(['a'], label='label')
    with pytest.raises(ValueError, match='classes'):
        PairedImageDataset(str(root), dict(seg_map_path='label'),
                           test_mode=True)


def test_ignored_classes(write_pairs):
    """Their pixels count for nothing; the classes stay."""
    root = write_pairs(['a'], label='label')
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    assert cv2.imwrite(str(root / 'label/a.png'), labels)
    settings = dict(data_root=str(root),
                    data_prefix=dict(seg_map_path='label'),
                    pipeline=[dict(type='LoadFusionAnnotations')])
    names = dict(metainfo=dict(classes=('road', 'car', 'person')))
    plain = PairedImageDataset(**settings, **names)
    some = PairedImageDataset(**settings, **names,
                              ignore_classes=['road', 'person'])
    np.testing.assert_array_equal(plain[0]['gt_seg_map'], labels)
    np.testing.assert_array_equal(some[0]['gt_seg_map'],
                                  np.where(labels == 1, 1, 255))
    assert some.metainfo == plain.metainfo
    with pytest.raises(ValueError, match="ignore_classes 'road', 'car' or"):
        PairedImageDataset(**settings, **names, ignore_classes=('cars', ))
    with pytest.raises(ValueError, match='expected classes before'):
        PairedImageDataset(**settings, ignore_classes=('car', ))


def test_custom_classes(write_pairs):
    root = write_pairs(['a'], label='label')
    dataset = PairedImageDataset(
        str(root), dict(seg_map_path='label'), metainfo=dict(classes=CLASSES),
        pipeline=[
            *PIPELINE[:1],
            dict(type='LoadFusionAnnotations'), PIPELINE[1]
        ], test_mode=True)
    assert dataset.metainfo['classes'] == CLASSES
    assert len(dataset.metainfo['palette']) == 9
    label = dataset[0]['data_samples'].gt_sem_seg.data
    assert label.shape == (1, 24, 32) and label.max() <= 8


@pytest.mark.parametrize('vis_name, ir_name, rules', [
    ('{stem}.jpg', '{stem}.png', {}),
    ('{stem}_vis.PNG', '{stem}_ir.png',
     dict(vis_stem='{stem}_vis', ir_stem='{stem}_ir')),
    ('VIS{stem}.png', 'IR{stem}.bmp',
     dict(vis_stem='VIS{stem}', ir_stem='IR{stem}')),
    ('{stem}.rgb.png', '{stem}.png', dict(vis_suffix='.rgb.png')),
    ('{stem}.jpg', '{stem}_t.jpg',
     dict(vis_suffix=('.png', '.jpg'), ir_suffix='_t.jpg')),
])
def test_suffix_and_stem_rules(write_pairs, vis_name, ir_name, rules):
    root = write_pairs(['s/1', '2'], vis_name=vis_name, ir_name=ir_name)
    dataset = PairedImageDataset(str(root), **rules)
    assert stems(dataset) == ['2', 's/1']


def test_one_folder_for_both(write_pairs):
    root = write_pairs(['1', '2'], 'all', 'all', vis_name='{stem}_a.png',
                       ir_name='{stem}_b.png')
    dataset = PairedImageDataset(str(root), dict(vis_path='all',
                                                 ir_path='all'),
                                 vis_stem='{stem}_a', ir_stem='{stem}_b')
    assert stems(dataset) == ['1', '2']
    assert dataset.get_data_info(0)['ir_path'].endswith('1_b.png')


def test_split_file_keeps_its_order(write_pairs):
    root = write_pairs(['a', 'b', 'c'])
    (root / 'train.txt').write_text('c\n\na\n')
    assert stems(PairedImageDataset(str(root),
                                    ann_file='train.txt')) == ['c', 'a']


def test_split_file_needs_only_its_own_pairs(write_pairs):
    root = write_pairs(['a', 'b'])
    (root / 'ir' / 'b.png').unlink()
    (root / 'a.txt').write_text('a\n')
    assert stems(PairedImageDataset(str(root), ann_file='a.txt')) == ['a']


def test_further_maps(write_pairs):
    root = write_pairs(['a'], label='label')
    (root / 'edges').mkdir()
    (root / 'label' / 'a.png').rename(root / 'edges' / 'a.png')
    info = PairedImageDataset(str(root),
                              dict(boundary_path='edges')).get_data_info(0)
    assert info['boundary_path'] == str(root / 'edges' / 'a.png')
    assert 'binary_path' not in info


class NearFar(PairedImageDataset):
    """A pair of another task, two colour images."""
    METAINFO = dict(modalities=dict(near=3, far=3))
    PREFIX = dict(near_path='near', far_path='far', seg_map_path=None)


def test_other_modalities(write_pairs):
    root = write_pairs(['a'], vis='near', ir='far')
    dataset = NearFar(str(root), pipeline=PIPELINE)
    sample = dataset[0]
    assert sample['inputs'].shape == (6, 24, 32)
    assert sample['data_samples'].modalities == {'near': (0, 3), 'far': (3, 6)}
    assert sample['data_samples'].far_path.endswith('far/a.png')


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize('lost, kept', [('ir', 'vis'), ('vis', 'ir')])
def test_missing_pair(write_pairs, lost, kept):
    root = write_pairs(['a', 'b'])
    (root / lost / 'b.png').unlink()
    with pytest.raises(ValueError) as error:
        PairedImageDataset(str(root))
    text = str(error.value)
    assert str(root / kept / 'b.png') in text
    assert repr(str(root / 'vis')) in text and repr(str(root / 'ir')) in text
    assert str(root / kept / 'a.png') not in text


def test_missing_label(write_pairs):
    root = write_pairs(['a', 'b'], label='label')
    (root / 'label' / 'a.png').unlink()
    with pytest.raises(ValueError, match='seg_map_path'):
        PairedImageDataset(str(root), dict(seg_map_path='label'))


def test_empty_folder(write_pairs):
    root = write_pairs(['a'])
    (root / 'ir' / 'a.png').rename(root / 'ir' / 'a.txt')
    with pytest.raises(ValueError, match='ir_path.*got none'):
        PairedImageDataset(str(root))


def test_missing_folder(write_pairs):
    root = write_pairs(['a'])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        PairedImageDataset(str(root), dict(ir_path='nowhere'))


def test_unknown_prefix(write_pairs):
    with pytest.raises(ValueError, match='img_path'):
        PairedImageDataset(str(write_pairs(['a'])), dict(img_path='vis'))


def test_modality_cannot_be_left_out(write_pairs):
    with pytest.raises(ValueError, match='ir_path'):
        PairedImageDataset(str(write_pairs(['a'])), dict(ir_path=None))


def test_split_file_names_missing_stem(write_pairs):
    root = write_pairs(['a', 'b'])
    (root / 'val.txt').write_text('a\nzebra\n')
    with pytest.raises(ValueError, match='val.txt.*zebra'):
        PairedImageDataset(str(root), ann_file='val.txt')


def test_missing_and_empty_split_file(write_pairs):
    root = write_pairs(['a'])
    with pytest.raises(FileNotFoundError, match='nope.txt'):
        PairedImageDataset(str(root), ann_file='nope.txt')
    (root / 'empty.txt').write_text('\n')
    with pytest.raises(ValueError, match='empty'):
        PairedImageDataset(str(root), ann_file='empty.txt')


def test_two_files_for_one_stem(write_pairs):
    root = write_pairs(['a'])
    (root / 'vis' / 'a.jpg').write_bytes(b'')
    with pytest.raises(ValueError, match='a.jpg'):
        PairedImageDataset(str(root))


def test_bad_stem_rule():
    with pytest.raises(ValueError, match='{stem}'):
        FileRule(stem='image')


def test_many_missing_are_counted_not_listed(write_pairs):
    root = write_pairs([str(i) for i in range(20)])
    for i in range(1, 20):
        (root / 'ir' / f'{i}.png').unlink()
    with pytest.raises(ValueError, match='19 of 20.*and 14 more'):
        PairedImageDataset(str(root))


def test_same_content_whatever_the_listing_order(write_pairs, monkeypatch):
    root = write_pairs(['3', '20', '100'])
    expected = stems(PairedImageDataset(str(root)))
    import mmengine.fileio as fileio
    listing = fileio.list_dir_or_file

    def shuffled(*args, **kwargs):
        found = list(listing(*args, **kwargs))
        np.random.default_rng(0).shuffle(found)
        return iter(found)

    monkeypatch.setattr(fileio, 'list_dir_or_file', shuffled)
    assert stems(PairedImageDataset(str(root))) == expected
