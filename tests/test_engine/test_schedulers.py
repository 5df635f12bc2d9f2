"""ExponentialWarmupLR alone and in front of PolyLR."""
import copy

import pytest
import torch

from mmfusion.registry import PARAM_SCHEDULERS

TOTAL = 3000


def build(lr=1e-3, total=TOTAL):
    groups = [
        dict(params=[torch.nn.Parameter(torch.ones(1))]),
        dict(params=[torch.nn.Parameter(torch.ones(1))], lr=10 * lr)
    ]
    optimizer = torch.optim.SGD(groups, lr=lr)
    schedulers = [
        PARAM_SCHEDULERS.build(
            dict(type='ExponentialWarmupLR', start_factor=0.01, end=1000,
                 optimizer=optimizer)),
        PARAM_SCHEDULERS.build(
            dict(type='PolyLR', power=0.9, begin=1000, end=total + 1,
                 by_epoch=False, optimizer=optimizer))
    ]
    return optimizer, schedulers


def advance(optimizer, schedulers):
    optimizer.step()
    for scheduler in schedulers:
        scheduler.step()


def published(step, total=TOTAL):
    if step <= 1000:
        return 1e-5 * 100**(step / 1000)
    return 1e-3 * (1 - (step - 1000) / (total - 1000))**0.9


def test_equals_published_schedule():
    optimizer, schedulers = build()
    for step in range(TOTAL):
        first, second = (group['lr'] for group in optimizer.param_groups)
        assert first == pytest.approx(published(step), rel=1e-9)
        assert second == pytest.approx(10 * published(step), rel=1e-9)
        advance(optimizer, schedulers)


@pytest.mark.parametrize('stop', [1, 999, 1000, 1001, 1500])
def test_resume(stop):
    optimizer, schedulers = build()
    for _ in range(stop):
        advance(optimizer, schedulers)
    states = copy.deepcopy([x.state_dict() for x in schedulers])
    optimizer_state = copy.deepcopy(optimizer.state_dict())

    resumed, resumed_schedulers = build()
    resumed.load_state_dict(optimizer_state)
    for scheduler, state in zip(resumed_schedulers, states, strict=True):
        scheduler.load_state_dict(state)
    for step in range(stop, stop + 30):
        assert resumed.param_groups[0]['lr'] == pytest.approx(
            published(step), rel=1e-9)
        advance(resumed, resumed_schedulers)


def test_by_epoch_converts_to_iterations():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.)
    scheduler = PARAM_SCHEDULERS.build(
        dict(type='ExponentialWarmupLR', start_factor=0.25, begin=1, end=3,
             by_epoch=True, convert_to_iter_based=True, optimizer=optimizer),
        default_args=dict(epoch_length=5))
    values = []
    for _ in range(20):
        values.append(optimizer.param_groups[0]['lr'])
        advance(optimizer, [scheduler])
    expected = [0.25**(1 - k / 10) for k in range(11)]
    assert values[5:16] == pytest.approx(expected)
    assert values[16:] == [1.] * 4


@pytest.mark.parametrize('bad, message', [
    (dict(start_factor=0), 'start_factor > 0'),
    (dict(begin=5, end=5), 'end > begin'),
])
def test_bad_arguments(bad, message):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.)
    with pytest.raises(ValueError, match=message):
        PARAM_SCHEDULERS.build(
            dict(type='ExponentialWarmupLR', optimizer=optimizer, **bad))
