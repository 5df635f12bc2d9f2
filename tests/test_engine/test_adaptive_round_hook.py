"""A fuser and a segmentor trained in turns, in real runs of tiny networks."""
import copy
import random
from contextlib import suppress
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmfusion.registry import HOOKS
from mmfusion.utils.errors import UsageError
from tests.support.wrapper_cases import make_samples

SIZE = (32, 48)
FUSER_ITERS, TASK_ITERS, WEIGHTS = 2, 3, (0, 1, 2)
TOTAL = len(WEIGHTS) * (FUSER_ITERS + TASK_ITERS)
NORM = dict(type='BN')


def head(channels, **kwargs):
    return dict(
        type='mmseg.FCNHead', in_channels=channels, channels=4, num_convs=1,
        num_classes=9, norm_cfg=NORM, dropout_ratio=0.,
        loss_decode=dict(type='mmfusion.OHEMCrossEntropyLoss',
                         threshold=0.7), **kwargs)


MODEL = dict(
    type='FuserSegmenter', fuser=dict(type='SeAFusion', channels=(2, 3, 4)),
    fusion_losses=dict(intensity=dict(type='MaxIntensityLoss')),
    task_mean=None, task_std=None, segmentor=dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(type='mmseg.ResNet', depth=18, base_channels=4,
                      num_stages=2, strides=(1, 2), dilations=(1, 1),
                      out_indices=(0, 1), norm_cfg=NORM),
        decode_head=head(8, in_index=1), auxiliary_head=head(4, in_index=0),
        test_cfg=dict(mode='whole')))
PIPELINE = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs')
]
TASK = dict(
    train_dataloader=dict(
        batch_size=3, sampler=dict(shuffle=False), dataset=dict(pipeline=[
            *PIPELINE[:2],
            dict(type='RandomFlip', prob=0.5), PIPELINE[2]
        ])), optim_wrapper=dict(type='OptimWrapper',
                                optimizer=dict(type='SGD', lr=0.1)),
    param_scheduler=[dict(type='ExponentialLR', gamma=0.5, by_epoch=False)])


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Six labelled pairs."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.RandomState(0)
    for name, high, shape in (('vi', 200, (4, 6, 3)), ('ir', 200, (4, 6)),
                              ('label', 9, (4, 6))):
        (root / name).mkdir()
        for index in range(6):
            image = cv2.resize(
                rng.randint(0, high, shape).astype(np.uint8), SIZE[::-1],
                interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(root / name / f'{index}.png'), image)
    return root


class Stop(Exception):
    """Ends a run."""


class Watch(Hook):
    """Keeps what each iteration did."""
    priority = 'LOWEST'

    def __init__(self, until=None):
        self.until, self.seen = until, []

    def state(self, runner):
        return copy.deepcopy(runner.model.state_dict())

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.before = self.state(runner)
        self.rate = runner.optim_wrapper.get_lr()['lr'][0]

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.seen.append(
            SimpleNamespace(
                before=self.before, after=self.state(runner), rate=self.rate,
                losses={
                    k: float(v.detach()) for k, v in outputs.items()
                }, batch=[s.stem for s in data_batch['data_samples']],
                factors=dict(runner.model.term_factors)))
        if runner.iter + 1 == self.until:
            raise Stop


def run(data, work_dir, until=None, resume=None, **hook):
    """Train; returns the runner and what was seen."""
    hook = dict(
        dict(type='AdaptiveRoundHook', fuser_iters=FUSER_ITERS,
             task_iters=TASK_ITERS, weights=WEIGHTS, task=TASK), **hook)
    rounds = len(hook['weights'])
    watch = Watch(until)
    cfg = Config(
        dict(
            default_scope='mmfusion', model=MODEL, work_dir=str(work_dir),
            train_dataloader=dict(
                batch_size=2, num_workers=0,
                sampler=dict(type='DeterministicSampler', shuffle=True),
                dataset=dict(
                    type='MSRSDataset', data_root=str(data),
                    data_prefix=dict(vis_path='vi', ir_path='ir',
                                     seg_map_path='label', binary_path=None,
                                     boundary_path=None, mask_path=None),
                    pipeline=PIPELINE)),
            train_cfg=dict(type='IterBasedTrainLoop',
                           max_iters=rounds * (FUSER_ITERS + TASK_ITERS)),
            optim_wrapper=dict(type='OptimWrapper',
                               optimizer=dict(type='Adam', lr=0.01)),
            param_scheduler=[
                dict(type='StepLR', step_size=1, gamma=0.75, by_epoch=False)
            ], default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', by_epoch=False,
                                interval=until or -1, save_last=False),
                rounds=hook, logger=dict(type='LoggerHook', interval=1)),
            randomness=dict(seed=3), resume=bool(resume), load_from=resume,
            log_processor=dict(by_epoch=False), log_level='INFO',
            experiment_name=f'rounds-{random.getrandbits(60)}'))
    runner = Runner.from_cfg(cfg)
    runner.register_hook(watch)
    with suppress(Stop):
        runner.train()
    return runner, watch.seen


