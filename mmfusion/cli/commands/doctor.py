"""``mmfusion doctor``."""
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from mmfusion.utils.compat import BUILD_OPERATORS, has_detection, has_mmcv_ops
from mmfusion.utils.errors import one_line
from mmfusion.utils.model_index import config_folders, list_models, model_entry
from mmfusion.utils.stack import StackFault, stack_info
from mmfusion.version import __version__

from ..parsing import Parser, console_on

#: what a package that may be missing is for, and how to get it
_EXTRAS = {
    'onnxruntime': ('exported models', 'pip install "mmfusion[deployment]"'),
    'openvino': ('exported models', 'pip install "mmfusion[deployment]"'),
    'h5py': ('HDF5 files, text features', 'pip install "mmfusion[text]"'),
    'transformers': ('text encoders', 'pip install "mmfusion[text]"'),
    'torchmetrics': ('learned metrics', 'pip install "mmfusion[metrics]"'),
}
#: packages that may be installed and broken, and how to repair them
COMPILED = {
    'torch': 'pip install "torch>=2.1"',
    'torchvision': 'pip install --force-reinstall torchvision (the version '
    'that fits torch)',
    'cv2': 'pip install opencv-python',
    'numpy': 'pip install "numpy>=1.26"',
}
_STACK = 'pip install "mmfusion[onedl]"'


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        what (str): What was looked at.
        state (str): ``'ok'``, ``'off'`` (may be missing) or ``'fault'``.
        text (str): What was found.
        repair (str): What to do about it.
    """
    what: str
    state: str
    text: str
    repair: str = ''


def main() -> int:
    """Look at what is installed, and say how to repair it.

    Returns:
        int: 0, or 1 if something that fusing needs is at fault.
    """
    Parser(description='Look at what is installed, and say how to repair '
           'what is at fault.').parse_args()
    from rich.table import Table
    from rich.text import Text
    table = Table.grid(padding=(0, 2))
    findings = [finding for check in CHECKS for finding in check()]
    styles = dict(ok='green', off='yellow', fault='bold red')
    for finding in findings:
        table.add_row(Text(finding.state, style=styles[finding.state]),
                      Text(finding.what, style='bold'), Text(finding.text))
        if finding.repair:
            table.add_row('', '', Text(f'-> {finding.repair}', style='cyan'))
    console = console_on(sys.stdout)
    console.print(table)
    faults = [finding for finding in findings if finding.state == 'fault']
    console.print(f'\n{len(faults)} at fault' if faults else '\nready to fuse')
    return int(bool(faults))


def check_python() -> list[Finding]:
    """The interpreter and this package."""
    version = platform.python_version()
    return [
        Finding(
            'mmfusion', 'ok', f'{__version__}, Python {version}, '
            f'{platform.system()} {platform.machine()}')
    ]


def check_stack() -> list[Finding]:
    """OpenMMLab's packages."""
    try:
        found = stack_info()
    except StackFault as error:
        text, _, repair = one_line(error).partition(' Repair with: ')
        return [Finding('OpenMMLab', 'fault', text, repair)]
    return [
        Finding(name, 'ok', found[name]) if name in found else Finding(
            name, 'fault', 'not installed', _STACK)
        for name in ('mmengine', 'mmcv', 'mmseg')
    ]


def check_imports() -> list[Finding]:
    """Whether compiled packages can be imported, each in a process that may
    crash."""
    findings = []
    for name, repair in COMPILED.items():
        done = subprocess.run([
            sys.executable, '-c', f'import {name}; print({name}.__version__)'
        ], capture_output=True, text=True, errors='replace')
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ['it crashed'])[-1]
            findings.append(Finding(name, 'fault', last, repair))
        else:
            findings.append(Finding(name, 'ok', done.stdout.split()[-1]))
    return findings


def check_operators() -> list[Finding]:
    """mmcv's operators and detection."""
    return [
        Finding('operators', 'ok', 'mmcv has its compiled operators')
        if has_mmcv_ops() else Finding(
            'operators', 'off', "mmcv has none compiled: torchvision's take "
            'their place, which a few detectors ask more of',
            one_line(ValueError(BUILD_OPERATORS))),
        Finding('detection', 'ok', 'mmdet is installed') if has_detection()
        else Finding('detection', 'off', 'mmdet is missing',
                     'pip install "mmfusion[onedl,detection]"')
    ]


def check_threads() -> list[Finding]:
    """Cores and the threads that the environment asks for."""
    # not available_cores, whose module needs the OpenCV that may be broken
    cores = (len(os.sched_getaffinity(0))
             if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1)
    asked = os.environ.get('OMP_NUM_THREADS')
    if asked and asked.isdigit() and int(asked) > cores:
        return [
            Finding('threads', 'off', f'{asked} on {cores} cores',
                    f'export OMP_NUM_THREADS={cores}')
        ]
    return [Finding('threads', 'ok', f'{asked or cores} on {cores} cores')]


def check_gpu() -> list[Finding]:
    """Whether torch sees a GPU."""
    if importlib.util.find_spec('torch') is None:
        return []
    try:
        import torch
    except Exception:  # told by check_imports
        return []
    if torch.cuda.is_available():
        names = [
            torch.cuda.get_device_name(i)
            for i in range(torch.cuda.device_count())
        ]
        return [Finding('GPU', 'ok', ', '.join(names))]
    built = torch.version.cuda
    text = 'none visible' if built else 'torch is built without CUDA'
    return [Finding('GPU', 'off', f'{text}: the CPU is used')]


def check_weights() -> list[Finding]:
    """Whether configs and the weights in the box are whole."""
    if not config_folders():
        return [
            Finding('configs', 'fault', 'not in the package',
                    'pip install --force-reinstall --no-deps mmfusion')
        ]
    findings = [Finding('configs', 'ok', f'{len(list_models())} models')]
    for name in list_models('*'):
        entry = model_entry(name)
        if entry is None or not entry.weights:
            continue
        try:
            findings.append(_read_weights(name, entry.weights))
        except Exception as error:  # whatever the damage leads to
            findings.append(
                Finding(f'weights of {name}', 'fault', one_line(error),
                        'pip install --force-reinstall --no-deps mmfusion'))
    return findings


def _read_weights(name: str, file: str) -> Finding:
    from mmfusion.utils.loading_guard import load_from_box
    count = sum(value.numel() for value in load_from_box(file).values())
    return Finding(f'weights of {name}', 'ok', f'{file}, {count} numbers')


def check_extras() -> list[Finding]:
    """Packages that some commands need."""
    return [
        Finding(name, 'ok', f'for {purpose}') if importlib.util.find_spec(name)
        else Finding(name, 'off', f'not installed: for {purpose}', repair)
        for name, (purpose, repair) in _EXTRAS.items()
    ]


CHECKS: tuple[Callable[[], list[Finding]],
              ...] = (check_python, check_stack, check_imports,
                      check_operators, check_threads, check_gpu, check_weights,
                      check_extras)
