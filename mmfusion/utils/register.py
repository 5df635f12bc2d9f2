"""``register_all_modules`` with the siblings' signature."""
import datetime
import importlib
import warnings

from mmengine import DefaultScope

from .compat import has_detection

_PACKAGES = ('datasets', 'engine', 'evaluation.metrics', 'models',
             'structures', 'visualization')


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers something.

    Args:
        init_default_scope (bool): Whether to make ``mmfusion`` the default
            scope. Defaults to True.
    """
    for package in _PACKAGES:
        importlib.import_module(f'mmfusion.{package}')
    if has_detection():
        importlib.import_module('mmfusion.datasets.detection')
    if not init_default_scope:
        return
    current = DefaultScope.get_current_instance()
    if current is None or not DefaultScope.check_instance_created('mmfusion'):
        DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    elif current.scope_name != 'mmfusion':
        warnings.warn(
            f'The default scope {current.scope_name!r} is replaced by '
            '\'mmfusion\'; pass init_default_scope=False to keep it.',
            stacklevel=3)
        name = f'mmfusion-{datetime.datetime.now()}'
        DefaultScope.get_instance(name, scope_name='mmfusion')
