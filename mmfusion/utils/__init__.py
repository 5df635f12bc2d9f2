from .compat import (DetectionMissing, has_detection, has_mmcv_ops,
                     register_config_scopes, require_detection)
from .stack import stack_info


def register_all_modules(init_default_scope: bool = True) -> None:
    """See :func:`mmfusion.utils.register.register_all_modules`."""
    from .register import register_all_modules as register
    register(init_default_scope)


__all__ = [
    'DetectionMissing', 'has_detection', 'has_mmcv_ops',
    'register_all_modules', 'register_config_scopes', 'require_detection',
    'stack_info'
]
