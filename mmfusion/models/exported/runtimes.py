"""Runtimes of exported files, one class each, behind one call.

A session runs one file: ``session.run(feeds)`` from named arrays to a list
of arrays, in the order of ``session.meta['outputs']``. Runtimes are
imported when they are used.
"""
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmfusion.utils.errors import UsageError, check_choice, one_line, spelled
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.packages import require_package

from .archive import check_program, check_script
from .sums import check_sum

PathLike = str | os.PathLike
Feeds = dict[str, np.ndarray]
#: key of the description in an ONNX file, name of it in the others
META_KEY = 'mmfusion'
META_FILE = 'mmfusion.json'
#: suffix -> the runtimes that take it, the default one first
SUFFIXES = {
    '.onnx': ('onnxruntime', 'openvino'),
    '.ts': ('torchscript', ),
    '.pt2': ('torch_export', ),
}
BACKENDS = tuple(name for names in SUFFIXES.values() for name in names)
PRECISIONS = ('fp32', 'bf16')
_INSTALL = 'Install it: pip install -r requirements/deployment.txt'


def is_exported(path: Any) -> bool:
    """Whether something names a file of tools/deployment/export.py."""
    return (isinstance(path, (str, os.PathLike))
            and Path(path).suffix in SUFFIXES)


def open_session(path: PathLike, backend: str | None = None,
                 device: str = 'cpu', threads: int | None = None,
                 precision: str = 'fp32') -> 'Session':
    """Load an exported file into a runtime.

    Args:
        path (str | PathLike): ``.onnx``, ``.ts`` (TorchScript) or ``.pt2``
            (torch.export).
        backend (str, optional): ``'onnxruntime'`` or ``'openvino'`` for
            ``.onnx``; defaults to the former.
        device (str): ``'cpu'``, or ``'cuda'`` where the runtime can.
        threads (int, optional): CPU threads of the runtimes that have
            their own; defaults to theirs.
        precision (str): ``'fp32'``, or ``'bf16'`` of OpenVINO on
            processors that compute in it.

    Returns:
        Session: Ready to run.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If file, backend, device and precision do not fit
            together, or the runtime is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'Expected an exported model, got {str(path)!r}, which does not '
            'exist. Make it with tools/deployment/export.py.')
    names = SUFFIXES.get(path.suffix, ())
    backend = spelled(names, backend or (names[0] if names else None))
    precision = spelled(PRECISIONS, precision)
    if backend not in names:
        raise UsageError(
            f'Expected a backend of {names or BACKENDS} for {path.name}, got '
            f'{backend!r}. Export in the format that it reads.')
    check_choice(PRECISIONS, UsageError, precision=precision)
    if precision != 'fp32' and backend != 'openvino':
        raise UsageError(f'Expected backend=\'openvino\' for {precision}, '
                         f'got {backend!r}.')
    return _SESSIONS[backend](path, device, threads, precision)


class Session:
    """Base of the sessions; see the module.

    Args:
        path (Path): The file.
        device (str): Where it runs.
        threads (int, optional): CPU threads.
        precision (str): See :func:`open_session`.
    """
    backend: str = ''
    on_gpu: bool = False

    def __init__(self, path: Path, device: str = 'cpu',
                 threads: int | None = None, precision: str = 'fp32') -> None:
        if device.startswith('cuda') and not self.on_gpu:
            raise UsageError(f'Expected device=\'cpu\' for {self.backend}, '
                             f'got {device!r}.')
        self.path, self.device = path, device
        self.threads, self.precision = threads, precision
        try:
            text = self._load()
        except (UsageError, ImportError):
            raise
        except Exception as error:
            raise UsageError(f'Expected {path} to load in {self.backend}, got '
                             f'{type(error).__name__}: {one_line(error)}. '
                             'Export it again.') from error
        if not text:
            raise UsageError(
                f'Expected a file of tools/deployment/export.py, got {path}, '
                'which does not say how its images are prepared. Export the '
                'model with that tool.')
        self.meta: dict[str, Any] = json.loads(text)

    def _load(self) -> str:
        """Open the file; give its description as JSON."""
        raise NotImplementedError

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        """Outputs of named float32 arrays."""
        raise NotImplementedError


class OnnxRuntimeSession(Session):
    """ONNX Runtime; on a GPU with the package onnxruntime-gpu."""
    backend = 'onnxruntime'
    on_gpu = True

    def _load(self) -> str:
        ort = require_package('onnxruntime', _INSTALL, UsageError)
        check_sum(self.path)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if self.threads:
            options.intra_op_num_threads = self.threads
        providers = ['CPUExecutionProvider']
        if self.device.startswith('cuda'):
            if 'CUDAExecutionProvider' not in ort.get_available_providers():
                raise UsageError(
                    'Expected an ONNX Runtime with CUDA for '
                    f'{self.device!r}, got {ort.get_available_providers()}. '
                    'Install onnxruntime-gpu, or use device=\'cpu\'.')
            index = torch.device(self.device).index or 0
            providers.insert(0,
                             ('CUDAExecutionProvider', dict(device_id=index)))
        self.session = ort.InferenceSession(str(self.path), options,
                                            providers=providers)
        self.names = {value.name for value in self.session.get_inputs()}
        return self.session.get_modelmeta().custom_metadata_map.get(META_KEY)

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        # an input that the network ignores is not in the graph
        feeds = {k: v for k, v in feeds.items() if k in self.names}
        return self.session.run(self.meta['outputs'], feeds)


class OpenVinoSession(Session):
    """OpenVINO on the CPU, in float32 or bfloat16."""
    backend = 'openvino'

    def _load(self) -> str:
        require_package('openvino', _INSTALL, UsageError)
        core = openvino_core()
        properties: dict[str, Any] = dict(INFERENCE_PRECISION_HINT='f32',
                                          PERFORMANCE_HINT='LATENCY')
        if self.precision == 'bf16':
            able = core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
            if 'BF16' not in able:
                raise UsageError('Expected a processor that computes in '
                                 f'bfloat16, got one of {able}: use '
                                 "precision='fp32'.")
            properties['INFERENCE_PRECISION_HINT'] = 'bf16'
        if self.threads:
            properties['INFERENCE_NUM_THREADS'] = self.threads
        check_sum(self.path)
        model = core.read_model(str(self.path))
        self.compiled = core.compile_model(model, 'CPU', properties)
        self.names = {
            name for port in self.compiled.inputs for name in port.names
        }
        props = require_package('onnx', _INSTALL,
                                UsageError).load(str(self.path)).metadata_props
        return {prop.key: prop.value for prop in props}.get(META_KEY)

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        feeds = {k: v for k, v in feeds.items() if k in self.names}
        results = self.compiled(feeds)
        return [results[name] for name in self.meta['outputs']]


class TorchScriptSession(Session):
    """A traced network, run by PyTorch."""
    backend = 'torchscript'
    on_gpu = True

    def _load(self) -> str:
        extra = {META_FILE: ''}
        check_script(self.path)
        self.network = torch.jit.load(str(self.path), self.device,
                                      _extra_files=extra).eval()
        text = extra[META_FILE]
        return text.decode() if isinstance(text, bytes) else text

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        inputs = [
            torch.from_numpy(feeds[name]).to(self.device)
            for name in self.meta['inputs']
        ]
        with torch.no_grad():
            outputs = self.network(*inputs)
        return [output.cpu().numpy() for output in outputs]


class TorchExportSession(TorchScriptSession):
    """A program of torch.export, run by PyTorch."""
    backend = 'torch_export'

    def _load(self) -> str:
        extra = {META_FILE: ''}
        check_program(self.path)
        with weights_only():
            program = torch.export.load(str(self.path), extra_files=extra)
        self.network = program.module().to(self.device)
        return extra[META_FILE]


@cache
def openvino_core():
    """One for all sessions, kept until the process ends.

    Each core gives the thread a stack for signals, and the former one back
    when it goes. Of two cores of which the older goes first, that is freed
    memory: the next signal, such as Ctrl-C, then ends the process.
    """
    import openvino
    return openvino.Core()


_SESSIONS = {
    cls.backend: cls for cls in (OnnxRuntimeSession, OpenVinoSession,
                                 TorchScriptSession, TorchExportSession)
}
