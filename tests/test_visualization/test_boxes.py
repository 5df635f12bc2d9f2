"""Boxes on images."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmfusion.structures import FusionDataSample
from mmfusion.visualization import FusionLocalVisualizer, draw_boxes


def instances(scores=(0.9, 0.2)):
    return InstanceData(
        bboxes=torch.tensor([[10., 20., 30., 40.], [50., 5., 60., 15.]]),
        labels=torch.tensor([0, 1]), scores=torch.tensor(scores))


def test_boxes_are_where_they_belong_and_low_scores_are_left_out():
    image = np.zeros((64, 80, 3), np.uint8)
    out = draw_boxes(image, instances(), with_text=False)
    assert not image.any()
    changed = np.argwhere(out.any(axis=2))
    assert changed.min(axis=0).tolist() == [20, 10]
    assert changed.max(axis=0).tolist() == [40, 30]
    both = draw_boxes(image, instances((0.9, 0.4)), with_text=False)
    assert both[5, 55].any() and (both[5, 55] != both[20, 20]).any()


def test_colours_and_text():
    image = np.zeros((64, 80, 3), np.uint8)
    out = draw_boxes(image, instances(), ('person', 'car'), [(1, 2, 3),
                                                             (4, 5, 6)])
    assert out[40, 20].tolist() == [1, 2, 3]
    # a label above the box, in its colour
    assert out[:19].any()


def test_ground_truth_and_nothing():
    image = np.zeros((64, 80, 3), np.uint8)
    truth = InstanceData(bboxes=torch.tensor([[10., 20., 30., 40.]]),
                         labels=torch.tensor([0]))
    assert draw_boxes(image, truth, with_text=False).any()
    empty = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0))
    assert not draw_boxes(image, empty).any()
    assert not draw_boxes(image, InstanceData()).any()


@pytest.mark.parametrize('threshold', [0.3, 0.0])
def test_panel_shows_boxes_on_the_fused_image(threshold):
    sample = FusionDataSample()
    sample.fused_img = PixelData(data=torch.full((3, 64, 80), 0.25))
    sample.pred_instances = instances()
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[10., 20., 30., 40.]]), labels=torch.tensor([0]))
    visualizer = FusionLocalVisualizer(classes=('person', 'car'),
                                       box_score_thr=threshold)
    image = np.zeros((64, 80, 3), np.uint8)
    panel = visualizer.draw(image, image[..., 0], sample)
    plain = visualizer.draw(image, image[..., 0], sample, draw_gt=False)
    assert panel.shape[1] - plain.shape[1] == 84  # a tile and a gap
    without = visualizer.draw(image, image[..., 0], sample, draw_gt=False,
                              draw_pred=False)
    assert without.shape[1] == plain.shape[1] - 84
    # the tile is the fused image with boxes on it, as many as pass
    fused, found = (plain[-64 - 4:-4, left:left + 80] for left in (172, 256))
    assert (fused == 64).all()
    boxes = [(found[y1:y2, x1:x2] != 64).any()
             for x1, y1, x2, y2 in ((28, 25, 34, 35), (58, 8, 64, 14))]
    assert boxes == [True, threshold == 0.0]
