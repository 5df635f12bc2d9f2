"""FusionDataPreprocessor: colour order, range, padding and how to undo it."""
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from torch import nn

from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample

MAPS = ('gt_sem_seg', 'gt_binary', 'gt_boundary', 'gt_mask')


def build(**kwargs):
    return MODELS.build(dict(type='FusionDataPreprocessor', **kwargs))


def image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (4, height, width), np.uint8))


def sample(height, width):
    out = FusionDataSample(metainfo=dict(ori_shape=(height,
                                                    width), img_shape=(height,
                                                                       width)))
    for name in MAPS:
        setattr(out, name, PixelData(data=torch.ones(1, height, width).long()))
    return out


@pytest.mark.parametrize('stacked', [True, False])
def test_colour_and_range(stacked):
    images = [image(6, 9, 0), image(6, 9, 1)]
    data = dict(inputs=torch.stack(images) if stacked else images)
    out = build()(data)
    assert out['data_samples'] is None
    assert out['inputs'].dtype == torch.float32
    expected = torch.stack(images)[:, [2, 1, 0, 3]].double() / 255
    torch.testing.assert_close(out['inputs'].double(), expected, rtol=0,
                               atol=1e-7)
    assert images[0].dtype == torch.uint8


def test_white_is_exactly_one():
    white = torch.full((1, 4, 2, 2), 255, dtype=torch.uint8)
    assert (build()(dict(inputs=white))['inputs'] == 1).all()


def test_without_swap_and_with_other_modalities():
    data = dict(inputs=[image(4, 4)])
    kept = build(bgr_to_rgb=False)(data)['inputs'][0]
    torch.testing.assert_close(kept, data['inputs'][0] / 255)
    pair = torch.cat([image(4, 4), image(4, 4, 1)[:2]])
    out = build(modalities=dict(near=3, far=3))(dict(inputs=[pair]))['inputs']
    torch.testing.assert_close(out[0], pair[[2, 1, 0, 5, 4, 3]] / 255)


def test_float_input_in_byte_range_is_not_changed_in_place():
    source = image(4, 5).float()
    before = source.clone()
    out = build(bgr_to_rgb=False)(dict(inputs=source[None]))['inputs']
    torch.testing.assert_close(out[0], before / 255)
    assert torch.equal(source, before)


@pytest.mark.parametrize('kwargs, shape, training', [
    ({}, (10, 12), True),
    ({}, (10, 12), False),
    (dict(size_divisor=8), (16, 16), True),
    (dict(size_divisor=8), (16, 16), False),
    (dict(size=(16, 20)), (16, 20), True),
    (dict(size=(16, 20)), (10, 12), False),
    (dict(size=(8, 8)), (10, 12), True),
    (dict(size=(15, 20), size_divisor=8), (16, 24), True),
])
def test_padding(kwargs, shape, training):
    sizes = [(10, 7), (6, 12)]
    data = dict(inputs=[image(*size) for size in sizes],
                data_samples=[sample(*size) for size in sizes])
    out = build(**kwargs)(data, training)
    assert out['inputs'].shape == (2, 4, *shape)
    plain = build()
    for i, (height, width) in enumerate(sizes):
        alone = plain(dict(inputs=[image(height, width)]))['inputs'][0]
        torch.testing.assert_close(out['inputs'][i, :, :height, :width], alone)
        assert out['inputs'][i, :, height:].abs().sum() == 0
        assert out['inputs'][i, :, :, width:].abs().sum() == 0
        meta = out['data_samples'][i].metainfo
        padding = (0, shape[1] - width, 0, shape[0] - height)
        assert meta['padding_size'] == padding
        assert meta['pad_shape'] == shape
        assert meta['img_shape'] == meta['ori_shape'] == (height, width)
        assert type(meta['img_shape']) is tuple
        assert ('img_padding_size' in meta) != training
        for name in MAPS:
            gt = getattr(out['data_samples'][i], name).data
            if training:
                assert gt.shape == (1, *shape) and gt.dtype == torch.int64
                assert (gt[:, :height, :width] == 1).all()
                assert (gt[:, height:] == 255).all()
                assert (gt[:, :, width:] == 255).all()
            else:
                assert gt.shape == (1, height, width)


