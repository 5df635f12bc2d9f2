from . import (data_preprocessor, fusers, losses, registration, text_encoders,
               wrappers)
