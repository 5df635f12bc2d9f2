"""mmfusion: image fusion for OpenMMLab.

Importing the package is light: it only teaches mmengine's config resolver
the name ``mmfusion`` (and repairs the siblings' names), so that
``_base_='mmfusion::...'`` and ``_base_='mmseg::...'`` resolve, and lets mmcv
find operators where it was built without. Models, datasets and hooks are
imported by the registries on first use.
"""
from .utils.compat import provide_operators, register_config_scopes
from .utils.interruption import end_tools_on_signals
from .version import __version__

end_tools_on_signals()
register_config_scopes()
provide_operators()

__all__ = ['__version__']
