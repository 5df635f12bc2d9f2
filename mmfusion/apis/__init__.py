"""The face of mmfusion: what a script or a notebook calls.

Imported on first use: a command line must be able to choose a GPU before
anything imports torch.
"""
import importlib

_PLACES = {
    'train': '.training',
    'test': '.testing',
    'fuse': '.fusing',
    'init_model': '.model_loading',
    'FusionInferencer': '.inferencer',
    'register_pair': '.registering',
    'TextOptions': '.text',
    'load_model_weights': '.checkpoint',
    'list_models': 'mmfusion.utils.model_index',
    'load_config': 'mmfusion.utils.config_file',
}

__all__ = list(_PLACES)


def __getattr__(name: str):
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no {name!r}')
    return getattr(importlib.import_module(_PLACES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
