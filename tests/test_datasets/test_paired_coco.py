"""Pairs with boxes, and mmdet's transforms on them."""
import copy
import json
import random

import cv2
import numpy as np
import pytest

from mmfusion.registry import DATASETS, TRANSFORMS
from tests.support.detection_cases import SIZE, write_coco

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
    kwargs = dict(data_prefix=dict(vis_path='train/vis', ir_path='train/ir'),
                  **kwargs)
    return DATASETS.build(
        dict(type=kind, data_root=str(root), ann_file='annotations/train.json',
             pipeline=pipeline, **kwargs))


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
    assert dataset.get_data_info(1)['ir_path'].endswith('train/ir/002_ir.tiff')


def test_bad_arguments(root):
    with pytest.raises(ValueError, match='data_prefix'):
        DATASETS.build(
            dict(type='PairedCocoDataset', data_prefix=dict(img='x')))
    for classes in (('car', 'person'), ('person', 'dog')):
        with pytest.raises(ValueError, match='in their order'):
            build(root, metainfo=dict(classes=classes))
    assert build(root, metainfo=dict(
        classes=('car', )))[0]['gt_bboxes_labels'].tolist() == [0]


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
        for y, x in ((int(y1) - 1 - tolerance, int(
            (x1 + x2) / 2)), (int(y2) + 1 + tolerance, int(
                (x1 + x2) / 2)), (int(
                    (y1 + y2) / 2), int(x1) - 1 - tolerance), (int(
                        (y1 + y2) / 2), int(x2) + 1 + tolerance)):
            if 0 <= y < height and 0 <= x < width and not any(
                    a <= x < c and b <= y < d for a, b, c, d in boxes):
                yield img[y, x, 0], centre


GEOMETRIC = dict(
    resize=dict(type='mmdet.Resize', scale=(128, 96), keep_ratio=True),
    random_resize=dict(type='RandomResize', scale=(64, 48),
                       ratio_range=(0.9, 2.0), keep_ratio=True,
                       resize_type='mmdet.Resize'),
    flip=dict(type='mmdet.RandomFlip', prob=1.0),
    crop=dict(type='mmdet.RandomCrop', crop_size=(40, 50)),
    iou_crop=dict(type='mmdet.MinIoURandomCrop'),
    affine=dict(type='mmdet.RandomAffine', max_rotate_degree=0.,
                max_shear_degree=0., border_val=(0, 0, 0, 0)),
    expand=dict(type='mmdet.Expand', mean=(0, 0, 0, 0), prob=1.0),
    shift=dict(type='mmdet.RandomShift', prob=1.0, max_shift_px=8),
    pad=dict(type='mmdet.Pad', size=(80, 80), pad_val=dict(img=(0, 0, 0, 0))),
)


@pytest.mark.parametrize('name', GEOMETRIC)
def test_mmdets_transforms_take_the_stack(root, name):
    dataset = build(root, [*LOAD, GEOMETRIC[name]])
    pairs = []
    for seed in range(6):
        np.random.seed(seed)
        out = dataset[(0, 3)[seed % 2]]
        assert out is not None
        pairs += check_marks(out)
    assert len(pairs) >= 10
    assert all(outside < inside for outside, inside in pairs)


GREY = (114, 114, 114)
# as published experiments write them: three values, or mmdet's defaults
FILLING = dict(
    Pad=dict(size=(80, 80), pad_val=dict(img=GREY)),
    Expand=dict(mean=(103.53, 116.28, 123.675), ratio_range=(2, 3),
                prob=1.0), CutOut=dict(n_holes=3, cutout_shape=(8, 8)),
    RandomErasing=dict(n_patches=3, ratio=(0.2, 0.4), img_border_value=GREY),
    RandomAffine=dict(scaling_ratio_range=(0.5, 0.6)), FixShapeResize=dict(
        width=96, height=96, keep_ratio=True,
        pad_val=dict(img=GREY)), Rotate=dict(level=8), ShearX=dict(level=8),
    ShearY=dict(level=8), TranslateX=dict(level=5), TranslateY=dict(level=5))


@pytest.mark.parametrize('name', FILLING)
def test_fill_values_of_mmdets_transforms(root, name):
    """Visible as mmdet makes it of that image alone; infrared likewise."""
    sample = build(root)[0]
    outs = []
    for kind, channels in ((name, slice(4)), (f'mmdet.{name}', slice(3)),
                           (f'mmdet.{name}', [3, 3, 3])):
        random.seed(3)
        np.random.seed(3)
        step = TRANSFORMS.build(dict(type=kind, **FILLING[name]))
        outs.append(
            step(
                dict(copy.deepcopy(sample),
                     img=sample['img'][..., channels].copy())))
    ours, visible, infrared = outs
    assert (ours['img'].shape != sample['img'].shape
            or (ours['img'] != sample['img']).any())
    np.testing.assert_array_equal(ours['img'][..., :3], visible['img'])
    np.testing.assert_array_equal(ours['img'][..., 3], infrared['img'][..., 0])
    for out in outs:
        assert out['img'].dtype == np.uint8
        np.testing.assert_array_equal(out['gt_bboxes'].tensor,
                                      visible['gt_bboxes'].tensor)
        assert out['img_shape'] == ours['img'].shape[:2]


