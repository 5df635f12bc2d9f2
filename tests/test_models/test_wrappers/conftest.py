"""Tiny models and batches for the wrapper tests."""
import pytest
import torch
from mmengine.config import Config

import mmfusion  # noqa: F401
from mmfusion.registry import MODELS
from tests.support.wrapper_cases import (FUSERS, FUSION_LOSSES, SEGMENTORS,
                                         make_samples)


@pytest.fixture
def segmentor_cfg(tmp_path):
    """Config of a whole mmseg model, by its key in ``SEGMENTORS``."""

    def load(name: str):
        path = tmp_path / f'{name}.py'
        path.write_text(SEGMENTORS[name])
        return Config.fromfile(path).segmentor

    return load


@pytest.fixture
def build(segmentor_cfg):
    """Build a FuserSegmenter from keys of the tables above."""

    def make(fuser: str = 'transfuser6', segmentor: str = 'segformer', **kw):
        torch.manual_seed(0)
        cfg = dict(type='FuserSegmenter',
                   fuser=dict(FUSERS.get(fuser, dict(type='AverageFuser'))),
                   segmentor=segmentor_cfg(segmentor),
                   fusion_losses=FUSION_LOSSES.get(fuser))
        cfg.update(kw)
        model = MODELS.build(cfg)
        return model

    return make


@pytest.fixture
def batch():
    """``(inputs, data_samples)`` of two 64 x 96 pairs."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(2, 4, 64, 96, generator=generator)
    return inputs, make_samples(2, 64, 96)
