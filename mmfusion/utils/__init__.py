from .compat import has_mmcv_ops, register_config_scopes, stack_info


def register_all_modules(init_default_scope: bool = True) -> None:
    """See :func:`mmfusion.utils.register.register_all_modules`."""
    from .register import register_all_modules as register
    register(init_default_scope)


__all__ = [
    'has_mmcv_ops', 'register_all_modules', 'register_config_scopes',
    'stack_info'
]
