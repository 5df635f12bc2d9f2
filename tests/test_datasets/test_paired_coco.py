"""Pairs with boxes, and mmdet's transforms on them."""
import json
import random

import cv2
import numpy as np
import pytest
from detection_cases import SIZE, write_coco

from mmfusion.registry import DATASETS, TRANSFORMS

pytestmark = pytest.mark.detection
LOAD = [
    dict(type='LoadFusionPair'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True)
]
IMAGES = [
    [(6, 8, 26, 30), (36, 4, 56, 20, 1)],
    [(10, 12, 40, 44, 1, 1), (44, 20, 60, 40, 0)],
    [],
    [(20, 10, 50, 40)],
]
CLASSES = ('person', 'car')


def build(root, pipeline=LOAD, kind='PairedCocoDataset', **kwargs):
    kwargs = dict(
        data_prefix=dict(vis_path='train/vis', ir_path='train/ir'), **kwargs)
    return DATASETS.build(
        dict(
            type=kind,
            data_root=str(root),
            ann_file='annotations/train.json',
            pipeline=pipeline,
            **kwargs))


@pytest.fixture
def root(tmp_path):
    write_coco(tmp_path, IMAGES, CLASSES,
               condition=['day', 'night', 'day', 'night'])
    return tmp_path


def test_samples(root):
    dataset = build(root, [
        *LOAD,
        dict(type='PackFusionInputs', extra_meta_keys=('instances', ))
    ])
    assert len(dataset) == 4
    assert dataset.metainfo['classes'] == CLASSES
    item = dataset[1]
    assert item['inputs'].shape == (4, *SIZE)
    sample = item['data_samples']
    assert sample.gt_instances.bboxes.tensor.tolist() == [[44, 20, 60, 40]]
    assert sample.gt_instances.labels.tolist() == [0]
    assert sample.ignored_instances.labels.tolist() == [1]
    assert sample.condition == 'night' and sample.img_id == 2
    assert len(sample.instances) == 2
    assert sample.vis_path.endswith('train/vis/002.png')
    assert sample.ir_path.endswith('train/ir/002.png')
    assert len(dataset[2]['data_samples'].gt_instances) == 0
    assert len(build(root, filter_cfg=dict(filter_empty_gt=True))) == 3


def test_rules_of_infrared_names(root):
    path = root / 'annotations' / 'train.json'
    content = json.loads(path.read_text())
    content['images'][0]['ir_file_name'] = 'other/thermal.png'
    path.write_text(json.dumps(content))
    dataset = build(root, ir_stem='{stem}_ir', ir_suffix='.tiff')
    assert dataset.get_data_info(0)['ir_path'].endswith(
        'train/ir/other/thermal.png')
    assert dataset.get_data_info(1)['ir_path'].endswith(
        'train/ir/002_ir.tiff')


def test_bad_arguments(root):
    with pytest.raises(ValueError, match='data_prefix'):
        DATASETS.build(
            dict(type='PairedCocoDataset', data_prefix=dict(img='x')))
    for classes in (('car', 'person'), ('person', 'dog')):
        with pytest.raises(ValueError, match='in their order'):
            build(root, metainfo=dict(classes=classes))
    assert build(root, metainfo=dict(classes=('car', )))[0][
        'gt_bboxes_labels'].tolist() == [0]


def check_marks(out, tolerance=2):
    """Both modalities agree, and every box is around a mark."""
    img = out['img']
    assert img.shape[2] == 4
    for channel in (1, 2, 3):
        np.testing.assert_array_equal(img[..., channel], img[..., 0])
    boxes = out['gt_bboxes'].tensor.numpy()
    assert len(boxes) == len(out['gt_bboxes_labels'])
    height, width = img.shape[:2]
    for x1, y1, x2, y2 in boxes:
        x1, y1 = max(x1, 0), max(y1, 0)
        x2, y2 = min(x2, width), min(y2, height)
        if min(x2 - x1, y2 - y1) < 8:
            continue
        centre = img[int((y1 + y2) / 2), int((x1 + x2) / 2), 0]
        assert centre >= 50, (centre, (x1, y1, x2, y2))
        # Rows and columns outside of the box, where there is room, differ.
        for y, x in ((int(y1) - 1 - tolerance, int((x1 + x2) / 2)),
                     (int(y2) + 1 + tolerance, int((x1 + x2) / 2)),
                     (int((y1 + y2) / 2), int(x1) - 1 - tolerance),
                     (int((y1 + y2) / 2), int(x2) + 1 + tolerance)):
            if 0 <= y < height and 0 <= x < width and not any(
                    a <= x < c and b <= y < d for a, b, c, d in boxes):
                yield img[y, x, 0], centre


GEOMETRIC = dict(
    resize=dict(type='mmdet.Resize', scale=(128, 96), keep_ratio=True),
    random_resize=dict(
        type='RandomResize', scale=(64, 48), ratio_range=(0.9, 2.0),
        keep_ratio=True, resize_type='mmdet.Resize'),
    flip=dict(type='mmdet.RandomFlip', prob=1.0),
    crop=dict(type='mmdet.RandomCrop', crop_size=(40, 50)),
    iou_crop=dict(type='mmdet.MinIoURandomCrop'),
    affine=dict(
        type='mmdet.RandomAffine', max_rotate_degree=0., max_shear_degree=0.,
        border_val=(0, 0, 0, 0)),
    expand=dict(type='mmdet.Expand', mean=(0, 0, 0, 0), prob=1.0),
    shift=dict(type='mmdet.RandomShift', prob=1.0, max_shift_px=8),
    pad=dict(type='mmdet.Pad', size=(80, 80),
             pad_val=dict(img=(0, 0, 0, 0))),
)


