"""Entry points. Imported on first use: the command line must be able to
choose a GPU before anything imports torch."""
import importlib

_PLACES = {
    'init_model': '.model_loading',
    'FusionInferencer': '.inferencer',
    'load_config': 'mmfusion.utils.config_file',
    'load_model_weights': '.checkpoint',
}

__all__ = list(_PLACES)


def __getattr__(name: str):
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no {name!r}')
    return getattr(importlib.import_module(_PLACES[name], __name__), name)
