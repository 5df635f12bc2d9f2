"""From a model to a file that other runtimes read, checked against it."""
import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.exported.runtimes import (META_FILE, META_KEY, PathLike,
                                               open_session)
from mmfusion.models.exported.sums import append_sum
from mmfusion.utils.errors import UsageError, check_choice, one_line
from mmfusion.utils.files import finished_file
from mmfusion.utils.torch_features import exports_programs, math_attention

from .fold import fold_batch_norm, reparameterize
from .graph import ExportGraph, describe, example_inputs
from .simplify import simplify_onnx

#: format -> suffix
FORMATS = dict(onnx='.onnx', torchscript='.ts', torch_export='.pt2')
OPSETS = tuple(range(11, 21))
#: from here on, PyTorch's exporter of programs is used, below its tracer
_PROGRAM_OPSET = 18
#: largest difference to eager PyTorch that --verify accepts, in float32
TOLERANCE = 1e-4


@dataclass(frozen=True)
class ExportOptions:
    """How a file is made.

    Attributes:
        format (str): ``'onnx'``, ``'torchscript'`` or ``'torch_export'``.
        opset (int): Of ONNX, 11 to 20.
        shape (sequence[int]): Height and width of a file of fixed size.
        batch (int): Its batch.
        dynamic (bool): Whether to leave batch, height and width open.
        tokens (int): Tokens of a text, where the fuser reads one.
        fold (bool): Whether to fold BatchNorm.
        simplify (bool): Whether to simplify the ONNX graph.
        verify (bool): Whether to run the file and compare.
    """
    format: str = 'onnx'
    opset: int = 18
    shape: Sequence[int] = (480, 640)
    batch: int = 1
    dynamic: bool = False
    tokens: int = 5
    fold: bool = True
    simplify: bool = False
    verify: bool = True

    def check(self, path: Path) -> None:
        """Raise a UsageError where they do not fit together."""
        check_choice(FORMATS, UsageError, format=self.format)
        if path.suffix != FORMATS[self.format]:
            raise UsageError(f'Expected a file {FORMATS[self.format]} for '
                             f'{self.format}, got {path.name!r}.')
        if self.format == 'onnx' and self.opset not in OPSETS:
            raise UsageError(f'Expected an opset of {OPSETS[0]} to '
                             f'{OPSETS[-1]}, got {self.opset}.')
        if min(*self.shape, self.batch) < 1:
            raise UsageError('Expected height, width and batch of at least '
                             f'1, got {tuple(self.shape)} and {self.batch}.')
        if self.simplify and self.format != 'onnx':
            raise UsageError('Expected format onnx to simplify, got '
                             f'{self.format}.')

    def sizes(self, graph: ExportGraph) -> list[tuple]:
        """(B, H, W, L) of the inputs to export with and to verify with."""
        if not self.dynamic:
            return [(self.batch, *self.shape, self.tokens)] * 2
        step, tokens = graph.step, self.tokens
        low = -(-max(graph.fuser.min_size, 64) // step)
        # no two numbers alike, and no 1: exporters take those for constants
        return [(2, low * step, (low + 2) * step, tokens),
                (1, (low + 1) * step, (low + 3) * step, tokens + 2),
                (3, (low + 4) * step, low * step, tokens)]


def export_model(model: nn.Module, path: PathLike, part: str = 'fuser',
                 **options) -> dict[str, Any]:
    """Write a model's network; the file appears complete or not at all.

    Training-time branches are merged and BatchNorm is folded first. Inputs
    and outputs are those of :class:`ExportGraph`. A file of fixed size does
    its own padding. Of a file of variable size batch, height and width are
    free, and both sides have to be multiples of its ``size_divisor``: the
    caller pads, as our runtimes do.

    Args:
        model (nn.Module): ``ImageFuser`` or ``FuserSegmenter`` on the CPU,
            of ``init_model(..., optimize=False)``. Left as it is.
        path (str | PathLike): Target; its suffix is that of the format.
        part (str): ``'fuser'``, or ``'full'`` for the segmentor behind it
            too.
        options: See :class:`ExportOptions`.

    Returns:
        dict: ``path``, ``folded`` and ``merged`` layers, ``mib`` of the
        file and ``max_difference`` to eager PyTorch, None if not verified.

    Raises:
        UsageError: If an argument or model does not fit, the format cannot
            express the network, or the file differs by more than 1e-4.
    """
    path, how = Path(path), ExportOptions(**options)
    how.check(path)
    if how.format != 'torchscript' and not exports_programs():
        raise UsageError(
            f'Expected a newer torch for the format {how.format}, got '
            f'{torch.__version__}, which exports torchscript alone. Export '
            'in an environment of its own: make setup.')
    reference = ExportGraph(copy.deepcopy(model).cpu(), part)
    graph = ExportGraph(copy.deepcopy(model).cpu(), part)
    merged = reparameterize(graph)
    sizes = how.sizes(reference)
    inputs = example_inputs(graph, *sizes[0])
    with torch.no_grad():
        if not all(value.isfinite().all() for value in reference(**inputs)):
            raise UsageError(
                'Expected a model with finite outputs, got NaN or infinity '
                'for random images: look at its weights.')
    folded = fold_batch_norm(graph, inputs) if how.fold else 0
    meta = describe(model, graph, None if how.dynamic else tuple(how.shape),
                    how.batch, part=part, format=how.format, tokens=how.tokens,
                    opset=how.opset if how.format == 'onnx' else None)
    try:
        with finished_file(path) as draft:
            with torch.no_grad(), _quiet():
                _WRITERS[how.format](graph, draft, inputs, how.dynamic,
                                     how.opset, json.dumps(meta))
            if how.simplify:
                simplify_onnx(draft)
            if how.format == 'onnx':
                append_sum(draft)
            difference = None
            if how.verify:
                difference = _verify(reference, draft, sizes)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f'Expected {how.format} to express {meta["fuser"]}, got '
            f'{type(error).__name__}: {one_line(error)[:300]} Try another '
            'opset or format (tools/deployment/export_matrix.py shows which '
            'work), or a fixed size.') from error
    return dict(path=str(path), folded=folded, merged=merged,
                mib=path.stat().st_size / 2**20, max_difference=difference)