@pytest.mark.parametrize('name', GEOMETRIC)
@pytest.mark.parametrize('seed', range(3))
def test_mmdets_transforms_take_the_stack(root, name, seed):
    np.random.seed(seed)
    out = build(root, [*LOAD, GEOMETRIC[name]])[(0, 3)[seed % 2]]
    assert out is not None
    pairs = list(check_marks(out))
    assert all(outside < inside for outside, inside in pairs)


@pytest.mark.parametrize('kind', ['CachedMosaic', 'CachedMixUp'])
def test_cached_transforms_move_pairs_and_boxes(root, kind):
    step = dict(
        CachedMosaic=dict(
            type='CachedMosaic', img_scale=(64, 48), pad_val=0.,
            max_cached_images=8, random_pop=False, prob=1.0),
        CachedMixUp=dict(
            type='CachedMixUp', img_scale=(64, 48), ratio_range=(1., 1.),
            max_cached_images=4, pad_val=0, prob=1.0))[kind]
    dataset = build(root, [*LOAD, step])
    np.random.seed(0)
    random.seed(0)
    mixed = 0
    for turn in range(20):
        out = dataset[turn % 4]
        if kind == 'CachedMosaic':
            assert all(outside < inside
                       for outside, inside in check_marks(out))
        for channel in (1, 2, 3):
            np.testing.assert_array_equal(out['img'][..., channel],
                                          out['img'][..., 0])
        mixed += len(out['gt_bboxes']) > len(IMAGES[turn % 4])
    assert mixed > 5


@pytest.mark.parametrize('kind', ['Mosaic', 'MixUp'])
def test_transforms_of_mmdets_mix_dataset(root, kind):
    step = dict(
        Mosaic=dict(type='Mosaic', img_scale=(64, 48), pad_val=0., prob=1.0),
        MixUp=dict(
            type='MixUp', img_scale=(64, 48), ratio_range=(1., 1.),
            pad_val=0.))[kind]
    dataset = DATASETS.build(
        dict(
            type='mmdet.MultiImageMixDataset',
            dataset=build(root),
            pipeline=[step, dict(type='PackFusionInputs')]))
    np.random.seed(1)
    random.seed(1)
    counts = []
    for index in range(8):
        item = dataset[index % 4]
        image = item['inputs'].permute(1, 2, 0).numpy()
        boxes = item['data_samples'].gt_instances.bboxes
        counts.append(len(boxes))
        for channel in (1, 2, 3):
            np.testing.assert_array_equal(image[..., channel], image[..., 0])
        if kind == 'Mosaic':
            list(check_marks(
                dict(img=image, gt_bboxes=boxes, gt_bboxes_labels=counts[
                    -1] * [0])))
    assert max(counts) > 2


def test_mosaic_puts_what_mmdets_puts(root):
    """The visible part is what mmdet makes of the visible image alone."""
    samples = [build(root)[k] for k in range(4)]
    settings = dict(img_scale=(64, 48), pad_val=114.)

    def run(transform, channels):
        random.seed(3)
        np.random.seed(3)
        first, *others = [
            dict(sample, img=sample['img'][..., channels].copy())
            for sample in samples
        ]
        return transform(dict(first, mix_results=others))

    ours = run(TRANSFORMS.build(dict(type='Mosaic', **settings)), slice(4))
    theirs = run(
        TRANSFORMS.build(dict(type='mmdet.Mosaic', **settings)), slice(3))
    np.testing.assert_array_equal(ours['img'][..., :3], theirs['img'])
    np.testing.assert_array_equal(ours['gt_bboxes'].tensor,
                                  theirs['gt_bboxes'].tensor)


@pytest.mark.parametrize('step', [
    dict(type='Resize', scale=(32, 24)),
    dict(type='RandomFlip', prob=1.0),
    dict(type='RandomCrop', crop_size=(8, 8)),
    dict(type='RandomRotate', prob=1.0, degree=5),
    dict(type='RandomCutOut', prob=1.0, n_holes=1, cutout_shape=(4, 4),
         fill_in=(0, 0, 0, 0)),
    dict(type='ResizeToCover', size=(100, 100)),
    dict(type='RandomRotate90'),
])
def test_transforms_that_would_leave_boxes_behind(root, step):
    with pytest.raises(ValueError, match='does not move boxes'):
        build(root, [*LOAD, step])[0]


def test_sampler_repeats_the_draws(root):
    from mmfusion.datasets import DrawIndex
    dataset = build(root, [*LOAD, GEOMETRIC['crop']])
    one, two, other = (
        dataset[DrawIndex(0, draw, 0)]['gt_bboxes'].tensor.numpy()
        for draw in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert one.shape != other.shape or (one != other).any()


def test_real_pairs(real_data):
    root = real_data / 'det_llvip'
    if not root.is_dir():
        pytest.skip('no det_llvip')
    dataset = DATASETS.build(
        dict(
            type='LLVIPDetDataset',
            data_root=str(root),
            ann_file='annotations/val.json',
            data_prefix=dict(vis_path='val/vi', ir_path='val/ir'),
            pipeline=LOAD))
    assert len(dataset) == 10
    boxes = sum(
        len(dataset.get_data_info(k)['instances']) for k in range(10))
    assert boxes == 29  # one of them ignored
    assert dataset[0]['img'].shape == (1024, 1280, 4)
    assert cv2.imread(dataset.get_data_info(0)['ir_path']) is not None
