"""What the installed OpenMMLab line offers, found by trying, not by version.

Two lines write the same import names: upstream (``mmengine``) and the
maintained forks (``onedl-mmengine``). This module is the only place that
knows about it.
"""
import importlib.util
from importlib import metadata

#: import name -> distributions that provide it, preferred one first
DISTRIBUTIONS = {
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'mmcv': ('onedl-mmcv', 'mmcv', 'mmcv-lite'),
    'mmseg': ('onedl-mmsegmentation', 'mmsegmentation'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def register_config_scopes() -> None:
    """Make ``mmfusion::``, ``mmseg::`` and ``mmdet::`` config paths resolve.

    mmengine keeps a closed table from module names to distribution names.
    It lacks ``mmfusion``, and its entries for the siblings name upstream's
    distributions, which the forks do not provide. Mapping a module to its
    own name works on both lines, since the resolver also accepts modules.
    """
    from mmengine.config.utils import MODULE2PACKAGE
    MODULE2PACKAGE.setdefault('mmfusion', 'mmfusion')
    for module in ('mmseg', 'mmdet'):
        listed = MODULE2PACKAGE.get(module)
        if ((listed is None or _version(listed) is None)
                and importlib.util.find_spec(module) is not None):
            MODULE2PACKAGE[module] = module


def format_configs_once() -> None:
    """Make mmengine format the same config only once.

    yapf takes a second for a config, and mmengine asks for its text five
    times at the start of a training and with every checkpoint.
    """
    from yapf.yapflib import yapf_api
    plain = yapf_api.FormatCode
    if plain.__module__ == __name__:
        return
    last: dict[str, tuple] = {}

    def format_code(*args, **kwargs) -> tuple:
        given = repr((args, kwargs))
        if given not in last:
            text = plain(*args, **kwargs)
            last.clear()
            last[given] = text
        return last[given]

    yapf_api.FormatCode = format_code


def stack_info() -> dict[str, str]:
    """Name and version of the distribution behind each OpenMMLab module.

    Returns:
        dict: e.g. ``{'mmengine': 'onedl-mmengine 0.10.12'}``; modules that
        are not installed are left out.

    Raises:
        RuntimeError: If two distributions provide the same module, because
            the later one has overwritten files of the earlier.
    """
    info = {}
    for module, candidates in DISTRIBUTIONS.items():
        found = [(name, version) for name in candidates
                 if (version := _version(name)) is not None]
        if len(found) > 1:
            names = ' '.join(name for name, _ in found)
            raise RuntimeError(
                f'Expected one distribution to provide {module!r}, got '
                f'{names}: they write the same folder. Repair with: '
                f'pip uninstall -y {names} && pip install {found[0][0]}')
        if found:
            info[module] = ' '.join(found[0])
    return info


def has_mmcv_ops() -> bool:
    """Whether mmcv was built with its compiled operators."""
    return importlib.util.find_spec('mmcv') is not None and (
        importlib.util.find_spec('mmcv._ext') is not None)


def has_detection() -> bool:
    """Whether mmdet and the compiled operators it needs are installed."""
    return has_mmcv_ops() and importlib.util.find_spec('mmdet') is not None


class DetectionMissing(ImportError):
    """mmdet or mmcv's compiled operators are not installed."""


def require_detection() -> None:
    """Check that detection can run.

    Raises:
        DetectionMissing: If it cannot; says how to install what is missing.
    """
    if has_detection():
        return
    got = 'mmcv without operators' if not has_mmcv_ops() else 'no mmdet'
    raise DetectionMissing(
        'Expected mmdet and mmcv with its compiled operators for detection, '
        f'got {got} (fusion and segmentation need neither). In a checkout '
        'of mmfusion run "make setup"; elsewhere install torch first, then '
        'build them (4 to 8 minutes on two cores, needs a C++ compiler):\n'
        '  pip install "setuptools>=77,<82" wheel ninja\n'
        '  pip install --no-build-isolation --no-cache-dir --no-deps '
        '--force-reinstall onedl-mmcv\n'
        '  pip install onedl-mmdetection')
