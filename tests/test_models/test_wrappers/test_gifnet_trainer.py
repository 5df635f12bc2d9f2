"""GIFNet's two tasks in turn."""
import pytest
import torch

from mmfusion.models.wrappers import inference_config
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError

MSE = dict(type='SourceMSELoss')
CFG = dict(type='GIFNetTrainer', fuser=dict(type='GIFNet', growth=4,
                                            widths=(8, 8, 8, 4)),
           fusion_losses=dict(pair=MSE), focus_losses=dict(focus=MSE), blur=1.)


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build({**CFG, **kwargs}).train()


def test_tasks_take_turns():
    """No gradient of the pairs reaches the multi-focus branch."""
    model = build()
    inputs = torch.rand(2, 4, 24, 28)
    for turn in range(4):
        model.zero_grad()
        losses = model(inputs, mode='loss')
        own = 'loss_focus' if turn % 2 else 'loss_pair'
        assert set(losses) == {own, 'loss_reconstruction'}
        sum(losses.values()).backward()
        learning = {
            name for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }
        for part in ('fuser.focus', 'fuser.ending'):
            assert any(name.startswith(part) for name in learning) == turn % 2
        assert any('only_training.ending' in name
                   for name in learning) == 1 - turn % 2
        for part in ('encoder', 'infrared', 'biases', 'merge', 'decoder'):
            assert any(name.startswith(f'fuser.{part}') for name in learning)


def test_out_of_focus_parts_complement_each_other():
    model = build(blur=2.)
    y = torch.rand(3, 1, 40, 48)
    near, far = model.defocused(y)
    sharp = (near == y), (far == y)
    assert torch.equal(sharp[0] | sharp[1], torch.ones_like(sharp[0]))
    assert all(0.05 < part.float().mean() < 0.95 for part in sharp)
    assert torch.where(sharp[0], far, near).std() < 0.5 * y.std()


def test_fuses_as_the_plain_network():
    model = build().eval()
    cfg = inference_config(CFG)
    assert 'focus_losses' not in cfg and 'fusion_losses' not in cfg
    inputs = torch.rand(1, 4, 17, 22)
    with torch.no_grad():
        expected = model.fuser(inputs[:, :3], inputs[:, 3:]).fused
        torch.testing.assert_close(model(inputs), expected)


def test_other_fusers_are_refused():
    with pytest.raises(UsageError, match="fuser dict.type='GIFNet'"):
        build(fuser=dict(type='AverageFuser'))