def test_pad_of_stacks_maps_and_masks():
    from mmdet.structures.mask import BitmapMasks
    size = (5, 6)
    sample = dict(img=np.full(
        (*size, 7), 9, np.uint8), modalities=dict(vis=(0, 3), ir=(3, 4),
                                                  teacher=(4, 7)),
                  gt_mask_map=np.ones(size,
                                      np.uint8), seg_fields=['gt_mask_map'],
                  gt_masks=BitmapMasks(np.ones((1, *size), np.uint8), *size))
    for value, fill in ((2, [2] * 7), ((1, 2, 3), [1, 2, 3, 1, 1, 2,
                                                   3]), (range(7),
                                                         list(range(7)))):
        step = TRANSFORMS.build(
            dict(type='Pad', size=(8, 7), pad_val=dict(img=value)))
        out = step(dict(sample))
        assert out['img'].shape == out['pad_shape'] == (7, 8, 7)
        assert out['img_shape'] == (7, 8)
        assert (out['img'][:5, :6] == 9).all()
        assert out['img'][6, 7].tolist() == out['img'][0, 6].tolist() == fill
        assert out['gt_mask_map'].shape == (7, 8)
        assert (out['gt_mask_map'] == 255).sum() == 56 - 30
        assert out['gt_masks'].masks.shape == (1, 7, 8)
    with pytest.raises(ValueError, match='1, 3 or 7 values'):
        TRANSFORMS.build(
            dict(type='Pad', size=(8, 7),
                 pad_val=dict(img=(1, 2))))(dict(sample))


def test_label_maps_that_would_stay_behind(root):
    load = [LOAD[0], dict(type='DeriveBoxMask'), LOAD[1]]
    with pytest.raises(ValueError, match='gt_mask_map'):
        build(root, [*load, dict(type='Rotate', level=8)])[0]
    # mmdet's flip keeps the size, so that only packing can tell
    pack = dict(type='PackFusionInputs')
    flip = dict(type='mmdet.RandomFlip', prob=1.0)
    with pytest.raises(ValueError, match='the image flipped alone'):
        build(root, [*load, flip, pack])[0]
    own = [load[0], load[1], dict(type='RandomFlip', prob=1.0), pack]
    sample = build(root, own)[0]['data_samples']
    assert sample.gt_mask.data[0, 19, 64 - 16] == 1


@pytest.mark.parametrize('kind', ['CachedMosaic', 'CachedMixUp'])
def test_cached_transforms_move_pairs_and_boxes(root, kind):
    step = dict(
        CachedMosaic=dict(type='CachedMosaic', img_scale=(64, 48), pad_val=0.,
                          max_cached_images=8, random_pop=False, prob=1.0),
        CachedMixUp=dict(type='CachedMixUp', img_scale=(64, 48),
                         ratio_range=(1., 1.), max_cached_images=4, pad_val=0,
                         prob=1.0))[kind]
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


@pytest.mark.parametrize('kind', ['Mosaic', 'MixUp', 'CopyPaste'])
def test_transforms_of_mmdets_mix_dataset(root, kind):
    step = dict(
        CopyPaste=dict(type='CopyPaste', bbox_occluded_thr=1,
                       mask_occluded_thr=1, paste_by_box=True),
        Mosaic=dict(type='Mosaic', img_scale=(64, 48), pad_val=0., prob=1.0),
        MixUp=dict(type='MixUp', img_scale=(64, 48), ratio_range=(1., 1.),
                   pad_val=0.))[kind]
    dataset = DATASETS.build(
        dict(type='mmdet.MultiImageMixDataset', dataset=build(root),
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
            list(
                check_marks(
                    dict(img=image, gt_bboxes=boxes,
                         gt_bboxes_labels=counts[-1] * [0])))
    # of the pairs' own boxes one is an ignored one
    assert sum(count > own for count, own in zip(counts, (2, 1, 0, 1) *
                                                 2, strict=True)) >= 2


@pytest.mark.parametrize('kind', ['Mosaic', 'MixUp', 'CopyPaste'])
def test_sampler_repeats_the_draws_of_a_mix(root, kind):
    from mmfusion.datasets import DrawIndex
    options = (dict(paste_by_box=True) if kind == 'CopyPaste' else dict(
        img_scale=(64, 48)))
    dataset = DATASETS.build(
        dict(
            type='MultiImageMixDataset',
            dataset=build(root, [*LOAD, GEOMETRIC['flip']]), pipeline=[
                dict(type=kind, **options),
                dict(type='mmdet.RandomCrop', crop_size=(40, 40)),
                dict(type='PackFusionInputs')
            ]))
    assert len(dataset) == 4
    found = []
    for seed, draw in ((0, 5), (1, 5), (2, 6), (3, 7)):
        random.seed(seed)
        np.random.seed(seed)
        found.append(dataset[DrawIndex(0, draw, 0)]['inputs'])
    assert found[0].shape == found[1].shape
    assert (found[0] == found[1]).all()
    assert any(other.shape != found[0].shape or (other != found[0]).any()
               for other in found[2:])


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
    theirs = run(TRANSFORMS.build(dict(type='mmdet.Mosaic', **settings)),
                 slice(3))
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
    one, two, other = (dataset[DrawIndex(0, draw,
                                         0)]['gt_bboxes'].tensor.numpy()
                       for draw in (5, 5, 6))
    np.testing.assert_array_equal(one, two)
    assert one.shape != other.shape or (one != other).any()


def test_real_pairs(real_data):
    root = real_data / 'det_llvip'
    if not root.is_dir():
        pytest.skip('no det_llvip')
    dataset = DATASETS.build(
        dict(type='LLVIPDetDataset', data_root=str(root),
             ann_file='annotations/val.json',
             data_prefix=dict(vis_path='val/vi',
                              ir_path='val/ir'), pipeline=LOAD))
    assert len(dataset) == 10
    boxes = sum(len(dataset.get_data_info(k)['instances']) for k in range(10))
    assert boxes == 29  # one of them ignored
    assert dataset[0]['img'].shape == (1024, 1280, 4)
    assert cv2.imread(dataset.get_data_info(0)['ir_path']) is not None