@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole')
    return *run(data, folder), folder


def same(one, two, prefix):
    return {
        key for key in one
        if key.startswith(prefix) and not torch.equal(one[key], two[key])
    } == set()


def test_turns_follow_from_the_iteration():
    hook = HOOKS.build(
        dict(type='AdaptiveRoundHook', fuser_iters=2, task_iters=3, task=TASK))
    assert [tuple(hook.turn(k)) for k in range(6)] == [(0, 'fuser', 0),
                                                       (0, 'fuser', 1),
                                                       (0, 'task', 0),
                                                       (0, 'task', 1),
                                                       (0, 'task', 2),
                                                       (1, 'fuser', 0)]


def test_one_part_learns_and_the_other_rests(whole):
    """Bit for bit, statistics of BatchNorm included."""
    _, seen, _ = whole
    assert len(seen) == TOTAL
    for number, step in enumerate(seen):
        fusing = number % (FUSER_ITERS + TASK_ITERS) < FUSER_ITERS
        for prefix, rests in (('fuser.', not fusing), ('segmentor.', fusing)):
            assert same(step.before, step.after, prefix) == rests, number


def test_weight_of_the_segmentor(whole):
    """The terms are there with their factors; at 0 nothing is computed."""
    _, seen, _ = whole
    for number, step in enumerate(seen):
        index, place = divmod(number, FUSER_ITERS + TASK_ITERS)
        fusing = place < FUSER_ITERS
        terms = {key for key in step.losses if key.startswith('segmentor.')}
        assert step.factors == {
            'segmentor': WEIGHTS[index] if fusing else 1.,
            'segmentor.aux': 0.1 if fusing else 0.75
        }
        assert bool(terms) == (not fusing or WEIGHTS[index] > 0)
        assert ('fusion.loss_intensity' in step.losses) == fusing


def test_factors_multiply_the_terms(whole):
    model, inputs = whole[0].model.eval(), torch.rand(2, 4, *SIZE)
    samples = make_samples(2, *SIZE)
    found = {}
    for factor in (1., 2., 0.):
        model.term_factors = {'segmentor': factor, 'segmentor.aux': 0.5}
        found[factor] = model(inputs, samples, mode='loss')
    one, two, none = (found[factor] for factor in (1., 2., 0.))
    for key in ('segmentor.decode.loss_ohem', 'segmentor.aux.loss_ohem'):
        torch.testing.assert_close(2 * one[key], two[key])
    assert torch.equal(one['segmentor.decode.acc_seg'],
                       two['segmentor.decode.acc_seg'])
    assert not any(key.startswith('segmentor') for key in none)
    model.term_factors = {}
    plain = model(inputs, samples, mode='loss')
    torch.testing.assert_close(one['segmentor.aux.loss_ohem'],
                               0.5 * plain['segmentor.aux.loss_ohem'])


def test_learning_rates(whole):
    """The fuser's begin anew in each round, the segmentor's go on."""
    _, seen, _ = whole
    expected = []
    for index in range(len(WEIGHTS)):
        expected += [0.01 * 0.75**k for k in range(FUSER_ITERS)]
        done = index * TASK_ITERS
        expected += [0.1 * 0.5**(done + k) for k in range(TASK_ITERS)]
    assert [step.rate for step in seen] == pytest.approx(expected)


def test_a_round_begins_with_a_new_fuser(whole, data, tmp_path):
    _, seen, _ = whole
    first, second = FUSER_ITERS + TASK_ITERS - 1, FUSER_ITERS + TASK_ITERS
    assert not same(seen[first].after, seen[second].before, 'fuser.')
    assert same(seen[first].after, seen[second].before, 'segmentor.')
    _, seen = run(data, tmp_path, until=second + 1, reinit_fuser=False)
    assert same(seen[first].after, seen[second].before, 'fuser.')


