"""``register_all_modules`` with the siblings' signature."""
import datetime
import warnings

from mmengine import DefaultScope

from mmfusion import registry

from .compat import has_detection


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every module that registers something.

    Args:
        init_default_scope (bool): Whether to make ``mmfusion`` the default
            scope. Defaults to True.

    Examples:
        >>> register_all_modules(init_default_scope=False)
        >>> 'PSFusion' in registry.MODELS.module_dict
        True
    """
    for known in vars(registry).values():
        if isinstance(known, registry.LazyRegistry):
            known.import_all_files()
            if has_detection():
                known.import_lazy_locations()
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