def _verify(reference: ExportGraph, path: Path, sizes: list[tuple]) -> float:
    session = open_session(path)
    worst = 0.
    for seed, size in enumerate(sizes):
        inputs = example_inputs(reference, *size, seed=seed)
        with torch.no_grad():
            expected = reference(**inputs)
        got = session.run({k: v.numpy() for k, v in inputs.items()})
        for name, old, new in zip(reference.output_names, expected, got,
                                  strict=True):
            old = old.numpy()
            if new.shape != old.shape:
                raise UsageError(f'Expected {name} of shape {old.shape} from '
                                 f'the exported file, got {new.shape}.')
            if name == 'seg_logits':  # of any scale
                most = max(1., abs(old).max())
                old, new = old / most, new / most
            # not max(), which passes over the NaN of a runtime
            worst = float(np.maximum(worst, np.abs(new - old).max()))
    if not worst <= TOLERANCE:
        raise UsageError(
            f'Expected the exported file within {TOLERANCE} of PyTorch, got '
            f'a difference of {worst:.2e}. Nothing was written; try another '
            'opset.')
    return worst


def _write_onnx(graph: ExportGraph, path: Path, inputs: dict[str, Tensor],
                dynamic: bool, opset: int, meta: str) -> None:
    names = dict(input_names=list(inputs),
                 output_names=list(graph.output_names))
    arguments = tuple(inputs.values())
    if opset >= _PROGRAM_OPSET:
        torch.onnx.export(
            graph, arguments, str(path), opset_version=opset, dynamo=True,
            external_data=False, verbose=False,
            dynamic_shapes=_free_sizes(graph, inputs) if dynamic else None,
            **names)
    else:
        axes = {}
        if dynamic:
            # a graph of variable size pads nothing, so that tracing sees
            # all that happens; the verification tells if it did not
            image = {0: 'batch', 2: 'height', 3: 'width'}
            axes = dict.fromkeys((*inputs, *graph.output_names), image)
            if 'text' in inputs:
                axes['text'] = {0: 'batch', 1: 'tokens'}
            traced: nn.Module = graph
        else:
            # all sizes become constants, which tracing alone keeps open
            with _plain_attention():
                traced = torch.export.export(graph, arguments).module()
        with _plain_attention():
            torch.onnx.export(
                traced,
                arguments,
                str(path),
                opset_version=opset,
                dynamo=False,
                dynamic_axes=axes,
                # a program's mode cannot be set; the graph is in eval mode
                training=torch.onnx.TrainingMode.PRESERVE,
                **names)
    _set_onnx_meta(path, meta)


def _set_onnx_meta(path: Path, meta: str) -> None:
    import onnx
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {META_KEY: meta})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _write_torchscript(graph: ExportGraph, path: Path, inputs: dict[str,
                                                                    Tensor],
                       dynamic: bool, opset: int, meta: str) -> None:
    # under tracing, sizes stay variables
    traced = torch.jit.trace(graph, tuple(inputs.values()), check_trace=False)
    content = io.BytesIO()  # on a full disk, PyTorch would end the process
    torch.jit.save(torch.jit.freeze(traced.eval()), content,
                   _extra_files={META_FILE: meta})
    path.write_bytes(content.getbuffer())


def _write_torch_export(graph: ExportGraph, path: Path, inputs: dict[str,
                                                                     Tensor],
                        dynamic: bool, opset: int, meta: str) -> None:
    program = torch.export.export(
        graph, tuple(inputs.values()),
        dynamic_shapes=_free_sizes(graph, inputs) if dynamic else None)
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={META_FILE: meta})
    path.write_bytes(content.getbuffer())


_WRITERS = dict(onnx=_write_onnx, torchscript=_write_torchscript,
                torch_export=_write_torch_export)


def _free_sizes(graph: ExportGraph, inputs: dict[str, Tensor]) -> tuple:
    """Batch, height, width and tokens as torch.export wants them told."""
    dim = torch.export.Dim
    least = max(1, -(-graph.fuser.min_size // graph.step))
    batch = dim('batch', min=1, max=1024)
    height, width = (graph.step * dim(name, min=least, max=1024)
                     for name in ('rows', 'columns'))
    image = {0: batch, 2: height, 3: width}
    text = {0: batch, 1: dim('tokens', min=1, max=4096)}
    return tuple(text if name == 'text' else image for name in inputs)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention as matrix products, which every opset has."""

    def attend(query: Tensor, key: Tensor, value: Tensor,
               attn_mask: Tensor | None = None, dropout_p: float = 0.,
               is_causal: bool = False, scale: float | None = None,
               **_: Any) -> Tensor:
        factor = query.shape[-1]**-0.5 if scale is None else scale
        logits = query * factor @ key.transpose(-2, -1)
        if attn_mask is not None:
            logits = logits + attn_mask
        return logits.softmax(dim=-1) @ value

    original = F.scaled_dot_product_attention
    fast = torch.backends.mha.get_fastpath_enabled()
    F.scaled_dot_product_attention = attend
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        F.scaled_dot_product_attention = original
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' notes; attention in plain operators."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), math_attention():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(disabled)
