"""Learning-rate range test (Smith, WACV 2017)."""
import copy
import csv
import math
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file


def find_lr(model: nn.Module, optim_wrapper: OptimWrapper, batches: Iterable,
            start: float = 1e-7, end: float = 10., iters: int = 100,
            beta: float = 0.98, stop: float = 4.) -> list[tuple[float, float]]:
    """Train with a rate that grows geometrically; nothing of it remains.

    Model and optimizer are as before afterwards, whatever happens. Groups
    of parameters keep the ratio of their rates.

    Args:
        model (nn.Module): A wrapper with ``train_step``, in train mode.
        optim_wrapper (OptimWrapper): Of its parameters.
        batches (iterable): Training batches.
        start (float): First rate of the first group.
        end (float): Last rate.
        iters (int): Steps from the first to the last.
        beta (float): Of the loss's exponential mean, bias-corrected.
        stop (float): End early at this multiple of the best mean loss.

    Returns:
        list[tuple[float, float]]: Rate and mean loss of each step.

    Raises:
        UsageError: If a number is out of range or there are no batches.
    """
    if not 0 < start < end or iters < 2 or not 0 <= beta < 1 or stop <= 1:
        raise UsageError(
            'Expected 0 < start < end, at least two iterations, 0 <= beta < '
            f'1 and stop > 1, got {start}, {end}, {iters}, {beta}, {stop}.')
    wrappers = (optim_wrapper.values() if isinstance(
        optim_wrapper, OptimWrapperDict) else [optim_wrapper])
    groups = [group for one in wrappers for group in one.param_groups]
    if not groups[0]['lr']:
        raise UsageError('Expected a first group with a rate above 0, got 0.')
    ratios = [group['lr'] / groups[0]['lr'] for group in groups]
    before = (copy.deepcopy(model.state_dict()),
              copy.deepcopy(optim_wrapper.state_dict()))
    curve: list[tuple[float, float]] = []
    mean, best = 0., math.inf
    try:
        for step, batch in enumerate(islice(batches, iters)):
            rate = start * (end / start)**(step / (iters - 1))
            for group, ratio in zip(groups, ratios, strict=True):
                group['lr'] = rate * ratio
            value = float(model.train_step(batch, optim_wrapper)['loss'])
            mean = beta * mean + (1 - beta) * value
            smooth = mean / (1 - beta**(step + 1))
            if not math.isfinite(smooth):
                break
            curve.append((rate, smooth))
            if step and smooth > stop * best:
                break
            best = min(best, smooth)
    finally:
        model.load_state_dict(before[0])
        optim_wrapper.load_state_dict(before[1])
        optim_wrapper.zero_grad()
    if not curve:
        raise UsageError('Expected batches with a finite loss, got none.')
    return curve


def suggest(curve: list[tuple[float, float]]) -> dict[str, float | None]:
    """Rates to start from.

    Returns:
        dict[str, float | None]: ``steepest``, where the loss falls fastest
        by the logarithm of the rate (None where it never falls), and
        ``tenth``, a tenth of the rate of the lowest loss.
    """
    lowest = min(curve, key=lambda point: point[1])[0]
    slopes = [
        ((after[1] - before[1]) / math.log(after[0] / before[0]), before[0])
        for before, after in zip(curve, curve[1:])  # noqa: B905
    ]
    steepest = min(slopes, default=(0., None))
    return dict(steepest=steepest[1] if steepest[0] < 0 else None,
                tenth=lowest / 10)


def write_curve(curve: list[tuple[float, float]], folder: Path,
                note: Callable[[str], None] = print) -> None:
    """Write ``lr_find.csv`` and, with matplotlib, ``lr_find.png``."""
    with finished_file(Path(folder, 'lr_find.csv')) as draft, open(
            draft, 'w', newline='', encoding='utf-8') as file:
        csv.writer(file).writerows([('lr', 'loss'), *curve])
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        note('no plot: matplotlib is not installed')
        return
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel='learning rate', ylabel='loss',
                              xscale='log')
    axes.plot(*zip(*curve, strict=True))
    with finished_file(Path(folder, 'lr_find.png')) as draft:
        figure.savefig(draft)


def run_finder(cfg, device: str, **options) -> list[tuple[float, float]]:
    """:func:`find_lr` of a config, with its own data and losses.

    Args:
        cfg (Config): An experiment.
        device (str): Where it trains.
        options: See :func:`find_lr`.
    """
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    from mmfusion.registry import MODELS
    init_default_scope(cfg.get('default_scope', 'mmfusion'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.to(device).train()
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)

    def batches():
        while True:
            yield from loader

    return find_lr(model, wrapper, batches(), **options)
