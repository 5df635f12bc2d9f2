"""What stands in for mmcv's compiled operators, through mmcv's own calls."""
import importlib
import subprocess
import sys

import pytest
import torch
import torchvision
from mmcv import ops as mmcv_ops
from torch import nn

from mmfusion.utils import operators
from mmfusion.utils.compat import DetectionMissing

ROIS = torch.tensor([[0., 1., 2., 9., 7.], [1., 0., 0., 6., 11.],
                     [1., 3., 3., 4., 4.]])


@pytest.fixture(autouse=True)
def served(monkeypatch):
    """mmcv calls ours, whether or not it has its own."""
    for name, module in list(sys.modules.items()):
        if name.startswith('mmcv.ops.') and hasattr(module, 'ext_module'):
            monkeypatch.setattr(module, 'ext_module', operators)


def same_with_gradients(ours, theirs, *inputs):
    """Outputs and gradients by all inputs, of one random projection."""
    results = []
    for function in (ours, theirs):
        leaves = [x.clone().requires_grad_() for x in inputs]
        out = function(*leaves)
        weight = torch.rand(out.shape, generator=torch.manual_seed(1))
        results.append((out, *torch.autograd.grad(
            (out * weight).sum(), leaves)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('aligned, ratio', [(True, 0), (False, 2)])
def test_roi_align(aligned, ratio):
    layer = mmcv_ops.RoIAlign((3, 2), 0.5, ratio, aligned=aligned)
    same_with_gradients(
        lambda x: layer(x, ROIS),
        lambda x: torchvision.ops.roi_align(x, ROIS,
                                            (3, 2), 0.5, ratio, aligned),
        torch.randn(2, 3, 8, 9))


def test_roi_pool():
    layer = mmcv_ops.RoIPool((2, 2), 1.)
    same_with_gradients(lambda x: layer(x, ROIS),
                        lambda x: torchvision.ops.roi_pool(x, ROIS, (2, 2)),
                        torch.randn(2, 3, 12, 12))


@pytest.mark.parametrize('groups, deform_groups', [(1, 1), (2, 2)])
def test_deformable_convolutions(groups, deform_groups):
    """Of the first version, and of the second with mask and bias."""
    torch.manual_seed(0)
    how = dict(stride=(1, 2), padding=(2, 1), dilation=(2, 1))
    x, weight = torch.randn(2, 4, 8, 9), torch.randn(6, 4 // groups, 3, 3)
    height, width = 8, 5
    offset = torch.randn(2, 18 * deform_groups, height, width)
    mask = torch.rand(2, 9 * deform_groups, height, width)
    bias = torch.randn(6)
    same_with_gradients(
        lambda x, o, w: mmcv_ops.deform_conv2d(x, o, w, *how.values(), groups,
                                               deform_groups),
        lambda x, o, w: torchvision.ops.deform_conv2d(x, o, w, **how), x,
        offset, weight)
    same_with_gradients(
        lambda x, o, m, w, b: mmcv_ops.modulated_deform_conv2d(
            x, o, m, w, b, *how.values(), groups, deform_groups),
        lambda x, o, m, w, b: torchvision.ops.deform_conv2d(
            x, o, w, b, mask=m, **how), x, offset, mask, weight, bias)
    same_with_gradients(
        lambda x, o, m, w: mmcv_ops.modulated_deform_conv2d(
            x, o, m, w, None, *how.values(), groups, deform_groups),
        lambda x, o, m, w: torchvision.ops.deform_conv2d(
            x, o, w, mask=m, **how), x, offset, mask, weight)


def test_offsets_that_are_larger_than_the_output():
    """mmcv reads the first values of each sample; DyHead hands such over."""
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 4, 4), torch.randn(5, 3, 3, 3)
    offset, mask = torch.randn(2, 18, 8, 8), torch.rand(2, 9, 8, 8)
    first = [
        torch.stack([sample.flatten()[:len(sample) * 16]
                     for sample in maps]).reshape(2, -1, 4, 4)
        for maps in (offset, mask)
    ]
    got = mmcv_ops.modulated_deform_conv2d(x, offset, mask, weight, None, 1, 1,
                                           1, 1, 1)
    torch.testing.assert_close(
        got,
        torchvision.ops.deform_conv2d(x, first[0], weight, padding=1,
                                      mask=first[1]))


def test_attention_over_levels():
    module = importlib.import_module('mmcv.ops.multi_scale_deform_attn')
    torch.manual_seed(0)
    shapes = torch.tensor([[4, 5], [2, 3]])
    starts = torch.tensor([0, 20])
    value = torch.randn(2, 26, 2, 4)
    places, weights = torch.rand(2, 7, 2, 2, 3, 2), torch.rand(2, 7, 2, 2, 3)
    same_with_gradients(
        lambda *x: module.MultiScaleDeformableAttnFunction.apply(
            x[0], shapes, starts, *x[1:], 64),
        lambda *x: module.multi_scale_deformable_attn_pytorch(
            x[0], shapes, *x[1:]), value, places, weights)


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_focal_loss(reduction):
    """Against the cross entropy with the weight of each term."""
    labels = torch.tensor([0, 2, 3, 1])  # 3 is the background

    def expected(x):
        true = torch.eye(4)[labels][:, :3]
        p = x.sigmoid()
        terms = nn.functional.binary_cross_entropy(p, true, reduction='none')
        right = true * p + (1 - true) * (1 - p)
        alpha = 0.25 * true + 0.75 * (1 - true)
        loss = (alpha * (1 - right)**2 * terms).sum()
        return loss if reduction == 'sum' else loss / len(x)

    same_with_gradients(
        lambda x: mmcv_ops.sigmoid_focal_loss(x, labels, 2., 0.25, None,
                                              reduction), expected,
        torch.randn(4, 3))


@pytest.mark.parametrize('offset', [0, 1])
def test_nms(offset):
    """Against pairs one by one; a threshold between both conventions."""
    boxes = torch.tensor([[0., 0., 4., 4.], [0., 0., 4., 2.],
                          [10., 10., 12., 12.], [10., 11., 12., 12.]])
    scores = torch.tensor([0.9, 0.8, 0.3, 0.7])
    # 0.5 and 0.5, or 15 / 25 and 6 / 9
    kept = dict(zip((0, 1), ([0, 1, 3, 2], [0, 3]), strict=True))[offset]
    found, indices = mmcv_ops.nms(boxes, scores, 0.55, offset=offset)
    assert indices.tolist() == kept
    torch.testing.assert_close(found,
                               torch.cat([boxes, scores[:, None]], 1)[kept])
    limited, _ = mmcv_ops.nms(boxes, scores, 0.55, offset=offset,
                              score_threshold=0.5, max_num=1)
    assert len(limited) == 1


@pytest.mark.parametrize('call, name', [
    (lambda: mmcv_ops.soft_nms(ROIS[:, 1:], ROIS[:, 0]), "'softnms'"),
    (lambda: mmcv_ops.RoIAlign(2, pool_mode='max')
     (torch.rand(2, 1, 4, 4), ROIS), "pool_mode='max'"),
    (lambda: mmcv_ops.sigmoid_focal_loss(torch.rand(1, 2), torch.tensor(
        [0]), 2., 0.25, torch.ones(2)), 'weights of classes'),
])
def test_others_are_named(call, name):
    with pytest.raises(DetectionMissing, match='make setup OPERATORS=1') as e:
        call()
    assert name in str(e.value)


def test_found_where_none_are_compiled():
    """Under mmcv's name, behind compiled ones."""
    code = '''
import importlib
import sys
import mmfusion
from mmfusion.utils.compat import OperatorFinder
finder = sys.meta_path[-1]
assert isinstance(finder, OperatorFinder)
importlib.invalidate_caches()  # asks every finder
sys.meta_path.insert(0, finder)
from mmcv.ops import get_compiler_version, nms, soft_nms
from mmfusion.utils import has_mmcv_ops
assert not has_mmcv_ops() and 'torchvision' in get_compiler_version()
'''
    subprocess.run([sys.executable, '-c', code], check=True, timeout=300)
