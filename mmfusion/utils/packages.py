"""Optional packages."""
from importlib import import_module
from types import ModuleType


def require_package(name: str, advice: str,
                    error: type[Exception] = ImportError) -> ModuleType:
    """Import a module of a package that may not be installed.

    Args:
        name (str): Of the module.
        advice (str): How to get it; ends the message.
        error (type[Exception]): What to raise where it cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as reason:
        raise error(
            f'Expected the package {name.partition(".")[0]}, got none that '
            f'can be imported ({reason}). {advice}') from reason