def test_each_part_has_batches_of_its_own(whole):
    _, seen, _ = whole
    fusing = [seen[k].batch for k in (0, 1, 5)]
    assert [len(batch) for batch in fusing] == [2, 2, 2]
    assert sorted(sum(fusing, [])) == list('012345')  # one epoch
    tasks = [seen[k].batch for k in (2, 3, 4, 7)]
    assert tasks == [['0', '1', '2'], ['3', '4', '5']] * 2


def test_log_shows_the_turns(whole):
    log, = whole[2].rglob('*.log')
    lines = log.read_text().splitlines()
    turns = [
        line.partition(' - INFO - ')[2] for line in lines if 'Round ' in line
    ]
    assert turns[1:3] == [
        'Round 1 of 3: the segmentor learns for 3 iterations, losses of the '
        'segmentor times 1.',
        'Round 2 of 3: the fuser learns for 2 iterations, losses of the '
        'segmentor times 1.'
    ]
    steps = [line for line in lines if 'Iter(train)' in line]
    assert len(steps) == TOTAL
    for number, line in enumerate(steps):
        index, place = divmod(number, FUSER_ITERS + TASK_ITERS)
        fusing = place < FUSER_ITERS
        assert f'round: {index + 1} ' in line
        assert f'fuser_learns: {int(fusing)} ' in line
        # no term of the turn before
        assert ('fusion.loss_intensity' in line) == fusing


@pytest.mark.parametrize('at', [6, 9, 10])
def test_resumed_within_a_round(whole, data, tmp_path, at):
    """In the fuser's turn, in the segmentor's, and between two rounds."""
    run(data, tmp_path, until=at)
    runner, seen = run(data, tmp_path, resume=str(tmp_path / f'iter_{at}.pth'))
    assert runner.iter == TOTAL and len(seen) == TOTAL - at
    for got, expected in zip(seen, whole[1][at:], strict=True):
        assert got.rate == pytest.approx(expected.rate)
        assert got.batch == expected.batch
    for key, value in whole[1][-1].after.items():
        torch.testing.assert_close(seen[-1].after[key], value, atol=1e-6,
                                   rtol=0, msg=lambda m, k=key: k + m)


def test_segmentor_learns_on_written_images(data, tmp_path):
    runner, seen = run(data, tmp_path, weights=(0, ), write_fused=True,
                       until=4)
    model, files = runner.model, sorted(tmp_path.rglob('fused/round_1/*.png'))
    assert [file.stem for file in files] == list('012345')
    written = np.stack([cv2.imread(str(file)) for file in files])
    for batch in (written[:3], written[3:]):  # stretched together
        assert batch.min() == 0 and batch.max() == 255
    model.eval()
    vis, ir = (torch.from_numpy(cv2.imread(str(data / name / '0.png'),
                                           flag)).float() / 255
               for name, flag in (('vi', 1), ('ir', 0)))
    pair = torch.cat((vis.flip(-1).permute(2, 0, 1), ir[None]))[None]
    state = seen[1].after
    model.load_state_dict(state)
    with torch.no_grad():
        fused = model.fuse(pair).fused[0].permute(1, 2, 0).numpy()[..., ::-1]
    # the same up to a line, and rounding
    line = np.polyfit(fused.ravel(), written[0].ravel(), 1)
    np.testing.assert_allclose(np.polyval(line, fused), written[0], atol=1.)
    # and what a loss of that turn sees is the visible image, unfused
    model.given_fused, model.term_factors = True, {}
    calls = []
    model.fuser.register_forward_hook(lambda *_: calls.append(1))
    model(pair, make_samples(1, *SIZE), mode='loss')
    assert not calls


def test_what_cannot_work_is_told(data, tmp_path):
    with pytest.raises(ValueError, match='optim_wrapper'):
        HOOKS.build(
            dict(type='AdaptiveRoundHook', fuser_iters=2, task_iters=3,
                 task={}))
    hook = dict(type='AdaptiveRoundHook', fuser_iters=2, task_iters=3,
                task=TASK)
    for bad in (dict(weights=()), dict(weights=(-1, )), dict(fuser_iters=0)):
        with pytest.raises(ValueError, match='Expected'):
            HOOKS.build({**hook, **bad})
    with pytest.raises(UsageError, match='max_iters=18 for 3 rounds of 3'):
        run(data, tmp_path, fuser_iters=3)
    toy = SimpleNamespace(model=torch.nn.Linear(1, 1), max_iters=20)
    with pytest.raises(UsageError, match='got Linear'):
        HOOKS.build(hook).before_run(toy)
