"""Every published fuser learns from a detector behind it."""
import pytest
import torch

from mmfusion.models.fusers import zoo
from mmfusion.models.fusers.zoo import RuleFuser
from mmfusion.registry import MODELS
from mmfusion.utils.config_file import load_config
from tests.support.config_cases import demo_fusion_inputs, shrink_config

NAMES = [
    name for name in zoo.__all__
    if isinstance(getattr(zoo, name), type) and name != RuleFuser.__name__
]


@pytest.fixture(scope='module')
def model():
    """RTMDet behind a rule, whose place each fuser takes."""
    torch.manual_seed(0)
    cfg = load_config('mmfusion::fuser_detectors/joint_llvip.py', scale='mini',
                      options=dict(fuser='visible'))
    return MODELS.build(shrink_config(cfg, (64, 64)).model).train()


@pytest.mark.detection
@pytest.mark.parametrize('name', NAMES)
def test_learns(model, name):
    model.fuser = MODELS.build(dict(type=name)).train()
    data = model.data_preprocessor(demo_fusion_inputs(2), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    grads = [
        value.grad for value in model.fuser.parameters() if value.requires_grad
    ]
    assert all(torch.isfinite(grad).all() for grad in grads)
    assert any(grad.any() for grad in grads)
