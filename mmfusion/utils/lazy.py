"""Rooms whose files are imported when one of their names is first used."""
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, places: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    The registries look for a type under its own name there, see
    :class:`mmfusion.registry.LazyRegistry`: a type is registered once its
    file is imported.

    Args:
        package (str): Its ``__name__``.
        places (mapping): Files of the package, such as ``'loading'``, or
            other modules, by their whole names, and the names in each, with
            spaces between.

    Examples:
        >>> __getattr__, __dir__, __all__ = lazy_names(
        ...     'mmfusion.utils', {'errors': 'UsageError one_line'})
        >>> __all__, __getattr__('UsageError').__name__
        (['UsageError', 'one_line'], 'UsageError')
    """
    files = {
        name: file for file, names in places.items() for name in names.split()
    }

    def get(name: str) -> Any:
        if name not in files:
            raise AttributeError(f'module {package!r} has no {name!r}')
        file = files[name]
        module = import_module(file if '.' in file else f'{package}.{file}')
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *files})

    return get, listed, list(files)