def test_replicate_padding():
    source = image(5, 6)
    out = build(size_divisor=8, pad_mode='replicate')(dict(inputs=[source]))
    expected = np.pad(source.numpy()[[2, 1, 0, 3]], ((0, 0), (0, 3), (0, 2)),
                      'edge')
    torch.testing.assert_close(out['inputs'][0],
                               torch.from_numpy(expected) / 255)


def test_mmseg_crops_its_prediction_back():
    """mmseg's own post-processing undoes our padding."""
    from mmseg.models.segmentors.base import BaseSegmentor

    size = (10, 13)
    data = build(size_divisor=8)(dict(inputs=[image(*size)],
                                      data_samples=[sample(*size)]))
    logits = torch.zeros(1, 2, 16, 16)
    logits[:, 1, :10, :13] = 1

    class Plain:
        align_corners = False

    done = BaseSegmentor.postprocess_result(Plain(), logits,
                                            data['data_samples'])
    assert done[0].pred_sem_seg.shape == size
    assert (done[0].pred_sem_seg.data == 1).all()


@pytest.mark.parametrize(
    'ori, scale_factor, content',
    [
        ((96, 128), (0.5, 0.5), (48, 64)),  # Resize, then Pad
        ((48, 64), None, (48, 64)),  # Pad alone
        ((47, 61), (0.999, 1.001), (47, 61)),
    ])
def test_padding_of_the_pipeline(ori, scale_factor, content):
    """mmcv's Pad records the padded size alone."""
    from mmfusion.models.wrappers.joint_model import JointFusionModel
    from mmfusion.models.wrappers.output_policy import restore
    data = torch.zeros(4, 64, 64, dtype=torch.uint8)
    data[:, :content[0], :content[1]] = 255
    meta = dict(ori_shape=ori, img_shape=(64, 64), pad_shape=(64, 64, 4))
    if scale_factor:
        meta.update(scale_factor=scale_factor)
    for training in (False, True):
        item = FusionDataSample(metainfo=meta)
        out = build(size_divisor=40)(dict(inputs=[data], data_samples=[item]),
                                     training)
        item, = out['data_samples']
        assert out['inputs'].shape[2:] == (80, 80)
        if training:
            assert item.padding_size == (0, 16, 0, 16)
            continue
        assert item.img_padding_size == (0, 80 - content[1], 0,
                                         80 - content[0])
        image = restore(out['inputs'][0, :3], item.metainfo)
        assert image.shape == (3, *ori)
        torch.testing.assert_close(image, torch.ones(3, *ori))
        JointFusionModel.complete([item], out['inputs'])
        assert item.scale_factor == (scale_factor or (1., 1.))


@pytest.mark.parametrize(
    'meta',
    [
        dict(ori_shape=(128, 128), pad_shape=(64, 64, 4)),  # a crop, padded
        dict(ori_shape=(32, 32)),  # enlarged
    ])
def test_no_padding_of_the_pipeline(meta):
    item = FusionDataSample(metainfo=dict(meta, img_shape=(64, 64)))
    data = torch.zeros(4, 64, 64, dtype=torch.uint8)
    item, = build()(dict(inputs=[data], data_samples=[item]))['data_samples']
    assert item.img_padding_size == (0, 0, 0, 0)


@MODELS.register_module(name='_TestNegative')
class Negative(nn.Module):

    def forward(self, inputs, data_samples):
        return 1 - inputs, data_samples


def test_batch_augments_run_in_training_only():
    prepare = build(batch_augments=[dict(type='_TestNegative')])
    data = dict(inputs=[image(4, 4)])
    plain = build()(data)['inputs']
    torch.testing.assert_close(prepare(data, False)['inputs'], plain)
    torch.testing.assert_close(prepare(data, True)['inputs'], 1 - plain)


def test_has_no_state():
    assert not build().state_dict()


@pytest.mark.parametrize(
    'kwargs',
    [dict(pad_mode='mirror'), dict(size_divisor=0)])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='Expected'):
        build(**kwargs)


@pytest.mark.parametrize('shape', [(3, 8, 8), (8, 8)])
def test_wrong_channels(shape):
    with pytest.raises(ValueError, match='modalities'):
        build()(dict(inputs=[torch.zeros(shape)]))
