"""Saliency, target masks and TarDAL's source loss, written down again."""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmfusion.models.losses import (SaliencyWeightedLoss, saliency_map,
                                    target_masks)
from mmfusion.structures import FuserOutput, FusionDataSample


@pytest.fixture
def images():
    """Three images of 256 levels, (2, 1, 12, 14) each."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, 2, 1, 12, 14), generator=generator) / 255


def contrast(image):
    levels = np.rint(255 * image.double().numpy())
    total = np.abs(levels[..., None, None] - levels).sum((-2, -1))
    return (total - total.min()) / (total.max() - total.min())


def similarity(a, b):
    steps = np.arange(11) - 5
    row = np.exp(-steps**2 / 4.5)
    kernel = np.outer(row, row) / row.sum()**2

    def mean(x):
        padded = np.pad(x, 5, mode='reflect')
        windows = np.lib.stride_tricks.sliding_window_view(padded, (11, 11))
        return (windows * kernel).sum((-2, -1))

    a, b = a.double().numpy(), b.double().numpy()
    ma, mb = mean(a), mean(b)
    cov = mean(a * b) - ma * mb
    own = mean(a * a) - ma**2 + mean(b * b) - mb**2
    return ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) *
                                                       (own + 9e-4)))


def test_global_contrast(images):
    image = images[0]
    for got, one in zip(saliency_map(image)[:, 0], image[:, 0], strict=True):
        np.testing.assert_allclose(got.numpy(), contrast(one), atol=1e-6)
    assert not saliency_map(torch.full((1, 1, 4, 4), 0.3)).any()


def test_each_pixel_follows_the_more_salient_source(images):
    fused, vis, ir = images
    total = 0
    for f, v, i in zip(*(x[:, 0] for x in images), strict=True):
        weight = 0.5 + 0.5 * (contrast(i) - contrast(v))
        ours, theirs = ((1 - similarity(f, x)) / 2 + 20 *
                        (f - x).abs().double().numpy() for x in (i, v))
        total += (weight * ours + (1 - weight) * theirs).mean() / 2
    leaf = fused.clone().requires_grad_()
    loss = SaliencyWeightedLoss(loss_weight=0.5)(FuserOutput(
        leaf.expand(-1, 3, -1, -1), leaf), dict(vis_luma=vis, ir=ir))
    assert abs(loss.item() - total / 2) < 1e-5
    loss.backward()
    assert leaf.grad.isfinite().all() and leaf.grad.any()


def test_masks_of_what_a_pair_has():
    """A map, else boxes, else what is warm and stands out."""
    masked, boxed, bare = (FusionDataSample() for _ in range(3))
    label = torch.zeros(1, 6, 8, dtype=torch.long)
    label[0, 0, :3] = torch.tensor([1, 1, 255])
    masked.gt_mask = PixelData(data=label)
    masked.gt_instances = InstanceData(bboxes=torch.tensor([[0., 0, 8, 6]]))
    boxed.gt_instances = InstanceData(bboxes=torch.tensor([[2., 1, 4, 3]]))
    ir = torch.full((3, 1, 6, 8), 0.4)
    ir[:, :, 4:, 6:] = 0.9
    ir[:, :, 0, 0] = 0.
    samples = [masked, boxed, bare]
    first, second, third = target_masks(samples, ir, 'it',
                                        box_shape='rectangle')[:, 0]
    assert first.nonzero().tolist() == [[0, 0], [0, 1]]
    assert second.sum() == 4 and second[1:3, 2:4].all()
    assert third.sum() == 4 and third[4:, 6:].all()
    assert torch.equal(target_masks(None, ir, 'it')[0, 0], third)
    boxes = target_masks(samples[:2], ir[:2], 'it', 'boxes', 'rectangle')
    assert boxes[0].all() and torch.equal(boxes[1, 0], second)
    for source, match in (('gt_mask', "it: expected 'gt_mask'"),
                          ('boxes', "it: expected 'gt_instances'"),
                          ('labels', 'target_mask')):
        with pytest.raises(ValueError, match=match):
            target_masks([bare], ir[:1], 'it', source)
