"""Adapting other packages without importing them before they are used."""
import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _AfterImport(MetaPathFinder):
    """Leaves the finding to others, and calls a function once."""

    def __init__(self, name: str, function: Callable[[], None]) -> None:
        self.name, self.function = name, function

    def find_spec(self, name: str, path: Any = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_call(module: ModuleType) -> None:
                execute(module)
                self.function()

            spec.loader.exec_module = (  # type: ignore[method-assign]
                execute_and_call)
        return spec


def after_import(name: str, function: Callable[[], None]) -> None:
    """Call a function right after a module is imported, now if it is.

    Args:
        name (str): Of the module.
        function (callable): It finds the module in ``sys.modules``, perhaps
            while the package around it is still being imported.
    """
    if name in sys.modules:
        function()
    else:
        sys.meta_path.insert(0, _AfterImport(name, function))
