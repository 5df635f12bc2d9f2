"""Loss terms that come in one after the other."""
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.model import BaseModel, is_model_wrapper

from mmfusion.registry import HOOKS
from mmfusion.utils.errors import check_least


@HOOKS.register_module()
class LossStageHook(Hook):
    """Sets the factors of a wrapper's loss terms by the training's progress.

    The factor of a term multiplies its own ``loss_weight``; it is logged as
    ``stage/<term>``. A factor follows from the epoch or iteration alone, so
    that a resumed run goes on as the uninterrupted one.

    Args:
        stages (sequence[dict]): Each ``dict(begin=..., weights=dict(TERM=
            FACTOR, ...))``. ``begin`` is an epoch or iteration, or, as a
            float below 1, a share of all of them; the first is 0. TERM is
            the name of a pair or loss, or ``'segmentor'`` or ``'detector'``
            for all losses of that network; one that a stage does not name
            has the factor 0 in it.
        ramp (int | float): Epochs or iterations (or their share, below 1)
            over which a factor changes to that of a new stage, linearly.
            Defaults to 2.
        by_epoch (bool): Whether epochs or iterations count.

    Raises:
        ValueError: If the stages are not in order, name a term that the
            model does not have, or leave the model without any term.
    """

    def __init__(self, stages: Sequence[dict], ramp: float = 2,
                 by_epoch: bool = True) -> None:
        begins = [stage['begin'] for stage in stages]
        if not begins or begins[0] != 0:
            raise ValueError('Expected stages of which the first begins at '
                             f'0, got {begins}.')
        shares = {
            isinstance(value, float) and value < 1 for value in begins[1:]
        }
        if len(shares) > 1 or begins != sorted(set(begins)):
            raise ValueError(
                'Expected stages that begin one after the other, all given '
                f'in epochs (iterations) or all as shares, got {begins}.')
        check_least(0, ramp=ramp)
        self.stages = [dict(stage) for stage in stages]
        self.ramp = ramp
        self.by_epoch = by_epoch

    def factors(self, now: int, total: int) -> dict[str, float]:
        """Factor of each term.

        Args:
            now (int): Epochs or iterations that are done.
            total (int): How many there will be.

        Returns:
            dict[str, float]: For every term of any stage.
        """

        def position(value: float) -> float:
            share = isinstance(value, float) and 0 < value < 1
            return value * total if share else value

        names = dict.fromkeys(name for stage in self.stages
                              for name in stage['weights'])
        factors = dict.fromkeys(names, 0.)
        for index, stage in enumerate(self.stages):
            begin = position(stage['begin'])
            if now < begin:
                break
            ramp = position(self.ramp) if index else 0
            # counted so that a term begins with its stage, not after it
            share = min(1., (now - begin + 1) / ramp) if ramp >= 1 else 1.
            for name in names:
                target = stage['weights'].get(name, 0.)
                factors[name] += share * (target - factors[name])
        return factors

    def before_train(self, runner) -> None:
        """Check the names, and that there is always something to learn."""
        model = wrapper_of(runner)
        known = model.term_names
        staged = self.factors(0, 1)
        unknown = [name for name in staged if name not in known]
        if unknown:
            raise ValueError(f'LossStageHook: expected terms of {known}, got '
                             f'{unknown}. Correct the stages.')
        if set(known) - set(staged):
            return  # terms that no stage names are always active
        empty = [
            stage['begin'] for stage in self.stages
            if not any(stage['weights'].values())
        ]
        if empty:
            raise ValueError(
                'LossStageHook: expected a term with a factor above 0 in '
                f'every stage, got none in those that begin at {empty}. '
                'Leave them out, or give a term a factor.')

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch=None) -> None:
        """Set the factors."""
        if self.by_epoch:
            now, total = runner.epoch, runner.max_epochs
        else:
            now, total = runner.iter, runner.max_iters
        factors = self.factors(now, total)
        wrapper_of(runner).term_factors.update(factors)
        runner.message_hub.update_scalars({
            f'train/stage/{name}': value for name, value in factors.items()
        })


def wrapper_of(runner) -> BaseModel:
    """The model of a run, below DDP."""
    model = runner.model
    return model.module if is_model_wrapper(model) else model
