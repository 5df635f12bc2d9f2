from . import (  # noqa: F401
    data_preprocessor,
    fusers,
    losses,
    registration,
    text_encoders,
    wrappers,
)
