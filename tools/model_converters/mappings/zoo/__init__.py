"""Tables of the zoo's methods, each in a module with ``TABLES``."""
from importlib import import_module
from pkgutil import iter_modules

#: one tuple of tables a method
ZOO = tuple(
    import_module(f'{__name__}.{module.name}').TABLES
    for module in iter_modules(__path__) if module.name != 'table')
