"""FuserSegmenter in parity mode gives BFFR's own numbers (spec, section 5)."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData

import mmfusion  # noqa: F401
from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from tests.support.references.bffr import (fill_reference, golden_inputs,
                                           reference_full_shapes)

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / 'configs/fuser_segmenters/bffr_segformer.py'


@pytest.fixture(scope='module')
def state(converter):
    """The golden weights, through the converter's mapping."""
    reference = fill_reference(reference_full_shapes())
    assert len(reference) == 578
    mapping = converter.MAPPINGS['bffr'][0]
    return converter.convert(reference, mapping)['state_dict']


@pytest.fixture
def model(state):
    from mmengine.registry import init_default_scope
    init_default_scope('mmfusion')
    cfg = Config.fromfile(CONFIG).model
    cfg.fuser.pop('init_cfg', None)
    cfg.segmentor.backbone.drop_path_rate = 0.0
    cfg.segmentor.decode_head.update(dropout_ratio=0.0,
                                     norm_cfg=dict(type='BN'))
    model = MODELS.build(cfg)
    model.load_state_dict(state, strict=True)
    return model


def stacked(batch, height, width):
    """The golden pair; the formula's channels are BFFR's order, B, G, R."""
    vis, ir = golden_inputs(batch, height, width)
    return torch.cat((vis.flip(1), ir), dim=1)


def close(got, expected, atol=2e-5):
    torch.testing.assert_close(got, torch.tensor(expected), atol=atol, rtol=0)


def test_whole_inference(model):
    model.eval()
    model.segmentor.test_cfg.mode = 'whole'
    with torch.no_grad():
        logits = model.predict(stacked(1, 64, 96))[0].seg_logits.data
    close(logits.mean(), .026074, 2e-6)
    close(logits.std(), .750570, 2e-6)
    close(logits[:, 0, 0], [
        -.26356, 1.25397, .12302, -1.32052, -.03852, 1.35810, -.01168,
        -1.32914, .08986
    ])
    close(logits[:, 32, 48], [
        .22876, .93247, -.34371, -.96187, .39967, .96458, -.41855, -.90323,
        .46285
    ])


def test_slide_inference_fuses_every_crop(model):
    model.eval()
    assert not model.fuse_first
    model.segmentor.test_cfg.update(mode='slide', crop_size=(64, 96),
                                    stride=(32, 48))
    with torch.no_grad():
        sample = model.predict(stacked(1, 100, 150))[0]
    probability = sample.seg_logits.data.softmax(0)
    close(probability.std(), .078537, 2e-6)
    close(probability[:, 0, 0], [
        .05970, .27231, .08788, .02075, .07477, .30219, .07681, .02057, .08502
    ])
    close(probability[:, 50, 75], [
        .09012, .23970, .06898, .02818, .10903, .25321, .06265, .02926, .11886
    ])


def test_training_losses(model):
    model.train()
    labels = torch.arange(2 * 64 * 96).reshape(2, 1, 64, 96) % 9
    samples = []
    for label in labels:
        sample = FusionDataSample()
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    losses = model.loss(stacked(2, 64, 96), samples)
    terms = {key: value for key, value in losses.items() if 'loss' in key}
    assert len(terms) == 2
    fusion = next(v for k, v in terms.items() if k.startswith('fusion.'))
    close(fusion.detach(), .003315, 1e-6)
    close(terms['segmentor.decode.loss_ce'].detach(), 2.263477, 1e-5)
    close(model.parse_losses(losses)[0].detach(), 2.266792, 1e-5)
