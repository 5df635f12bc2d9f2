from . import (  # noqa: F401
    data_preprocessor,
    fusers,
    losses,
    text_encoders,
    wrappers,
)
