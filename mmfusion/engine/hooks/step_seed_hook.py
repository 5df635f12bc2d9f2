"""Random draws that do not depend on where a training was resumed."""
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmfusion.registry import HOOKS
from mmfusion.utils.compat import advances_by_loading

_FETCH, _STEP = 0, 1


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seeds all generators from (seed, iteration, rank) at every iteration.

    Dropout, drop path and what a data loader without workers draws are then
    the same in an interrupted and resumed training as in an uninterrupted
    one. Seeded are ``random``, ``numpy`` and ``torch`` (CPU and every CUDA
    device): once before each training step, and once after it (and after a
    validation) for the batch fetched next.

    Loader workers have generators of their own, seeded when they start; use
    ``num_workers=0``, or transforms seeded by sample, where augmentation
    must survive a resume too.

    Args:
        seed (int, optional): Base seed. Defaults to the runner's.
    """
    priority = 'VERY_HIGH'

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def before_train_epoch(self, runner) -> None:
        self._seed_all(runner, runner.iter, _FETCH)
        loop = runner.train_loop
        if hasattr(loop, 'dataloader_iterator') and advances_by_loading():
            loop.dataloader_iterator = _advanced(
                loop.dataloader_iterator, runner.iter,
                partial(self._seed_all, runner, runner.iter, _FETCH))

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self._seed_all(runner, runner.iter, _STEP)

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None) -> None:
        self._seed_all(runner, runner.iter + 1, _FETCH)

    def after_val(self, runner) -> None:
        self._seed_all(runner, runner.iter, _FETCH)

    def _seed_all(self, runner, iteration: int, purpose: int) -> None:
        base = runner.seed if self.seed is None else self.seed
        # SeedSequence mixes its entries, so that neighbouring iterations
        # and ranks get unrelated streams.
        mixed = np.random.SeedSequence((base
                                        or 0, iteration, get_rank(), purpose))
        first, second = (int(word) for word in mixed.generate_state(2))
        random.seed(first)
        np.random.seed(second)
        torch.manual_seed(first << 31 | second >> 1)


def _advanced(batches: Iterator, number: int,
              then: Callable[[], None]) -> Iterator[Any]:
    """All batches; ``then`` is called behind the first ``number``."""
    for _ in range(number):
        yield next(batches)
    then()
    yield from batches
