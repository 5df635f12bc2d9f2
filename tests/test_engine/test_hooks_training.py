"""Hooks around the training loop, in real runs of a toy model."""
import random
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmfusion.engine.hooks.loss_curve_hook import Curve, draw_curves
from mmfusion.registry import HOOKS
from mmfusion.structures import FusionDataSample


class Pairs(Dataset):

    metainfo = dict(classes=('a', ))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        sample = FusionDataSample(metainfo=dict(vis_path=f'vi/{index}.png',
                                                ir_path=f'ir/{index}.png'))
        noise = np.random.rand() + random.random()
        return dict(inputs=torch.full((1, ), index + noise),
                    data_samples=sample)


class Toy(BaseModel):

    def __init__(self, bad_at=None, bad_term='loss_a', value=float('nan')):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.bad_at, self.bad_term, self.value = bad_at, bad_term, value
        self.calls, self.seen = 0, []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode != 'loss':
            return data_samples
        inputs = torch.stack(inputs)
        drawn = torch.rand(1)
        self.seen.append((inputs.sum() + drawn).item())
        self.calls += 1
        losses = dict(loss_a=(self.weight * inputs).mean(),
                      loss_b=(self.weight * drawn).mean()**2,
                      acc=torch.tensor(float('nan')))
        if self.calls == self.bad_at:
            losses[self.bad_term] = losses[self.bad_term] * self.value
        return losses


class Scores(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(mIoU=42.0, entropy=float('nan'), table='text')


def train(folder, hooks, model=None, iters=8, until=None, val=False, **kwargs):
    """Train the toy; ``until`` stops there, as if the run were killed."""
    model = model or Toy()
    loader = dict(batch_size=2, num_workers=0, dataset=Pairs(),
                  collate_fn=dict(type='pseudo_collate'),
                  sampler=dict(type='InfiniteSampler', shuffle=True))
    evaluation = dict(
        val_dataloader=dict(loader, sampler=dict(type='DefaultSampler')),
        val_cfg=dict(), val_evaluator=[Scores()]) if val else {}
    runner = Runner(
        model, str(folder), train_dataloader=loader,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=until or iters,
                       val_interval=4),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3)),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=4, by_epoch=False),
            logger=dict(type='LoggerHook', interval=100)), custom_hooks=hooks,
        log_level='ERROR', randomness=dict(seed=3), default_scope='mmfusion',
        experiment_name=f'{folder.name}-{random.getrandbits(60)}',
        **evaluation, **kwargs)
    runner.train()
    return runner


@pytest.mark.parametrize('interval', [1, 3, 100])
def test_finite_loss_names_terms_iteration_and_files(tmp_path, interval):
    hook = dict(type='FiniteLossHook', interval=interval)
    with pytest.raises(FloatingPointError) as error:
        train(tmp_path, [hook], Toy(bad_at=6), iters=10)
    text = str(error.value)
    assert 'loss_a = nan at iteration 6' in text
    assert 'loss_b' not in text and 'learning rate: ' in text
    assert text.count('vi/') == 2 and text.count('ir/') == 2
    assert 'clip_grad' in text
    # The checkpoint of iteration 4 stays; none is written after the NaN.
    assert [p.name for p in tmp_path.glob('*.pth')] == ['iter_4.pth']


def test_finite_loss_before_a_checkpoint(tmp_path):
    """A look that is not yet due must not let a bad checkpoint through."""
    hook = dict(type='FiniteLossHook', interval=100)
    with pytest.raises(FloatingPointError, match='loss_b = inf.* 3'):
        train(tmp_path, [hook], Toy(3, 'loss_b', float('inf')))
    assert not list(tmp_path.glob('*.pth'))


def test_finite_loss_lets_a_sound_run_pass(tmp_path):
    runner = train(tmp_path, [dict(type='FiniteLossHook', interval=3)])
    assert runner.iter == 8  # although the term ``acc`` is NaN throughout
    with pytest.raises(ValueError, match='interval'):
        HOOKS.build(dict(type='FiniteLossHook', interval=0))


