from .fuser_output import FuserOutput
from .fusion_data_sample import FusionDataSample

__all__ = ['FuserOutput', 'FusionDataSample']
