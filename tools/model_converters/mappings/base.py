"""What a mapping table says, and how it is applied."""
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mmfusion.utils.checkpoint import State, check_state_dict, read_checkpoint

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class KeyMapping:
    """A table between the authors' checkpoints and ours.

    Args:
        method (str): Name on the command line.
        build (callable): ``build()`` gives a module with the children
            ``fuser`` and, where there is one, ``segmentor``. Its state dict
            says which keys and shapes our checkpoint holds.
        reference_key (callable): ``reference_key(key)`` gives the authors'
            name of one of our keys.
        unused (dict[str, tuple]): Shapes by name of what the authors'
            checkpoint holds beyond that (layers that are never called).
        copies (dict[str, str]): Names of the authors' that hold the same
            tensor as another one of theirs, with that one's name.
        container (str): Name under which the authors' file holds the state
            dict. A bare one and ``'state_dict'`` are accepted as well.
        read (callable): ``read(path)`` gives the content of an authors'
            file. Defaults to :func:`read_checkpoint`.
        prefix (str): What the authors' files put before all names, if
            anything; dropped where it is found, written by :meth:`revert`.
        made_for (dict): Class and settings of the fuser that the weights
            are for, kept in the checkpoint, see
            :func:`~mmfusion.utils.checkpoint.check_made_for`.
        mark (str): What the names of files of this table have, where other
            tables of the method have the same keys.
        parts (tuple[str, ...]): Names of the files of a method of several;
            the authors' names of tensors are then ``FILE/NAME``.
        suffix (str): Of the file that :meth:`revert`'s result is written to.
        arrange (callable, optional): Turns the authors' tensors of four axes
            into ours, and back again.
        old_norms (bool): Whether the authors' BatchNorm layers do not count
            their batches, as those of old torch.
    """
    method: str
    build: Callable[[], nn.Module]
    reference_key: Callable[[str], str]
    unused: Shapes = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    container: str = 'state_dict'
    read: Callable[[str], Any] = read_checkpoint
    prefix: str = ''
    made_for: dict = field(default_factory=dict)
    mark: str = ''
    parts: tuple[str, ...] = ()
    suffix: str = ''
    arrange: Callable[[Tensor], Tensor] | None = None
    old_norms: bool = False

    def our_shapes(self) -> Shapes:
        """Shapes by our names."""
        return {
            key: tuple(value.shape)
            for key, value in self.build().state_dict().items()
        }

    def names(self) -> dict[str, str]:
        """Our names to the authors'.

        Raises:
            ValueError: If the table sends two keys to one.
        """
        names = {key: self.reference_key(key) for key in self.our_shapes()}
        sources = defaultdict(list)
        for key, reference in names.items():
            sources[reference].append(key)
        for reference in self.unused:
            sources[reference].append('(unused)')
        clashes = {k: v for k, v in sources.items() if len(v) > 1}
        if clashes:
            raise ValueError(f'Expected the table of {self.method} to be one '
                             f'to one, got {clashes}. Correct it.')
        return names

    def reference_shapes(self) -> Shapes:
        """Shapes by the authors' names, the unused ones included."""
        ours = self.our_shapes()
        shapes = {name: ours[key] for key, name in self.names().items()}
        return {
            **shapes,
            **{
                name: shapes[source] for name, source in self.copies.items()
            },
            **self.unused
        }

    def convert(self, state: State) -> tuple[State, State]:
        """From the authors' names to ours.

        Args:
            state (dict[str, Tensor]): All keys of the authors' network.

        Returns:
            tuple[dict, dict]: State dict in our names and the unused
            tensors in the authors' names.

        Raises:
            ValueError: If a key is missing, unexpected or misshapen, or a
                copy is none.
        """
        shapes = self.reference_shapes()
        state = {**self._counts(shapes), **state}
        check_state_dict(
            state, shapes,
            f'Check that it is a checkpoint of method {self.method!r} in '
            'its published size.')
        for name, source in self.copies.items():
            if not torch.equal(state[name], state[source]):
                raise ValueError(
                    f'Expected {name} to hold what {source} holds, got other '
                    'numbers. The file is damaged, or of another version.')
        converted = {
            key: self._arranged(state[name])
            for key, name in self.names().items()
        }
        return converted, {name: state[name] for name in self.unused}

    def revert(self, state: State, unused: State) -> State:
        """From our names to the authors'.

        Args:
            state (dict[str, Tensor]): All keys of our network.
            unused (dict[str, Tensor]): What :meth:`convert` set aside. Where
                it is empty, neutral values take its place.

        Returns:
            dict[str, Tensor]: The authors' keys, sorted, with the prefix.

        Raises:
            ValueError: If a key is missing, unexpected or misshapen.
        """
        check_state_dict(
            state, self.our_shapes(),
            f'Check that it is a checkpoint of ours for {self.method!r}.')
        unused = unused or {
            name: _neutral(name, shape) for name, shape in self.unused.items()
        }
        check_state_dict(
            unused, self.unused,
            "These are the tensors under meta['unused'] of the checkpoint.")
        reverted = {
            name: self._arranged(state[key])
            for key, name in self.names().items()
        }
        reverted.update({
            name: reverted[source] for name, source in self.copies.items()
        })
        left_out = self._counts(reverted)
        return {
            self.prefix + name: value for name, value in sorted({
                **reverted,
                **unused
            }.items()) if name not in left_out
        }

    def fits(self, state: State) -> bool:
        """Whether a file's tensors are those of this table."""
        shapes = self.reference_shapes()
        found = {name: tuple(value.shape) for name, value in state.items()}
        return {**{k: () for k in self._counts(shapes)}, **found} == shapes

    def part_fits(self, state: State, part: str) -> bool:
        """Whether a file's tensors are those of one of several files."""
        found = {f'{part}/{k}': tuple(v.shape) for k, v in state.items()}
        return found == {
            name: shape for name, shape in self.reference_shapes().items()
            if name.startswith(f'{part}/')
        }

    def _counts(self, names: Iterable[str]) -> State:
        """Fresh counts of batches, of norms that have none."""
        return {
            name: torch.zeros((), dtype=torch.long) for name in names
            if name.endswith('num_batches_tracked')
        } if self.old_norms else {}

    def _arranged(self, value: Tensor) -> Tensor:
        turn = self.arrange if value.ndim == 4 else None
        return value if turn is None else turn(value)


def _neutral(name: str, shape: tuple[int, ...]) -> Tensor:
    """What a fresh layer holds; weights of convolutions are zero."""
    if name.endswith('num_batches_tracked'):
        return torch.zeros(shape, dtype=torch.long)
    ones = name.endswith('running_var') or (name.endswith('.weight')
                                            and len(shape) == 1)
    return torch.ones(shape) if ones else torch.zeros(shape)
