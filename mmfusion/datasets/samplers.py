"""Samplers that make augmentation and resume deterministic.

mmengine's samplers fix the order of samples; the random transforms still
depend on which worker loads a sample and on how many it loaded before.
Here every index carries the number of its draw, and the dataset seeds the
random generators from it: a resumed run sees the very same crops and flips.
"""
import random
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from itertools import count

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmfusion.registry import DATA_SAMPLERS
from mmfusion.utils.errors import check_least


class DrawIndex(int):
    """A sample index that knows the number of its draw.

    ``%`` and ``-`` keep the draw, so that it passes mmengine's
    ``RepeatDataset`` and ``ConcatDataset``.

    Args:
        index (int): The sample's index.
        draw (int): Global number of the draw, over epochs and ranks.
        seed (int): The sampler's seed.
    """
    draw: int
    seed: int

    def __new__(cls, index: int, draw: int, seed: int) -> 'DrawIndex':
        self = super().__new__(cls, index)
        self.draw, self.seed = draw, seed
        return self

    def __getnewargs__(self):
        return int(self), self.draw, self.seed

    def __mod__(self, other: int) -> 'DrawIndex':
        return DrawIndex(int(self) % int(other), self.draw, self.seed)

    def __sub__(self, other: int) -> 'DrawIndex':
        return DrawIndex(int(self) - int(other), self.draw, self.seed)


@contextmanager
def draw_seed(seed: int, draw: int):
    """Seed Python, NumPy and torch (CPU) for one draw, then restore them.

    Args:
        seed (int): The run's seed, not negative.
        draw (int): Number of the draw, not negative.
    """
    states = (random.getstate(), np.random.get_state(),
              torch.default_generator.get_state())
    words = np.random.SeedSequence([seed, draw]).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(int(words[1]))
    # Not torch.manual_seed: that would also seed the GPU generators.
    torch.default_generator.manual_seed(int(words[2]))
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.default_generator.set_state(states[2])


class SeededDraws:
    """Mixin of datasets: samples whose random transforms are repeatable.

    With a :class:`DrawIndex` (from a deterministic sampler) the random
    transforms of a sample depend on its seed and draw number alone.
    Transforms that keep samples from one call to the next (``CachedMosaic``,
    ``CachedMixUp``) still depend on what their worker has loaded before.
    """

    def __getitem__(self, idx: int) -> dict:
        """Sample ``idx`` after the pipeline."""
        if not isinstance(idx, DrawIndex):
            return super().__getitem__(idx)
        with draw_seed(idx.seed, idx.draw):
            return super().__getitem__(int(idx))


class _DrawOrder(Sampler):
    """The order of draws, a function of seed, epoch and rank."""

    def __init__(self, dataset: Sized, shuffle: bool = True,
                 seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        check_least(0, seed=self.seed)
        self.size = len(dataset)
        if self.size == 0:
            raise ValueError(
                'Expected a dataset with samples, got an empty one.')

    def _order(self, epoch: int) -> list:
        if not self.shuffle:
            return list(range(self.size))
        words = np.random.SeedSequence([self.seed, epoch]).generate_state(2)
        generator = torch.Generator()
        generator.manual_seed(int(words[0]) << 32 | int(words[1]))
        return torch.randperm(self.size, generator=generator).tolist()


@DATA_SAMPLERS.register_module()
class DeterministicSampler(_DrawOrder):
    """Endless sampler for iteration-based training.

    The stream is the concatenation of one permutation per epoch; rank ``r``
    of ``n`` takes draws ``r, r + n, r + 2n, ...``. Yields
    :class:`DrawIndex`. After a resume mmengine's loop calls :meth:`skip`,
    and no skipped sample is loaded.

    Args:
        dataset (Sized): The dataset.
        shuffle (bool): Whether to shuffle each epoch. Defaults to True.
        seed (int, optional): The same on all ranks; a run is repeatable
            when it is given, or by ``randomness=dict(seed=...)``.
    """

    _skipped = 0

    def __iter__(self) -> Iterator[DrawIndex]:
        first = self.rank + self._skipped * self.world_size
        epoch, order = -1, []
        for draw in count(first, self.world_size):
            if draw // self.size != epoch:
                epoch = draw // self.size
                order = self._order(epoch)
            yield DrawIndex(order[draw % self.size], draw, self.seed)

    def skip(self, num_samples: int) -> None:
        """Start the next iteration ``num_samples`` draws of this rank in.

        Args:
            num_samples (int): Absolute position, counted from the start.
        """
        check_least(0, num_samples=num_samples)
        self._skipped = num_samples

    def __len__(self) -> int:
        """Number of samples of the dataset."""
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Nothing to do: the stream has no end."""


@DATA_SAMPLERS.register_module()
class DeterministicEpochSampler(_DrawOrder):
    """Sampler for epoch-based training; ends after each epoch.

    All ranks get equally many draws: the order is repeated from its start
    where the dataset does not divide. Yields :class:`DrawIndex`.

    Args:
        dataset (Sized): The dataset.
        shuffle (bool): Whether to shuffle each epoch. Defaults to True.
        seed (int, optional): The same on all ranks.
    """

    epoch = 0

    def __iter__(self) -> Iterator[DrawIndex]:
        order = self._order(self.epoch)
        total = len(self) * self.world_size
        for place in range(self.rank, total, self.world_size):
            yield DrawIndex(order[place % self.size],
                            self.epoch * total + place, self.seed)

    def __len__(self) -> int:
        """Number of draws of this rank in an epoch."""
        return -(-self.size // self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self.epoch = epoch
