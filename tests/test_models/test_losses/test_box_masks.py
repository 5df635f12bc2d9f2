"""Salient masks from boxes, and the losses that use them."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmfusion.models.losses import IntensityLoss, PSFusionLoss
from mmfusion.registry import TRANSFORMS
from mmfusion.structures import (FuserOutput, FusionDataSample, box_tensor,
                                 boxes_to_mask)


def test_rectangles_by_hand():
    mask = boxes_to_mask([[1, 2, 4, 3], [3.6, 0, 9, 1]], (4, 6))
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[2, 1:4] = True
    expected[0, 4:] = True  # the centre 3.5 lies outside
    assert torch.equal(mask, expected)
    assert not boxes_to_mask([], (4, 6)).any()
    assert not boxes_to_mask([[2, 2, 2, 3]], (4, 6)).any()


def test_ellipses_against_the_equation():
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(40, 2, generator=generator) * 40
    boxes = torch.cat(
        (first, first + 3 + 20 * torch.rand(40, 2, generator=generator)), 1)
    mask = boxes_to_mask(boxes, (50, 60), 'ellipse')
    y, x = np.mgrid[:50, :60] + 0.5
    expected = np.zeros((50, 60), bool)
    for x1, y1, x2, y2 in boxes.double().numpy():
        expected |= (((x - (x1 + x2) / 2) / ((x2 - x1) / 2))**2 +
                     ((y - (y1 + y2) / 2) / ((y2 - y1) / 2))**2) <= 1
    assert (mask.numpy() != expected).sum() <= 2  # float32 at the rim
    assert not (mask & ~boxes_to_mask(boxes, (50, 60))).any()


def test_bad_boxes():
    with pytest.raises(ValueError, match='N, 4'):
        box_tensor([[1, 2, 3, 4, 0.5]])
    with pytest.raises(ValueError, match='shape'):
        boxes_to_mask([], (4, 4), 'circle')


def output_and_inputs():
    torch.manual_seed(0)
    vis = torch.rand(2, 3, 32, 40)
    return (FuserOutput(fused=vis, luma=torch.rand(2, 1, 32, 40)),
            dict(vis=vis, ir=torch.rand(2, 1, 32, 40),
                 vis_luma=torch.rand(2, 1, 32, 40)))


def samples_with(boxes):
    samples = []
    for part in boxes:
        sample = FusionDataSample()
        sample.gt_instances = InstanceData(bboxes=torch.tensor(part))
        samples.append(sample)
    return samples


BOXES = [[[4., 5., 20., 30.]], [[0., 0., 7., 9.], [20., 10., 39., 31.]]]


@pytest.mark.parametrize('shape', ['rectangle', 'ellipse'])
@pytest.mark.parametrize('source', ['ir', 'vis'])
def test_boxes_are_as_good_as_their_mask(shape, source):
    output, inputs = output_and_inputs()
    with_boxes = samples_with(BOXES)
    with_masks = []
    for part in BOXES:
        sample = FusionDataSample()
        sample.gt_mask = PixelData(
            data=boxes_to_mask(part, (32, 40), shape)[None].long())
        with_masks.append(sample)
    by_boxes = IntensityLoss(source, target_mask='boxes', box_shape=shape)
    by_masks = IntensityLoss(source)
    expected = by_masks(output, inputs, with_masks)
    torch.testing.assert_close(by_boxes(output, inputs, with_boxes), expected)
    # and the mask matters
    assert not torch.isclose(by_masks(output, inputs, None), expected)


def test_psfusion_passes_the_option_on():
    output, inputs = output_and_inputs()
    loss = PSFusionLoss(semantic_weight=0, binary_weight=0, boundary_weight=0,
                        vis_weight=0, ir_weight=0, target_mask='boxes',
                        box_shape='rectangle')
    terms = loss(output, inputs, samples_with(BOXES))
    alone = IntensityLoss(target_mask='boxes', box_shape='rectangle',
                          loss_weight=10.)
    torch.testing.assert_close(terms['intensity'],
                               alone(output, inputs, samples_with(BOXES)))


def test_bad_options_and_samples_without_boxes():
    with pytest.raises(ValueError, match='target_mask'):
        IntensityLoss(target_mask='gt')
    with pytest.raises(ValueError, match='box_shape'):
        IntensityLoss(box_shape='circle')
    output, inputs = output_and_inputs()
    loss = IntensityLoss(target_mask='boxes')
    for samples in (None, [FusionDataSample(), FusionDataSample()]):
        with pytest.raises(ValueError, match='gt_instances'):
            loss(output, inputs, samples)


def loaded(**changes):
    sample = dict(
        img=np.zeros((20, 30, 4), np.uint8), ori_shape=(20, 30), instances=[
            dict(bbox=[2, 3, 12, 17], bbox_label=0, ignore_flag=0),
            dict(bbox=[10, 3, 25, 9], bbox_label=0, ignore_flag=1),
        ], seg_fields=[])
    return {**sample, **changes}


def test_derived_map_and_its_moves():
    out = TRANSFORMS.build(dict(type='DeriveBoxMask',
                                shape='rectangle'))(loaded())
    mask = out['gt_mask_map']
    assert (mask[3:17, 2:12] == 1).all() and (mask == 1).sum() == 140
    assert (mask[3:9, 12:25] == 255).all() and (mask == 255).sum() == 78
    assert out['seg_fields'] == ['gt_mask_map']
    flipped = TRANSFORMS.build(dict(type='RandomFlip', prob=1.0))(out)
    assert (flipped['gt_mask_map'][3:17, 18:28] == 1).all()


@pytest.mark.parametrize('changes, match', [
    (dict(instances=None), 'instances'),
    (dict(ori_shape=(40, 60)), 'as it was loaded'),
    (dict(flip=True), 'as it was loaded'),
])
def test_derived_map_of_wrong_samples(changes, match):
    with pytest.raises(ValueError, match=match):
        TRANSFORMS.build(dict(type='DeriveBoxMask'))(loaded(**changes))
    with pytest.raises(ValueError, match='shape'):
        TRANSFORMS.build(dict(type='DeriveBoxMask', shape='circle'))
