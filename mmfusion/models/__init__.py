from mmfusion.utils.loading_guard import guard_loading

from . import (data_preprocessor, discriminators, fusers, losses, registration,
               text_encoders, wrappers)

guard_loading()
