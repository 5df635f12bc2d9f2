"""What the installed OpenMMLab line offers, found by trying, not by version.

Two lines write the same import names: upstream (``mmengine``) and the
maintained forks (``onedl-mmengine``). This module is the only place that
knows about it.
"""
import functools
import importlib.util
import logging
import sys
import warnings
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from .after_import import after_import


def adapt_mmengine() -> None:
    """Adapt mmengine: now, or once it is imported, which takes a while."""
    after_import('mmengine.config.utils', _adapt)


def _adapt() -> None:
    from .stack import StackFault, check_files
    register_config_scopes()
    silence_siblings()
    try:
        check_files()
    except StackFault as error:
        warnings.warn(str(error), stacklevel=2)


def silence_siblings() -> None:
    """Keep off the screen what the siblings say when they are imported.

    That some of their data sets or operators are missing concerns nobody who
    does not use them; who does is told by :func:`require_detection`.
    """
    from mmengine import logging as mm_logging
    plain = mm_logging.print_log
    if plain.__module__ == __name__:
        return

    @functools.wraps(plain)
    def print_log(msg: Any, logger: Any = None,
                  level: int = logging.INFO) -> None:
        # without a logger, mmengine prints whatever the level is
        if logger is not None or level > logging.DEBUG:
            plain(msg, logger, level)

    print_log.__module__ = __name__
    mm_logging.print_log = print_log
    warnings.filterwarnings(
        'ignore', 'Fail to import ``MultiScaleDeformableAttention``')


def register_config_scopes() -> None:
    """Make ``mmfusion::``, ``mmseg::`` and ``mmdet::`` config paths resolve.

    mmengine keeps a closed table from module names to distribution names.
    It lacks ``mmfusion``, and its entries for the siblings name upstream's
    distributions, which the forks do not provide. Modules in the place of
    distributions work on both lines, since the resolver also accepts them.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    from .stack import version_of

    # no distribution, hence found as a module: the folder that mmengine 0.10.7
    # takes for that of a distribution lacks the files of an editable install
    MODULE2PACKAGE.setdefault('mmfusion', 'mmfusion.version')
    for module in ('mmseg', 'mmdet'):
        listed = MODULE2PACKAGE.get(module)
        if ((listed is None or version_of(listed) is None)
                and importlib.util.find_spec(module) is not None):
            MODULE2PACKAGE[module] = module


def format_configs_once() -> None:
    """Make mmengine format the same config only once.

    yapf takes a second for a config, and mmengine asks for its text five
    times at the start of a training and with every checkpoint.
    """
    from mmengine.config import config
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

    # mmengine asks the one or the other for it
    yapf_api.FormatCode = config.FormatCode = format_code


def advances_by_loading() -> bool:
    """Whether mmengine's loop loads what was trained on before a resume.

    Newer ones ask the sampler to skip it.
    """
    from mmengine.runner.loops import _InfiniteDataloaderIterator
    return not hasattr(_InfiniteDataloaderIterator, 'skip_iter')


#: ends an error about an operator that is missing
BUILD_OPERATORS = (
    'In a checkout of mmfusion run "make setup OPERATORS=1"; elsewhere '
    'install torch first, then build them (4 to 8 minutes on two cores, '
    'needs a C++ compiler):\n'
    '  pip install "setuptools>=77,<82" wheel ninja\n'
    '  pip install --no-build-isolation --no-cache-dir --no-deps '
    '--force-reinstall onedl-mmcv')
_OPERATORS = Path(__file__).with_name('operators.py')


class OperatorFinder(MetaPathFinder):
    """Finds :mod:`.operators` under the name of mmcv's compiled module."""

    def find_spec(self, name: str, path=None,
                  target=None) -> ModuleSpec | None:
        if name != 'mmcv._ext':
            return None
        return importlib.util.spec_from_file_location(name, _OPERATORS)


def provide_operators(first: bool = False) -> None:
    """Let mmcv find operators where it was built without.

    Args:
        first (bool): Whether they go before compiled ones, which must not
            have been imported. Defaults to False.
    """
    there = [one for one in sys.meta_path if isinstance(one, OperatorFinder)]
    if first:
        for one in there:
            sys.meta_path.remove(one)
    elif there:
        return
    sys.meta_path.insert(0 if first else len(sys.meta_path), OperatorFinder())


def has_mmcv_ops() -> bool:
    """Whether mmcv was built with its compiled operators."""
    if importlib.util.find_spec('mmcv') is None:
        return False
    spec = importlib.util.find_spec('mmcv._ext')
    return spec is not None and spec.origin != str(_OPERATORS)


def has_detection() -> bool:
    """Whether mmdet is installed, and torchvision, whose operators serve."""
    return all(map(importlib.util.find_spec, ('mmdet', 'torchvision')))


class DetectionMissing(ImportError):
    """mmdet, or an operator that a detector needs, is not installed."""


def require_detection() -> None:
    """Check that detection can run.

    Raises:
        DetectionMissing: If it cannot; says how to install what is missing.
    """
    if not has_detection():
        raise DetectionMissing(
            'Expected mmdet for detection, got none (fusion and segmentation '
            'do without). In a checkout of mmfusion run "make setup"; '
            'elsewhere: pip install onedl-mmdetection torchvision')
