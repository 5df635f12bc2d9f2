"""OnModality and PackFusionInputs."""
import numpy as np
import pytest
import torch

from mmfusion.registry import TRANSFORMS
from mmfusion.structures import FusionDataSample

PHOTO = dict(type='mmseg.PhotoMetricDistortion')


def on(modality, *transforms, **kwargs):
    return TRANSFORMS.build(
        dict(type='OnModality', modality=modality, transforms=list(transforms),
             **kwargs))


def colour_sample(dtype=np.uint8):
    img = np.random.default_rng(0).integers(0, 256, (16, 20, 4))
    return dict(img=img.astype(dtype), modalities={
        'vis': (0, 3),
        'ir': (3, 4)
    }, seg_fields=[])


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('modality', ['vis', 'ir'])
def test_photometric_touches_one_modality(modality, dtype):
    np.random.seed(1)
    sample = colour_sample(dtype)
    before = sample['img'].copy()
    after = on(modality, PHOTO)(sample)['img']
    first, end = sample['modalities'][modality]
    assert after.dtype == dtype and after.shape == before.shape
    assert np.any(after[..., first:end] != before[..., first:end])
    rest = [c for c in range(4) if not first <= c < end]
    np.testing.assert_array_equal(after[..., rest], before[..., rest])


def test_same_result_as_the_transform_alone():
    sample = colour_sample()
    vis = np.ascontiguousarray(sample['img'][..., :3])
    np.random.seed(5)
    expected = TRANSFORMS.build(PHOTO)(dict(img=vis))['img']
    np.random.seed(5)
    out = on('vis', PHOTO)(sample)['img'][..., :3]
    np.testing.assert_array_equal(out, expected)


def test_grey_modality_sees_three_channels_and_comes_back_exactly():
    seen = []

    def look(results):
        seen.append(results['img'])
        return results

    sample = colour_sample()
    before = sample['img'].copy()
    out = on('ir', look)(sample)['img']
    assert seen[0].shape == (16, 20, 3)
    for channel in range(3):
        np.testing.assert_array_equal(seen[0][..., channel], before[..., 3])
    np.testing.assert_array_equal(out, before)


def test_source_image_is_not_written_to():
    sample = colour_sample()
    source = sample['img']
    before = source.copy()
    on('vis', lambda r: {**r, 'img': 255 - r['img']})(sample)
    np.testing.assert_array_equal(source, before)


def test_rounding_back_to_bytes():
    out = on('ir', lambda r: {
        **r, 'img': r['img'] * 1.5 + 0.6
    })(colour_sample())['img'][..., 3]
    source = colour_sample()['img'][..., 3]
    expected = np.minimum(source * 1.5 + 0.6, 255)
    assert np.abs(out - expected).max() <= 1
    assert (out[expected == 255] == 255).all()


def test_float_without_rounding():
    sample = colour_sample(np.float32)
    sample['img'] += 0.25
    before = sample['img'].copy()
    out = on('vis', lambda r: r, as_uint8=False)(sample)['img']
    np.testing.assert_array_equal(out, before)


def test_geometric_transform_is_an_error():
    with pytest.raises(ValueError, match='keep the size'):
        on('ir', dict(type='mmseg.Resize', scale=(8, 8)))(colour_sample())


def test_unknown_modality():
    with pytest.raises(ValueError, match='depth'):
        on('depth', PHOTO)(colour_sample())


# ------------------------------------------------------------------ packing
def test_packing(marked):
    sample = marked()
    sample.update(vis_path='v.png', ir_path='i.png', seg_map_path='l.png',
                  sample_idx=3, flip=True, flip_direction='horizontal',
                  scale_factor=(1.0, 1.0), reduce_zero_label=False, secret=1)
    out = TRANSFORMS.build(dict(type='PackFusionInputs'))(sample)
    assert out['inputs'].shape == (4, 48, 64)
    assert out['inputs'].dtype == torch.uint8
    assert out['inputs'].is_contiguous()
    np.testing.assert_array_equal(out['inputs'],
                                  sample['img'].transpose(2, 0, 1))
    data = out['data_samples']
    assert isinstance(data, FusionDataSample)
    for field, key in (('gt_sem_seg', 'gt_seg_map'), ('gt_binary',
                                                      'gt_binary_map'),
                       ('gt_boundary', 'gt_boundary_map'), ('gt_mask',
                                                            'gt_mask_map')):
        value = getattr(data, field).data
        assert value.dtype == torch.int64 and value.shape == (1, 48, 64)
        np.testing.assert_array_equal(value[0], sample[key])
    for key in ('vis_path', 'ir_path', 'seg_map_path', 'ori_shape',
                'img_shape', 'scale_factor', 'flip', 'flip_direction',
                'reduce_zero_label', 'modalities', 'sample_idx'):
        assert data.metainfo[key] == sample[key]
    assert 'secret' not in data.metainfo


def test_packing_without_labels_and_with_two_dimensions():
    out = TRANSFORMS.build(dict(type='PackFusionInputs'))(
        dict(img=np.zeros((4, 6), np.uint8)))
    assert out['inputs'].shape == (1, 4, 6)
    assert 'gt_sem_seg' not in out['data_samples']


def test_packing_notices_maps_left_behind(marked):
    """mmcv's own Resize moves the label map only."""
    from mmcv.transforms import Resize
    sample = Resize(scale=(96, 80))(marked())
    sample['ori_shape'] = (1, 1)
    with pytest.raises(ValueError, match='gt_binary_map|seg_fields'):
        TRANSFORMS.build(dict(type='PackFusionInputs'))(sample)
