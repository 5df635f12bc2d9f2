"""Loss terms that come in one after the other."""
from types import SimpleNamespace

import pytest

from mmfusion.registry import HOOKS
from mmfusion.utils.config_file import load_config

STAGES = [
    dict(begin=0, weights=dict(pix=1)),
    dict(begin=15, weights=dict(pix=1, ssim=1, grad=1)),
    dict(begin=40, weights=dict(pix=1, ssim=1, grad=1, perc=1, feat=0.5)),
]


def build(**kwargs):
    return HOOKS.build(
        dict(type='LossStageHook', **{
            'stages': STAGES,
            **kwargs
        }))


@pytest.mark.parametrize('epoch, expected', [
    (0, (1, 0, 0, 0, 0)),
    (14, (1, 0, 0, 0, 0)),
    (15, (1, .5, .5, 0, 0)),
    (16, (1, 1, 1, 0, 0)),
    (39, (1, 1, 1, 0, 0)),
    (40, (1, 1, 1, .5, .25)),
    (41, (1, 1, 1, 1, .5)),
    (119, (1, 1, 1, 1, .5)),
])
def test_factors_at_epochs(epoch, expected):
    factors = build().factors(epoch, 120)
    assert tuple(factors[name] for name in ('pix', 'ssim', 'grad', 'perc',
                                            'feat')) == pytest.approx(expected)


def test_terms_may_leave():
    hook = build(
        stages=[
            dict(begin=0, weights=dict(a=1)),
            dict(begin=10, weights=dict(b=1))
        ], ramp=4)
    assert hook.factors(9, 20) == dict(a=1, b=0)
    assert hook.factors(10, 20) == pytest.approx(dict(a=.75, b=.25))
    assert hook.factors(13, 20) == pytest.approx(dict(a=0, b=1))
    sharp = build(stages=hook.stages, ramp=0)
    assert sharp.factors(10, 20) == dict(a=0, b=1)


def test_shares_are_the_same_epochs():
    shares = load_config(
        'distillers/realtime_base_msrs.py').default_hooks.loss_stages
    shares.pop('type')
    hook = build(**shares.to_dict())
    plain = build(
        stages=STAGES[:2] +
        [dict(begin=40, weights=dict(pix=1, ssim=1, grad=1, perc=1, feat=1))])
    for epoch in (0, 14, 15, 16, 39, 40, 41, 119):
        # the end of an epoch of 136 iterations
        now = hook.factors(136 * epoch + 135, 120 * 136)
        assert now == pytest.approx(plain.factors(epoch, 120), abs=1e-6)


def runner(model, **kwargs):
    scalars = {}
    hub = SimpleNamespace(update_scalars=scalars.update)
    return SimpleNamespace(model=model, message_hub=hub, **kwargs), scalars


def test_sets_and_logs():
    model = SimpleNamespace(term_factors={},
                            term_names=['pix', 'ssim', 'grad', 'perc', 'feat'])
    run, scalars = runner(model, epoch=15, max_epochs=120, iter=0, max_iters=1)
    hook = build()
    hook.before_train(run)
    hook.before_train_iter(run, 0)
    assert model.term_factors['ssim'] == 0.5
    assert scalars['train/stage/ssim'] == 0.5
    # a resumed run has a new hook and the same epoch
    model.term_factors = {}
    build().before_train_iter(run, 0)
    assert model.term_factors == hook.factors(15, 120)
    by_iter = build(by_epoch=False)
    by_iter.before_train_iter(run, 0)
    assert model.term_factors['ssim'] == 0
    model.term_names = model.term_names[:3]
    with pytest.raises(ValueError, match=r"got \['perc', 'feat'\]"):
        hook.before_train(run)


def test_a_stage_without_terms_is_refused():
    model = SimpleNamespace(term_names=['pix'], term_factors={})
    run, _ = runner(model)
    for weights in ({}, dict(pix=0)):
        hook = build(stages=[
            dict(begin=0, weights=weights),
            dict(begin=3, weights=dict(pix=1))
        ])
        with pytest.raises(ValueError, match=r'that begin at \[0\]'):
            hook.before_train(run)
    # a term that no stage names is there all the time
    model.term_names.append('ssim')
    hook.before_train(run)


def test_bad_stages():
    for bad in (dict(stages=[]), dict(stages=STAGES[1:]),
                dict(stages=[STAGES[0], STAGES[2], STAGES[1]]),
                dict(
                    stages=[STAGES[0], STAGES[1],
                            dict(begin=0.5, weights={})]), dict(ramp=-1)):
        with pytest.raises(ValueError, match='Expected'):
            build(**bad)
