"""Reading checkpoints without running code, and strict loading."""
import hashlib
import json
import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from .errors import UsageError
from .files import write_bytes
from .plain_pickle import ARRAYS, latin1_bytes
from .torch_features import safe_globals

PathLike = str | os.PathLike
State = dict[str, Tensor]
_ZIP = b'PK\x03\x04'
SAFETENSORS = '.safetensors'
#: entry of a safetensors file's metadata: the sum of its tensors' bytes
_SUM = 'sha256'


class DamagedCheckpoint(UsageError):
    """A file that is cut short or not what it once was."""


def _history_method(owner: Any, name: str) -> Any:
    """The only ``getattr`` that a checkpoint may call."""
    if owner is HistoryBuffer and not name.startswith('_'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(
        f'the checkpoint asks for attribute {name!r} of {owner!r}')


def allowed_globals() -> list[Any]:
    """What mmengine's Runner writes beside tensors and plain containers.

    That is the log history, in numpy arrays. Their unpickling builds arrays
    and scalars and cannot reach other code.
    """
    dtypes = {type(np.dtype(kind)) for kind in 'bBhHiIlLqQefd?'}
    return [
        HistoryBuffer, (_history_method, 'builtins.getattr'),
        (latin1_bytes, '_codecs.encode'), np.ndarray, np.dtype, *dtypes,
        *((function, '.'.join(name)) for name, function in ARRAYS.items()
          if name[0].endswith('multiarray'))
    ]


def read_checkpoint(path: PathLike, map_location: Any = 'cpu') -> Any:
    """Load a file without unpickling arbitrary objects.

    Args:
        path (str | PathLike): A file written by ``torch.save``, or a
            ``.safetensors`` file, whose state dict is returned.
        map_location: See :func:`torch.load`. Defaults to ``'cpu'``.

    Returns:
        object: Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        DamagedCheckpoint: If it is no checkpoint or is damaged.
        UsageError: If it holds objects other than tensors, numpy arrays,
            plain containers and mmengine's log history.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'Expected a checkpoint file, got {str(path)!r}, which does not '
            'exist. Check the path; weights of a fuser come from '
            'tools/train.py (work_dirs/<config>/*.pth) or from '
            'tools/model_converters/convert.py.')
    if path.suffix == SAFETENSORS:
        return _read_safetensors(path, map_location)
    check_sums(path)
    try:
        with safe_globals(allowed_globals()):
            return torch.load(path, map_location=map_location,
                              weights_only=True)
    # torch raises whatever the damage leads it to, IndexError included
    except Exception as error:
        if not _asks_for_more(path, error):
            raise _damaged(path, _reason(error)) from error
        raise UsageError(
            f'Expected {str(path)!r} to hold tensors and plain containers '
            'only, got a file that cannot be read safely '
            f'({_reason(error)}): reading it could run code. If you need it, '
            'load it in a sandbox (a container without network and without '
            'your files) by torch.load(FILE, weights_only=False), and save '
            'its state_dict alone by torch.save.') from error


def _read_safetensors(path: Path, map_location: Any) -> State:
    """The tensors of a file, whose sum is compared if it holds one."""
    from safetensors.torch import load
    content = path.read_bytes()
    try:
        state = load(content)
        meta, data = _parts(content)
    # the format's own error, and that of a dtype that torch has not
    except Exception as error:
        raise _damaged(path, _reason(error)) from error
    if meta.get(_SUM, _digest(data)) != _digest(data):
        raise _damaged(path, 'the sum of its tensors is wrong')
    return {key: value.to(map_location) for key, value in state.items()}


def write_safetensors(path: PathLike, state: State,
                      meta: Mapping[str, str]) -> None:
    """Write tensors that any tool can read without running code.

    Args:
        path (str | PathLike): The file, ``.safetensors``.
        state (dict[str, Tensor]): Tensors by name.
        meta (dict[str, str]): What to know of them; their sum is added.
    """
    from safetensors.torch import save
    tensors = {key: value.contiguous() for key, value in state.items()}
    total = _digest(_parts(save(tensors))[1])
    write_bytes(path, save(tensors, {**meta, _SUM: total}))


def _parts(content: bytes) -> tuple[dict[str, str], bytes]:
    """Metadata of a safetensors file, and the bytes of its tensors."""
    start = 8 + int.from_bytes(content[:8], 'little')
    return json.loads(content[8:start]).get('__metadata__',
                                            {}), content[start:]


def safetensors_meta(path: PathLike) -> dict[str, str]:
    """What the writer of a safetensors file tells of it."""
    return _parts(Path(path).read_bytes())[0]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_sums(path: PathLike) -> None:
    """Compare a zip file's content with the sums that it holds.

    torch does not: a flipped bit would become another weight. Other files
    have no sums and pass.

    Raises:
        DamagedCheckpoint: If they differ, or the file is cut short.
    """
    try:
        with open(path, 'rb') as file:
            if file.read(len(_ZIP)) != _ZIP:
                return
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    # zipfile raises whatever the damage leads it to
    except Exception as error:
        raise _damaged(path, _reason(error)) from error
    if wrong is not None:
        raise _damaged(path, f'the sum of {wrong!r} is wrong')


def _damaged(path: PathLike, reason: str) -> DamagedCheckpoint:
    return DamagedCheckpoint(
        f'Expected {str(path)!r} to be a whole checkpoint, got a damaged or '
        f'other file that cannot be read safely ({reason}). Fetch it again, '
        'or take an older one.')


def _asks_for_more(path: Path, error: Exception) -> bool:
    """Whether a file is refused for what it holds, not for damage."""
    with open(path, 'rb') as file:
        known = file.read(1) in (_ZIP[:1], pickle.PROTO)
    return known and isinstance(error, pickle.UnpicklingError)


def _reason(error: Exception) -> str:
    """The telling part of torch's long error text."""
    found = re.search(
        r'(?:WeightsUnpickler error:\s*|(?=Trying to ))([^\n]+?)(\.\s|\n|$)',
        str(error))
    if found:
        return ' '.join(found[1].split())
    if isinstance(error, pickle.UnpicklingError):
        return 'it was not written by torch.save'
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def find_state_dict(checkpoint: Any, *names: str) -> State:
    """The tensors of a bare state dict or of ``{'state_dict': ...}``.

    A ``module.`` prefix that all keys share is dropped.

    Args:
        checkpoint (object): Content of a checkpoint file.
        names (str): Further names under which a state dict may lie.

    Returns:
        dict[str, Tensor]: In the file's order.

    Raises:
        ValueError: If there is no state dict in it.
    """
    state = checkpoint
    names = ('state_dict', *filter(None, names))
    for name in names:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            state = state[name]
            break
    if (not isinstance(state, Mapping) or not state or not all(
            isinstance(key, str) and isinstance(value, Tensor)
            for key, value in state.items())):
        got = (f'a dict with {sorted(map(str, state))[:8]}' if isinstance(
            state, Mapping) else type(state).__name__)
        places = ', '.join(map(repr, names))
        raise ValueError('Expected a state dict (tensors by name), bare or '
                         f'under {places}; got {got}.')
    if all(key.startswith('module.') for key in state):
        state = {key[len('module.'):]: value for key, value in state.items()}
    return dict(state)


def check_state_dict(state: Mapping[str, Tensor], expected: Mapping[str, Any],
                     advice: str = '') -> None:
    """Compare names and shapes.

    Args:
        state (dict[str, Tensor]): What there is.
        expected (dict[str, Tensor | tuple]): Tensors or shapes by name.
        advice (str): What to do, ends the error's text.

    Raises:
        UsageError: If nothing but the classes of heads differs.
        ValueError: If a key is missing, unexpected or misshapen; lists them.
    """
    shapes = _shapes(expected)
    fitting = [
        key for key, shape in shapes.items()
        if key in state and tuple(state[key].shape) == shape
    ]
    if state and not shapes:
        raise ValueError(
            'Expected no weights, since the model has none, got a state dict '
            f'of {len(state)} keys such as {next(iter(state))!r}.')
    if state and len(fitting) < len(shapes) / 10:
        raise ValueError(
            f'Expected a state dict of {len(shapes)} keys such as '
            f'{next(iter(shapes))!r}, got that of another model: '
            f'{len(fitting)} fit, and it has {len(state)} such as '
            f'{next(iter(state))!r}. {advice}'.rstrip())
    missing = [key for key in shapes if key not in state]
    unexpected = [key for key in state if key not in shapes]
    misshapen = [
        f'{key} (expected {shape}, got {tuple(state[key].shape)})'
        for key, shape in shapes.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    resized = resized_heads(state, expected)
    if misshapen and not (missing or unexpected) and all(
            key.rpartition('.')[0] in resized
            for key in shapes if shapes[key] != tuple(state[key].shape)):
        raise UsageError(
            'Expected a checkpoint with as many classes as the model, got '
            f'another number: {_listing(list(resized.values()))}. Set '
            'num_classes to that of the checkpoint, or start a training with '
            '--cfg-options load_from=FILE (and model.fuser.init_cfg=None if '
            'that names it): all other weights are taken.')
    lines = [
        f'  {len(keys)} {kind}: {_listing(keys)}'
        for kind, keys in (('missing', missing), ('unexpected', unexpected),
                           ('misshapen', misshapen)) if keys
    ]
    if lines:
        raise ValueError('\n'.join(
            (f'Expected a state dict of {len(shapes)} keys, got one of '
             f'{len(state)} that does not fit:', *lines, advice)).rstrip())


def resized_heads(state: Mapping[str, Tensor],
                  expected: Mapping[str, Any]) -> dict[str, str]:
    """Layers whose number of outputs alone differs, as that of classes does.

    Args:
        state (dict[str, Tensor]): What there is.
        expected (dict[str, Tensor | tuple]): Tensors or shapes by name.

    Returns:
        dict[str, str]: ``'NAME (9 outputs there, 5 here)'`` by name.
    """
    found = {}
    for key, here in _shapes(expected).items():
        name, _, kind = key.rpartition('.')
        there = tuple(state[key].shape) if key in state else here
        if (kind == 'weight' and len(here) > 1 and there[1:] == here[1:]
                and there != here):
            found[name] = f'{name} ({there[0]} outputs there, {here[0]} here)'
    return found


def _shapes(expected: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {
        key: tuple(getattr(value, 'shape', value))
        for key, value in expected.items()
    }


def _listing(keys: list[str], limit: int = 50) -> str:
    more = len(keys) - limit
    return ', '.join(keys[:limit]) + (f' and {more} more' if more > 0 else '')


def check_made_for(meta: Any, fuser: nn.Module, source: Any) -> None:
    """Compare a fuser with what a checkpoint says that it is for.

    Weights of another rule, or order of layers, may fit in shape.

    Args:
        meta (dict): Of the checkpoint; ``made_for`` holds the ``type`` of a
            fuser and values of its attributes.
        fuser (nn.Module): That is to be filled.
        source (str | PathLike): What the error calls the checkpoint.

    Raises:
        UsageError: If they differ; says how to set the fuser.
    """
    made_for = dict(meta.get('made_for') or {}) if isinstance(meta,
                                                              Mapping) else {}
    kind = made_for.pop('type', None)
    name = type(fuser).__name__
    if kind and kind not in [cls.__name__ for cls in type(fuser).__mro__]:
        raise UsageError(f'{source}: expected weights of {name}, got those of '
                         f'{kind}. Take the config of that method.')
    for key, value in made_for.items():
        own = getattr(fuser, key, value)
        if own != value:
            raise UsageError(
                f'{source}: expected weights of {name} for {key}={own!r}, got '
                f'those for {key}={value!r}. Take the other file, or add '
                f'--cfg-options model.fuser.{key}={value}.')


def load_fuser_weights(fuser: nn.Module, source: PathLike | Mapping) -> None:
    """Load a fuser's weights, all of them and nothing else.

    Args:
        fuser (nn.Module): The network to fill.
        source (str | PathLike | dict): A checkpoint file or its content:
            our checkpoints (keys under ``fuser.``, other keys beside them
            are left alone) or the fuser's bare state dict.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read safely, or a key is missing,
            unexpected or misshapen.
    """
    content = source if isinstance(source,
                                   Mapping) else read_checkpoint(source)
    state = find_state_dict(content)
    check_made_for(content.get('meta'), fuser,
                   'checkpoint' if content is source else source)
    prefix = 'fuser.'
    if any(key.startswith(prefix) for key in state):
        state = {
            key[len(prefix):]: value for key, value in state.items()
            if key.startswith(prefix)
        }
    try:
        check_state_dict(
            state, fuser.state_dict(),
            f'Check that the checkpoint belongs to this {type(fuser).__name__}'
            " (same method and widths); the authors' checkpoints go through "
            'tools/model_converters/convert.py first.')
    except UsageError as error:
        name = 'checkpoint' if isinstance(source, Mapping) else source
        raise UsageError(f'{name}: {error}') from error
    fuser.load_state_dict(state, strict=True)
