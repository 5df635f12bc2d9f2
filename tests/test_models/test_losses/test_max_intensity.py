"""MaxIntensityLoss: value, gradient, shell."""
import pytest
import torch

from mmfusion.models.losses import max_intensity_loss
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput


def test_value_is_the_distance_to_the_brighter_source():
    vis, ir = torch.tensor([0.1, 0.8]), torch.tensor([0.5, 0.2])
    fused = torch.tensor([0.4, 0.9])
    value = max_intensity_loss(*(x.view(1, 1, 1, 2) for x in (fused, vis, ir)))
    assert value.item() == pytest.approx(0.1)


def test_shell_weighs_and_is_symmetric():
    torch.manual_seed(0)
    fused, vis, ir = torch.rand(3, 2, 1, 4, 5)
    loss = MODELS.build(dict(type='MaxIntensityLoss', loss_weight=3.0))
    output = FuserOutput(fused.expand(-1, 3, -1, -1), fused)
    value = loss(output, dict(vis_luma=vis, ir=ir))
    assert torch.allclose(value, 3 * max_intensity_loss(fused, ir, vis))


def test_gradient():
    torch.manual_seed(0)
    values = torch.rand(3, 1, 1, 3, 3, dtype=torch.float64)
    fused = values[0].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: max_intensity_loss(x, values[1], values[2]), fused)
