from .configs import (
    config_files,
    demo_fusion_inputs,
    get_fuser_cfg,
    shrink_config,
)

__all__ = [
    'config_files', 'demo_fusion_inputs', 'get_fuser_cfg', 'shrink_config'
]
