"""Losses that stand for metrics fall where the metrics get better."""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.functional.compute import compute
from mmfusion.functional.metric import get_metric
from mmfusion.models.losses import MetricLoss
from mmfusion.models.losses.metric_terms import TERMS, Triple
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

METRICS = [name for name in TERMS if name != 'range']


@pytest.fixture(scope='module')
def scene():
    """Infrared and visible image, and fused ones of all kinds; uint8."""
    rng = np.random.default_rng(0)

    def image(cells):
        field = rng.normal(size=(cells, cells)).astype(np.float32)
        field = cv2.resize(field, (176, 176), interpolation=cv2.INTER_CUBIC)
        return field / np.abs(field).max()

    ir = 128 + 70 * image(6) + 30 * image(20)
    vis = 110 + 40 * image(5) + 60 * image(40)
    mean = (ir + vis) / 2
    fused = dict(mean=mean, most=np.maximum(ir, vis), total=ir + vis - 119,
                 weak=119 + .3 * (mean - 119),
                 soft=cv2.GaussianBlur(mean, (0, 0), 3),
                 sharp=3 * mean - 2 * cv2.GaussianBlur(mean, (0, 0), 2),
                 noisy=mean + rng.normal(0, 25, mean.shape))
    ir, vis, *fused = (np.rint(x).clip(0, 255).astype(np.uint8)
                       for x in (ir, vis, *fused.values()))
    return ir, vis, fused


def tensor(image):
    return torch.from_numpy(image / 255).float()[None, None]


@pytest.mark.parametrize('name', METRICS)
def test_orders_images_as_the_metric_does(scene, name):
    ir, vis, fused = scene
    values = [compute(image, (ir, vis), [name])[name] for image in fused]
    losses = [
        TERMS[name](Triple(tensor(image), tensor(vis), tensor(ir))).item()
        for image in fused
    ]
    sign = -1 if get_metric(name).higher_is_better else 1
    ranks = [
        np.argsort(np.argsort(x)) for x in (sign * np.array(values), losses)
    ]
    assert np.corrcoef(ranks)[0, 1] > .8, (values, losses)


@pytest.mark.parametrize('flat', [True, False])
def test_gradients_are_finite(flat):
    vis, ir, fused = torch.rand(3, 2, 1, 64, 64)
    if flat:
        vis, ir, fused = (torch.full_like(vis, x) for x in (0., 1., .5))
    fused.requires_grad_()
    loss = MODELS.build(
        dict(type='MetricLoss', weights=dict.fromkeys(TERMS, 1.)))
    terms = loss(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                 dict(vis_luma=vis, ir=ir))
    assert set(terms) == set(TERMS)
    sum(terms.values()).backward()
    assert torch.isfinite(fused.grad).all() and fused.grad.any()


def test_range_counts_what_is_outside():
    fused = torch.tensor([-.5, .2, 1.25, 1.]).view(1, 1, 2, 2)
    term = TERMS['range'](Triple(fused, fused, fused))
    assert term.item() == pytest.approx(.75 / 4)


def test_unknown_metric():
    for weights in (dict(VIFF=1.), {}):
        with pytest.raises(ValueError, match='SCD'):
            MetricLoss(weights)
