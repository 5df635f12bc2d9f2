from . import data_preprocessor, fusers, losses, wrappers  # noqa: F401
