"""Exponential warm-up of the learning rate."""

from mmengine.optim import BaseOptimWrapper
from mmengine.optim.scheduler import _ParamScheduler
from torch.optim import Optimizer

from mmfusion.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class ExponentialWarmupLR(_ParamScheduler):
    """Raises the learning rate to its base value by a constant ratio.

    ``lr(t) = lr * start_factor ** (1 - (t - begin) / (end - begin))`` for
    ``begin <= t <= end``. Unlike mmengine's schedulers, this one also acts
    at ``end``, where the base value is reached, so that a scheduler with
    ``begin`` at this ``end`` starts from exactly the base value.

    PSFusion's schedule over T iterations (Information Fusion 99, 101870),
    ``1e-5 * 100 ** (t / 1000)`` and then
    ``1e-3 * (1 - (t - 1000) / (T - 1000)) ** 0.9``, is, with base value
    1e-3::

        param_scheduler = [
            dict(type='ExponentialWarmupLR', start_factor=0.01,
                 end=1000, by_epoch=False),
            dict(type='PolyLR', power=0.9, begin=1000, end=T + 1,
                 by_epoch=False),
        ]

    (mmengine's ``PolyLR`` reaches its minimum one step before its ``end``.)

    Args:
        optimizer (Optimizer | BaseOptimWrapper): Wrapped optimizer.
        start_factor (float): Factor of the base value at ``begin``, > 0.
            Defaults to 0.01.
        begin (int): Step of the first value. Defaults to 0.
        end (int): Step at which the base value is reached. Defaults to
            1000.
        last_step (int): Index of the last step, to resume without a state
            dict. Defaults to -1.
        by_epoch (bool): Whether steps are epochs. Defaults to False.
        verbose (bool): Whether to print every value. Defaults to False.
    """

    def __init__(self, optimizer: Optimizer | BaseOptimWrapper,
                 start_factor: float = 0.01, begin: int = 0, end: int = 1000,
                 last_step: int = -1, by_epoch: bool = False,
                 verbose: bool = False) -> None:
        if start_factor <= 0:
            raise ValueError('Expected start_factor > 0, got '
                             f'{start_factor}. Use e.g. 0.01.')
        if end <= begin:
            raise ValueError('Expected end > begin, got '
                             f'begin={begin} and end={end}.')
        self.start_factor = start_factor
        self.total_steps = end - begin
        super().__init__(optimizer, 'lr', begin=begin, end=end + 1,
                         last_step=last_step, by_epoch=by_epoch,
                         verbose=verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args, begin: int = 0, end: int = 1000,
                              by_epoch: bool = True, epoch_length: int = 0,
                              **kwargs) -> 'ExponentialWarmupLR':
        """Build one that steps by iteration from a config by epochs.

        Raises:
            ValueError: If ``by_epoch`` is False or ``epoch_length`` is not
                positive.
        """
        if not by_epoch or epoch_length <= 0:
            raise ValueError(
                'Expected by_epoch=True and a positive epoch_length, got '
                f'{by_epoch} and {epoch_length}.')
        return cls(*args, begin=int(begin * epoch_length),
                   end=int(end * epoch_length), by_epoch=False, **kwargs)

    def _get_value(self) -> list[float]:
        """Closed form, so that no rounding piles up."""
        progress = self.last_step / self.total_steps
        factor = self.start_factor**(1 - progress)
        return [base * factor for base in self.base_values]
