"""INT8 by static post-training quantization, calibrated on real pairs."""
import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.apis.pairs import model_pipeline
from mmfusion.fileio.paths import check_outputs
from mmfusion.models.exported.fuser import backend_model
from mmfusion.models.exported.runtimes import META_KEY, PathLike
from mmfusion.models.exported.sums import append_sum
from mmfusion.utils.errors import UsageError, check_choice
from mmfusion.utils.files import finished_file, temporary_folder
from mmfusion.utils.loading_steps import state_loading

METHODS = ('minmax', 'percentile', 'entropy')
#: of activations that --method percentile keeps, in %
PERCENTILE = 99.999
#: what becomes INT8: convolutions alone, or all that ONNX Runtime knows
OPERATORS = ('conv', 'all')


def quantize(path: PathLike, out: PathLike, pairs: Sequence[dict],
             method: str = 'minmax', operators: str = 'conv',
             skip: Sequence[str] = (), mode: str = 'static',
             loading: dict | None = None) -> dict[str, Any]:
    """Quantize an exported ONNX file; the result appears complete.

    Weights per channel, activations per tensor, written as
    QuantizeLinear / DequantizeLinear pairs, which ONNX Runtime, OpenVINO
    and TensorRT read. Keep some pairs aside to measure what it costs.

    Args:
        path (str | PathLike): File of ``export_model``, opset 13 or later.
        out (str | PathLike): Target.
        pairs (sequence[dict]): ``vis_path`` and ``ir_path`` to calibrate
            with.
        method (str): How ranges are chosen: ``'minmax'``, ``'percentile'``
            (99.999 %) or ``'entropy'``.
        operators (str): ``'conv'`` or ``'all'``.
        skip (sequence[str]): Parts of names of nodes that stay in float.
        mode (str): ``'static'``; ``'dynamic'`` is refused.
        loading (dict, optional): ``on_size_mismatch`` and ``uint16_range``
            of the pairs, in place of what the file remembers.

    Returns:
        dict: ``path``, ``mib``, ``pairs`` and ``quantized``, the number of
        nodes that compute in INT8.

    Raises:
        UsageError: If an argument or the file does not fit.
    """
    path, out = Path(path), Path(out)
    _check(path, out, pairs, method, operators, mode)
    import onnx
    from onnxruntime import quantization as ort
    model = backend_model(path)
    state_loading(model.cfg, **(loading or {}))
    graph = onnx.load(str(path))
    opset = max(x.version for x in graph.opset_import if not x.domain)
    if opset < 13:
        raise UsageError(
            f'Expected {path} with an opset of at least 13, which scales '
            f'weights per channel, got {opset}. Export it again.')

    class Reader(ort.CalibrationDataReader):
        """One run's inputs after the other."""

        def __init__(self) -> None:
            names = {value.name for value in graph.graph.input}
            self.feeds = ({
                k: v for k, v in feeds.items() if k in names
            } for feeds in calibration_feeds(model, pairs))
            self.left = 0

        def __len__(self) -> int:
            return len(pairs)

        def set_range(self, start_index: int, end_index: int) -> None:
            self.left = end_index - start_index

        def get_next(self):
            self.left -= 1
            return next(self.feeds, None) if self.left >= 0 else None

    with temporary_folder() as folder, finished_file(out) as draft:
        prepared = folder / 'prepared.onnx'
        ort.quant_pre_process(str(path), str(prepared),
                              skip_symbolic_shape=True)
        nodes = onnx.load(str(prepared)).graph.node
        kept = [
            node.name for node in nodes
            if any(part in node.name for part in skip)
        ]
        if skip and not kept:
            raise UsageError(
                f'Expected --skip with parts of node names, got {list(skip)},'
                ' which no node has. Names: '
                f'{[node.name for node in nodes][:8]} ...')
        # it prints a line for each pair
        with redirect_stdout(io.StringIO()):
            ort.quantize_static(
                str(prepared),
                str(draft),
                Reader(),
                quant_format=ort.QuantFormat.QDQ,
                op_types_to_quantize=(['Conv']
                                      if operators == 'conv' else None),
                nodes_to_exclude=kept,
                per_channel=True,
                activation_type=ort.QuantType.QUInt8,
                weight_type=ort.QuantType.QInt8,
                calibrate_method=dict(
                    minmax=ort.CalibrationMethod.MinMax,
                    percentile=ort.CalibrationMethod.Percentile,
                    entropy=ort.CalibrationMethod.Entropy)[method],
                # pair by pair, of any method: else the histograms'
                # methods keep all activations of all pairs
                extra_options=dict(CalibStridedMinMax=1,
                                   CalibPercentile=PERCENTILE))
        result = onnx.load(str(draft))
        meta = [x for x in graph.metadata_props if x.key == META_KEY]
        onnx.helper.set_model_props(result, {META_KEY: meta[0].value})
        onnx.save(result, str(draft))
        append_sum(draft)
    scaled = {
        name for node in result.graph.node
        if node.op_type == 'DequantizeLinear' for name in node.output
    }
    return dict(
        path=str(out), mib=out.stat().st_size / 2**20, pairs=len(pairs),
        quantized=sum(
            bool(node.input) and node.input[0] in scaled
            and node.op_type != 'QuantizeLinear'
            for node in result.graph.node))


def _check(path: Path, out: Path, pairs: Sequence[dict], method: str,
           operators: str, mode: str) -> None:
    if mode != 'static':
        raise UsageError(
            'Expected static quantization, got '
            f'{mode!r}. Dynamic quantization covers matrix products of '
            'linear and recurrent layers only; these networks are made of '
            'convolutions, none of which would change.')
    check_choice(METHODS, UsageError, method=method)
    check_choice(OPERATORS, UsageError, operators=operators)
    if path.suffix != '.onnx' or out.suffix != '.onnx':
        raise UsageError('Expected two .onnx files, got '
                         f'{path.name!r} and {out.name!r}.')
    check_outputs([(out, (path, ))])
    if not pairs:
        raise UsageError('Expected at least one pair to calibrate with, got '
                         'none. Name folders of typical pairs.')


def calibration_feeds(model: nn.Module,
                      pairs: Sequence[dict]) -> Iterator[dict[str, Any]]:
    """What a backend model's session would get for each pair.

    Pairs of another size than a file of fixed size are resized to it.

    Args:
        model (nn.Module): Of :func:`backend_model`.
        pairs (sequence[dict]): ``vis_path`` and ``ir_path`` of each, and
            ``text`` where the fuser reads one.

    Yields:
        dict[str, np.ndarray]: Inputs by name.
    """
    fuser = model.fuser
    size, batch = (fuser.session.meta[key] for key in ('size', 'batch'))
    pipeline = model_pipeline(model)
    for pair in pairs:
        data = model.data_preprocessor(pseudo_collate([pipeline(dict(pair))]),
                                       False)
        inputs = data['inputs']
        if size is not None and list(inputs.shape[2:]) != list(size):
            inputs = F.interpolate(inputs, size=tuple(size), mode='bilinear',
                                   align_corners=False)
        vis, ir = model.split(inputs.expand(batch or 1, -1, -1, -1))
        pad = fuser._padding(*vis.shape[2:])
        vis, ir = (F.pad(x, pad, mode='replicate') for x in (vis, ir))
        yield from fuser.feeds(vis, ir,
                               **model.condition(data['data_samples']))
