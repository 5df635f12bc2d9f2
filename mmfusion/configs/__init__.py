"""The headline experiments as pure Python, for ``read_base()``.

    from mmengine.config import read_base
    with read_base():
        from mmfusion.configs.fuser_segmenters.psfusion_segformer import *

They equal their namesakes in the top-level ``configs``, which explain the
values; a test holds both together. Modules here are parsed by mmengine, not
imported.
"""
