"""mmfusion: image fusion for OpenMMLab.

Importing the package is light: mmengine, once it is imported, learns the
name ``mmfusion`` (and the siblings' names are repaired), so that
``_base_='mmfusion::...'`` and ``_base_='mmseg::...'`` resolve, and mmcv finds
operators where it was built without. Models, datasets and hooks are imported
by the registries on first use.
"""
from .utils.compat import adapt_mmengine, provide_operators
from .utils.interruption import end_tools_on_signals
from .version import __version__

end_tools_on_signals()
adapt_mmengine()
provide_operators()

__all__ = ['__version__']
