"""Stops a training whose loss has become NaN or infinite."""
import math
from typing import NamedTuple

import torch
from mmengine.hooks import Hook

from mmfusion.registry import HOOKS
from mmfusion.utils.errors import check_least


class _Step(NamedTuple):
    iteration: int
    losses: dict
    files: list[str]


def _files(data_batch) -> list[str]:
    """Paths of the pairs in a batch."""
    samples = data_batch.get('data_samples') or [] \
        if isinstance(data_batch, dict) else []
    return [
        ' + '.join(
            str(sample.metainfo[f'{name}_path'])
            for name in sample.metainfo.get('modalities', ('vis', 'ir'))
            if f'{name}_path' in sample.metainfo) for sample in samples
    ]


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Raises when a loss is NaN or infinite, before anything is saved.

    The losses of the last ``interval`` iterations are looked at together, in
    one transfer from the device; a checkpoint is never written before the
    iterations since the last look have been checked.

    Args:
        interval (int): Iterations between two looks. Defaults to 1.

    Raises:
        FloatingPointError: From the training loop, naming the iteration, the
            loss terms, the input files and what to do.
        ValueError: If ``interval`` is below 1.
    """
    # Ahead of hooks that keep or average what the step produced.
    priority = 'VERY_HIGH'

    def __init__(self, interval: int = 1) -> None:
        check_least(1, interval=interval)
        self.interval = interval
        self._steps: list[_Step] = []

    def before_train(self, runner) -> None:
        self._steps.clear()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs: dict | None = None) -> None:
        losses = {
            name: value for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        self._steps.append(_Step(runner.iter + 1, losses, _files(data_batch)))
        if len(self._steps) >= self.interval:
            self._check(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        self._check(runner)

    def after_train(self, runner) -> None:
        self._check(runner)

    def _check(self, runner) -> None:
        steps, self._steps = self._steps, []
        terms = [value for step in steps for value in step.losses.values()]
        if not terms:
            return
        on_device = [
            value for value in terms if isinstance(value, torch.Tensor)
        ]
        fetched = iter(
            torch.stack([value.detach().float().mean() for value in on_device]
                        ).tolist() if on_device else [])
        for step in steps:
            bad = {}
            for name, value in step.losses.items():
                number = next(fetched) if isinstance(
                    value, torch.Tensor) else float(value)
                if not math.isfinite(number):
                    bad[name] = number
            if bad:
                raise FloatingPointError(self._message(runner, step, bad))

    @staticmethod
    def _message(runner, step: _Step, bad: dict) -> str:
        # The sum is named only where no single term explains it.
        terms = {
            name: value for name, value in bad.items() if name != 'loss'
        } or bad
        named = ', '.join(f'{name} = {value}' for name, value in terms.items())
        rates = ', '.join(
            f'{name} {values[0]:.3g}'
            for name, values in runner.optim_wrapper.get_lr().items())
        files = ''.join(f'\n  {name}' for name in step.files) or ' unknown'
        return (
            f'Expected finite losses, got {named} at iteration '
            f'{step.iteration} (learning rate: {rates}).\n'
            f'Input files of the batch:{files}\n'
            'What to do: look at these files (constant or broken images, '
            'labels that are all ignored); lower the learning rate or '
            'lengthen its warm-up; clip gradients with '
            'optim_wrapper.clip_grad=dict(max_norm=1.0); without --amp the '
            'range of float16 is no limit. Checkpoints written so far are '
            'from before this iteration; continue with --resume.')
