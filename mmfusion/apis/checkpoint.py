"""Weights for whole models: strict, safe, and talking about what they do.

mmengine's runner loads with ``strict=False`` and only logs what did not
fit, so that a test with a wrong checkpoint runs and scores noise. Here a
checkpoint fits or it is an error.
"""
import os
from typing import Any

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from mmfusion.models.wrappers.first_layers import inflate_state
from mmfusion.utils.checkpoint import (State, check_made_for, check_state_dict,
                                       find_state_dict, read_checkpoint,
                                       resized_heads)
from mmfusion.utils.errors import UsageError

PathLike = str | os.PathLike
#: only used in training: a checkpoint may have them or not
_UNUSED_IN_TEST = ('fusion_losses.', 'pairs.', 'discriminators.',
                   'only_training.')
_TASKS = ('segmentor', 'detector', 'registration')
_PARTS = ('fuser.', *(f'{task}.' for task in _TASKS))


def unwrap(model: Any) -> Any:
    """The wrapper below DDP and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def load_model_weights(
        model: Any, path: PathLike,
        fuser_is_enough: bool = False) -> tuple[dict, list[str]]:
    """Load all weights of a wrapper.

    A fuser's bare state dict is taken for its keys under ``fuser.``. A
    checkpoint of stage 2 also serves a stage-1 model, which takes its fuser.

    Args:
        model (nn.Module): The wrapper, possibly inside DDP or a TTA model.
        path (str | PathLike): Checkpoint of the runner or the converter.
        fuser_is_enough (bool): Whether a checkpoint without the segmentor
            or detector is accepted for a model that has one, as for fusing
            only. The model then gets the attribute ``only_fuses``.

    Returns:
        tuple[dict, list[str]]: The checkpoint's ``meta`` and one line for
        each part that was left out.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it cannot be read safely, a key is missing,
            unexpected or misshapen (lists all), or weights of the segmentor,
            detector or registration are NaN or infinite.
    """
    model = unwrap(model)
    expected = _without(model.state_dict(), _UNUSED_IN_TEST)
    content, state = _read(path)
    meta = content.get('meta') if isinstance(content, dict) else None
    check_made_for(meta, getattr(model, 'fuser', model), path)
    state = _without(_with_prefix(state, expected), _UNUSED_IN_TEST)
    notes = []
    for task in _TASKS:
        in_file, in_model = (_has(part, f'{task}.')
                             for part in (state, expected))
        if in_file and not in_model:
            state = _without(state, (f'{task}.', ))
            notes.append(f'{path}: took the weights of its fuser; this '
                         f'config has no {task}.')
        elif (in_model and not in_file and task == 'registration'
              and model.registration.init_cfg):
            # trained elsewhere, e.g. with another fuser
            model.registration.init_weights()
            expected = _without(expected, (f'{task}.', ))
        elif (in_model and not in_file and fuser_is_enough
              and task != 'registration'):
            expected = _only(expected, 'fuser.')
            model.only_fuses = True
            notes.append(f"{path}: has a fuser only; the config's {task} "
                         'stays untrained and is not used.')
    try:
        check_state_dict(
            state, expected,
            'Check that the checkpoint was trained with this config; '
            "authors' checkpoints go through "
            'tools/model_converters/convert.py first.')
    except ValueError as error:
        raise UsageError(f'{path}: {error}') from error
    notes += _check_finite(path, state)
    model.load_state_dict(state, strict=False)
    return meta if isinstance(meta, dict) else {}, notes


def check_overlap(model: nn.Module, path: PathLike,
                  resume: bool = False) -> list[str]:
    """Check that a checkpoint to start training from fits at least partly.

    Args:
        model (nn.Module): The model to be trained.
        path (str | PathLike): The checkpoint.
        resume (bool): Whether its training goes on, which takes all weights.

    Returns:
        list[str]: A line if some weights are not in the checkpoint, which
        names heads of another number of classes.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If no key fits by name and shape (lists all), or a
            resumed head has another number of classes.
    """
    expected = _without(unwrap(model).state_dict(), _UNUSED_IN_TEST)
    state = inflate_state(unwrap(model), _read(path)[1])
    fitting = {
        key for key, value in expected.items()
        if key in state and state[key].shape == value.shape
    }
    if not fitting:
        try:
            check_state_dict(state, expected, 'Nothing fits this model.')
        except ValueError as error:
            raise UsageError(f'{path}: {error}') from error
    missing = [key for key in expected if key not in fitting]
    if not missing:
        return []
    resized = ', '.join(resized_heads(state, expected).values())
    if resized and resume:
        raise UsageError(
            f'{path}: expected as many classes to resume with, got another '
            f'number: {resized}. Start a training with --cfg-options '
            'load_from=FILE: all other weights are taken.')
    return [
        f'{path}: {len(fitting)} of {len(expected)} weights start from it; '
        f'the others are initialized ({", ".join(missing[:4])}, ...).' +
        (f' Of another number of classes: {resized}.' if resized else '')
    ]


def _read(path: PathLike) -> tuple[object, State]:
    try:
        content = read_checkpoint(path)
        return content, find_state_dict(content)
    except ValueError as error:
        raise UsageError(f'{path}: {error}') from error


def _check_finite(path: PathLike, state: State) -> list[str]:
    """A note on a fuser with NaN or infinite weights: its images tell, one
    by one. Labels, boxes and offsets would not, so these are an error."""
    wrong = [
        key for key, value in state.items()
        if value.is_floating_point() and not value.sum(
            dtype=torch.float64).isfinite()
    ]
    if not wrong:
        return []
    behind = [key for key in wrong if not key.startswith('fuser.')]
    told = (f'{path}: NaN or infinite values in {len(wrong)} of {len(state)} '
            f'weights, such as {(behind or wrong)[0]}')
    if behind:
        raise UsageError(f'{told}. Take an earlier checkpoint.')
    return [f'{told}; images that they spoil will fail.']


def _with_prefix(state: State, expected: State) -> State:
    """Put a bare fuser's keys under ``fuser.``."""
    if any(_has(state, part) for part in _PARTS):
        return state
    named = {f'fuser.{key}': value for key, value in state.items()}
    return named if set(named) & set(expected) else state


def _has(state: dict, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in state)


def _only(state: State, prefix: str) -> State:
    return {k: v for k, v in state.items() if k.startswith(prefix)}


def _without(state: State, prefixes: tuple[str, ...]) -> State:
    return {k: v for k, v in state.items() if not k.startswith(prefixes)}
