"""Which OpenMMLab stack is installed, and whether its parts fit together."""
import importlib
import importlib.util
import re
from pathlib import Path

#: import name -> distributions that provide it, preferred one first
DISTRIBUTIONS = {
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
}
#: how mmseg and mmdet write the versions of mmcv that they take
_RANGE = re.compile(
    r"^(?:MMCV_|mmcv_)(MIN|MAX|minimum|maximum)\w* = '([^']+)'", re.M)


class StackFault(RuntimeError):
    """Packages that do not fit together; the text says how to repair it."""


def version_of(distribution: str) -> str | None:
    """Version of a distribution, None if it is not installed."""
    from importlib import metadata  # late: it takes long, and is rarely used
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def stack_info() -> dict[str, str]:
    """Name and version of the distribution behind each OpenMMLab module.

    Returns:
        dict: e.g. ``{'mmengine': 'onedl-mmengine 0.10.12'}``; modules that
        are not installed are left out.

    Raises:
        StackFault: If two distributions provide the same module, mmcv is out
            of the range of mmseg or mmdet, its operators were compiled for
            another torch, or torchvision or pkg_resources is missing.
    """
    info = check_files()
    _check_operators(info.get('mmcv', ''))
    return info


def stack_fault() -> StackFault | None:
    """What :func:`stack_info` finds at fault, None if nothing is."""
    try:
        stack_info()
    except StackFault as fault:
        return fault
    return None


def check_files() -> dict[str, str]:
    """As :func:`stack_info`, without importing anything."""
    info = {}
    for module, candidates in DISTRIBUTIONS.items():
        found = [(name, version) for name in candidates
                 if (version := version_of(name)) is not None]
        if len(found) > 1:
            names = ' '.join(name for name, _ in found)
            raise StackFault(
                f'Expected one distribution to provide {module!r}, got '
                f'{names}: they write the same folder. Repair with: '
                f'pip uninstall -y {names} && pip install {found[0][0]}')
        if found:
            info[module] = ' '.join(found[0])
    for module in ('mmseg', 'mmdet'):
        if 'mmcv' in info and module in info:
            _check_range(info['mmcv'], module)
    if info and importlib.util.find_spec('torchvision') is None:
        raise StackFault(
            "Expected torchvision, whose operators take the place of mmcv's, "
            f'got none. Repair with: pip install torch=={version_of("torch")} '
            'torchvision')
    _check_setuptools()
    return info


def _check_setuptools() -> None:
    """mmengine 0.10 reads versions by what setuptools no longer brings."""
    engine = importlib.util.find_spec('mmengine')
    if (engine is None or engine.origin is None
            or importlib.util.find_spec('pkg_resources') is not None):
        return
    asks = Path(engine.origin).with_name('utils') / 'package_utils.py'
    if asks.is_file() and 'import pkg_resources' in asks.read_text('utf-8'):
        raise StackFault(
            'Expected pkg_resources for this mmengine, got none: setuptools '
            '82 dropped it. Repair with: pip install "setuptools<82"')


def _check_range(mmcv: str, module: str) -> None:
    """Compare mmcv with what a package says that it takes."""
    from packaging.version import Version
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return
    text = Path(spec.origin).read_text(encoding='utf-8')
    told = {kind[:3].lower(): end for kind, end in _RANGE.findall(text)}
    name, version = mmcv.split()
    least, most = told.get('min', version), told.get('max', version + '.1')
    if not Version(least) <= Version(version) < Version(most):
        raise StackFault(
            f'Expected mmcv>={least},<{most} for {module}, got {mmcv}. Repair '
            f'with: pip uninstall -y {name} && pip install --no-deps '
            f'"mmcv-lite>={least},<{most}"')


def _check_operators(mmcv: str) -> None:
    """Try mmcv's operators, if they are compiled."""
    from .compat import has_mmcv_ops
    if not has_mmcv_ops():
        return
    import torch  # noqa: F401  (whose libraries they are linked to)
    try:
        importlib.import_module('mmcv._ext')
    except ImportError as error:
        name, version = mmcv.split()
        instead = name if name.startswith('onedl') else 'mmcv-lite'
        raise StackFault(
            "Expected mmcv's operators to be compiled for torch "
            f'{version_of("torch")}, got those of another one '
            f'({str(error).splitlines()[0][-120:]}). Repair, without compiled '
            f'operators, with: pip uninstall -y {name} && pip install '
            f'--no-deps --no-cache-dir {instead}=={version}') from error
