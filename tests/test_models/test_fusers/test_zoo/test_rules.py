"""Fusion rules, and fusers of any number of sources."""
import numpy as np
import pytest
import torch

from mmfusion.models.fusers import RuleFuser, fusion_rule
from mmfusion.registry import FUSION_RULES, MODELS
from mmfusion.utils.errors import UsageError

MANY = ('AverageFuser', 'MaximumFuser', 'LaplacianPyramidFuser',
        'GuidedFilterFuser', 'DenseFuse', 'DeepFuse', 'IFCNN', 'DIDFuse')


class Plain(RuleFuser):
    """The images themselves are the maps."""

    def encode(self, image):
        return (image, )

    def decode(self, maps):
        return maps[0]


def test_rules_of_any_number():
    maps = torch.tensor([[1., -2.], [3., 4.], [-5., 0.]]).view(3, 1, 2, 1, 1)
    for count in (2, 3):
        part = list(maps[:count])
        stack = maps[:count]
        for name, expected in (('add', stack.sum(0)), ('mean', stack.mean(0)),
                               ('max', stack.amax(0))):
            torch.testing.assert_close(fusion_rule(name)(part), expected)


@pytest.mark.parametrize('window', [1, 3])
def test_l1_norm(window):
    """Against loops over pixels."""
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((3, 4, 5, 6))
    activity = np.abs(maps).sum(1)
    r = window // 2
    padded = np.pad(activity, ((0, 0), (r, r), (r, r)))
    mean = np.stack(
        [[[plane[y:y + window, x:x + window].mean() for x in range(6)]
          for y in range(5)] for plane in padded])
    expected = (maps * (mean / mean.sum(0))[:, None]).sum(0)
    rule = fusion_rule(dict(type='l1_norm', window=window))
    got = rule(list(torch.from_numpy(maps)[:, None]))[0]
    np.testing.assert_allclose(got.numpy(), expected)
    zero = torch.zeros(1, 2, 4, 4)
    assert not rule([zero, zero]).any()


def test_own_rule_for_any_encoder():
    """A user's rule goes to our fuser, our rules to a user's encoder."""

    @FUSION_RULES.register_module(name='first', force=True)
    def first(maps):
        return maps[0]

    try:
        images = torch.rand(3, 1, 1, 8, 8)
        assert torch.equal(Plain('first').fuse_luma(*images)[0], images[0])
        torch.testing.assert_close(
            Plain('mean').fuse_luma(*images)[0], images.mean(0))
        MODELS.build(dict(type='DenseFuse', rule='first'))
    finally:
        del FUSION_RULES.module_dict['first']
    with pytest.raises(
            ValueError, match="'add', 'l1_norm', 'max', 'mean'.*"
            "got 'median'"):
        Plain('median')


@pytest.mark.parametrize('name', MANY)
@torch.no_grad()
def test_fusers_of_many(name):
    """Three sources are not two, and their order after the first is free."""
    torch.manual_seed(0)
    fuser = MODELS.build(dict(type=name)).eval()
    images = torch.rand(4, 2, 1, 33, 20)
    vis = images[0].expand(-1, 3, -1, -1)
    fused = fuser(vis, *images[1:]).fused
    assert fused.shape == (2, 3, 33, 20) and fused.isfinite().all()
    torch.testing.assert_close(fuser(vis, *images[1:].flip(0)).fused, fused)
    assert (fuser(vis, images[1]).fused - fused).abs().max() > 1e-4


def test_method_of_two_refuses_three():
    fuser = MODELS.build(dict(type='MMDRFuseStudent'))
    with pytest.raises(UsageError, match='MMDRFuseStudent fuses 2 sources, '
                       'got 3'):
        fuser(torch.rand(1, 3, 8, 8), *torch.rand(2, 1, 1, 8, 8))


def test_weights_of_the_average():
    fuser = MODELS.build(dict(type='AverageFuser', weights=(0.5, 0.25, 0.25)))
    vis, ir = torch.zeros(1, 3, 4, 4), torch.ones(1, 1, 4, 4)
    torch.testing.assert_close(fuser(vis, ir, ir).luma, ir / 2)
    for others in ((ir, ), (ir, ir, ir)):
        with pytest.raises(UsageError, match=f'3 sources, got '
                           f'{1 + len(others)}'):
            fuser(vis, *others)


def test_autoencoder_learns_to_reconstruct():
    torch.manual_seed(0)
    fuser = MODELS.build(dict(type='DenseFuse', autoencoder=True)).train()
    images = torch.rand(3, 1, 1, 8, 8)
    fused, aux = fuser.fuse_luma(*images)
    assert sorted(aux) == ['ir_rec', 'more.0_rec', 'vis_rec']
    assert not fused.requires_grad
    assert all(value.requires_grad for value in aux.values())
    torch.testing.assert_close(aux['ir_rec'],
                               fuser.decode(fuser.encode(images[1])))
    assert not fuser.eval().fuse_luma(*images)[1]
