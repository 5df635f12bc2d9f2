"""Pickles of tensors, for a torch that knows no list of allowed objects.

It stands in for torch's own module of the same purpose, whose unpickler takes
tensors and plain containers alone: mmengine's checkpoints hold its log
history besides.
"""
import _compat_pickle
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import _weights_only_unpickler as plain


def allowing(allowed: Sequence[Any]) -> SimpleNamespace:
    """A module such as ``torch._weights_only_unpickler`` that allows more.

    Args:
        allowed (sequence): Functions and classes, or pairs of one and the
            name under which pickles ask for it.

    Returns:
        SimpleNamespace: With ``Unpickler`` and ``load``.
    """
    named = {}
    for entry in allowed:
        thing, name = entry if isinstance(
            entry, tuple) else (entry,
                                f'{entry.__module__}.{entry.__qualname__}')
        named[name] = thing

    class Unpickler(TensorUnpickler):
        more = named

    return SimpleNamespace(
        Unpickler=Unpickler,
        load=lambda file, **how: Unpickler(file, **how).load())


_Unpickler: Any = getattr(pickle, '_Unpickler')  # noqa: B009


class TensorUnpickler(_Unpickler):
    """Builds and calls what torch and its user allow, nothing else."""

    more: Mapping[str, Any] = {}
    dispatch: dict[int, Any] = dict(_Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        """What is allowed under a name."""
        # torch.save spells them as Python 2 did
        module, name = _compat_pickle.NAME_MAPPING.get(
            (module, name),
            (_compat_pickle.IMPORT_MAPPING.get(module, module), name))
        full = f'{module}.{name}'
        known = self.more.get(full) or plain._get_allowed_globals().get(full)
        if known is None:
            raise RuntimeError(f'Unsupported global: {full}')
        return known

    def load_reduce(self) -> None:
        """Call one of the allowed functions."""
        arguments, function = self.stack.pop(), self.stack[-1]
        if not self._is_allowed(function):
            raise RuntimeError(f'Trying to call {function!r}')
        self.stack[-1] = function(*arguments)

    def load_newobj(self) -> None:
        """Make an object of one of the allowed classes."""
        arguments, kind = self.stack.pop(), self.stack.pop()
        if kind is not torch.nn.Parameter and not self._is_added(kind):
            raise RuntimeError(f'Trying to instantiate {kind!r}')
        self.stack.append(kind.__new__(kind, *arguments))

    def load_build(self) -> None:
        """Fill an object of one of the allowed classes."""
        state, made = self.stack.pop(), self.stack[-1]
        if type(made) is torch.Tensor:
            made.set_(*state)
        elif type(made) is OrderedDict:
            made.__dict__.update(state)
        elif type(made) is torch.nn.Parameter or self._is_added(type(made)):
            made.__setstate__(state)
        else:
            raise RuntimeError(f'Trying to fill {type(made)!r}')

    def refuse(self) -> None:
        """For what nothing in a checkpoint asks for."""
        raise RuntimeError('Unsupported operand')

    def _is_allowed(self, thing: Any) -> bool:
        return self._is_added(thing) or any(
            thing is known for known in plain._get_allowed_globals().values())

    def _is_added(self, thing: Any) -> bool:
        return any(thing is known for known in self.more.values())

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build
    for code in (pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.EXT1,
                 pickle.EXT2, pickle.EXT4):
        dispatch[code[0]] = refuse
