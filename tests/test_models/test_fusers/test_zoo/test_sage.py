"""SAGE's student: visible first, odd sizes, taught level by level."""
import pytest
import torch

from mmfusion.models.fusers import SAGE
from mmfusion.registry import MODELS
from tests.support.zoo import Golden, Published, ZooMenu

FILE = 'checkpoints.pt'


class TestSAGE(ZooMenu):
    method, folder, kind = 'sage', 'SAGE', 'SAGE'
    golden = (Golden('SAGE', FILE), )
    published = (Published(('m3fd_00000', 'm3fd_00001', 'm3fd_00002'), FILE,
                           edge=24), )
    fills = (0.0840092, 0.0259261, 0.0189606, 0.0835361, 0.0835913, 0.0975347,
             -0.0712116, -0.0273242)


@torch.no_grad()
def test_odd_sizes():
    fuser = SAGE(width=4).eval()
    fused = fuser.fuse_luma(*torch.rand(2, 1, 1, 25, 31))
    assert fused.shape == (1, 1, 25, 31)
    assert sum(p.numel() for p in SAGE().parameters()) == 135617


def test_five_levels_of_a_teacher():
    """L_m of the paper: one less the mean cosine of each."""
    levels = [
        dict(
            student=f'module.stages.{k}', teacher=f'module.stages.{k}',
            name=f'level_{k}', loss=dict(type='DistanceLoss',
                                         distance='cosine', loss_weight=0.3))
        for k in range(5)
    ]
    torch.manual_seed(0)
    model = MODELS.build(
        dict(type='FuserDistiller', random_teacher=True, pairs=levels,
             teacher=dict(type='SAGE',
                          width=4), student=dict(type='SAGE', width=4)))
    inputs = torch.rand(2, 4, 16, 24)
    losses = model(inputs, mode='loss')
    assert list(losses) == [f'loss_distill.level_{k}' for k in range(5)]
    assert all(value > 1e-3 for value in losses.values())
    model.fuser.load_state_dict(model.teacher.state_dict())
    model.fuser.eval()
    for value in model(inputs, mode='loss').values():
        assert value.item() == pytest.approx(0., abs=1e-5)