def test_finite_loss_without_samples():
    hook = HOOKS.build(dict(type='FiniteLossHook'))
    runner = SimpleNamespace(
        iter=0, optim_wrapper=SimpleNamespace(get_lr=lambda: dict(lr=[0.1])))
    hook.after_train_iter(runner, 0, None, dict(loss=1.0))
    with pytest.raises(FloatingPointError, match='unknown'):
        hook.after_train_iter(runner, 0, None, dict(loss=float('inf')))


def test_step_seed_makes_a_resumed_run_equal(tmp_path):
    """Augmentation and dropout draws, with a validation in between."""
    hooks = [dict(type='StepSeedHook')]
    whole = train(tmp_path / 'a', hooks, val=True)
    first = train(tmp_path / 'b', hooks, until=4, val=True)
    torch.rand(5), np.random.rand(5), random.random()
    rest = train(tmp_path / 'b', hooks, val=True, resume=True)
    drawn = first.model.seen + rest.model.seen
    assert drawn == whole.model.seen and len(set(drawn)) == 8
    torch.testing.assert_close(rest.model.weight, whole.model.weight)


def test_step_seed_depends_on_seed_rank_and_iteration(monkeypatch):
    module = 'mmfusion.engine.hooks.step_seed_hook.get_rank'

    def draw(seed, rank, iteration):
        monkeypatch.setattr(module, lambda: rank)
        hook = HOOKS.build(dict(type='StepSeedHook', seed=seed))
        hook.before_train_iter(SimpleNamespace(iter=iteration, seed=9), 0)
        return torch.rand(1).item(), np.random.rand(), random.random()

    state = torch.get_rng_state()
    draws = [draw(0, 0, 0), draw(1, 0, 0), draw(0, 1, 0), draw(0, 0, 1)]
    assert len({value for values in draws for value in values}) == 12
    assert draw(0, 0, 0) == draws[0]
    assert draw(None, 0, 0) == draw(9, 0, 0)
    torch.set_rng_state(state)


def test_curve_is_bounded_and_keeps_the_mean():
    curve = Curve(8)
    for x in range(1000):
        curve.add(x, 2.0 * x)
        assert len(curve.points[0]) <= 9
    curve.add(1000, float('nan'))
    xs, ys = curve.points
    assert np.allclose(ys, 2 * np.array(xs))
    assert xs[0] == np.mean(range(curve.state['stride']))
    assert xs[-1] <= 999 and np.all(np.diff(xs) > 0)
    with pytest.raises(ValueError, match='even capacity'):
        Curve(7)


def test_curves_are_drawn_and_resumed(tmp_path):
    hooks = [dict(type='LossCurveHook', interval=4)]
    train(tmp_path, hooks, until=6, val=True)
    first = cv2.imread(str(tmp_path / 'curves.png'))
    runner = train(tmp_path, hooks, val=True, resume=True)
    image = cv2.imread(str(tmp_path / 'curves.png'))
    assert image.shape == first.shape and (image != first).any()
    hook = next(h for h in runner.hooks if type(h).__name__ == 'LossCurveHook')
    curves = hook._curves
    assert list(curves['losses']) == ['loss', 'loss_a', 'loss_b']
    assert curves['losses']['loss'].points[0] == list(range(1, 9))
    assert curves['scores']['mIoU'].points == ([4, 8], [42.0, 42.0])
    assert 'lr' in curves['rates'] and 'table' not in curves['scores']
    assert not list(tmp_path.glob('.*part'))


def test_curves_of_nothing_draw_nothing(tmp_path):
    draw_curves({'loss': {}}, tmp_path / 'a.png')
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match='interval'):
        HOOKS.build(dict(type='LossCurveHook', interval=0))
