"""NaN and infinite values are told by the name of the image."""
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData

from mmfusion.models.wrappers import ImageFuser
from mmfusion.models.wrappers.finite import check_fused, check_logits
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import UsageError

WRONG = (np.nan, np.inf, -np.inf)


def named(*names):
    return [FusionDataSample(metainfo=dict(vis_path=name)) for name in names]


@pytest.mark.parametrize('value', WRONG)
def test_one_value_of_one_image(value):
    fused = torch.rand(3, 3, 8, 9)
    check_fused(FuserOutput(fused, fused[:, :1]), named('a', 'b', 'c'))
    luma = fused[:, :1].clone()
    luma[2, 0, 7, 8] = value
    with pytest.raises(UsageError, match='^c: expected a fused image'):
        check_fused(FuserOutput(fused, luma), named('a', 'b', 'c'))
    fused[1, 2, 0, 0] = value
    with pytest.raises(UsageError, match='^frame 1: '):
        check_fused(FuserOutput(fused), ['frame 0', 'frame 1', 'frame 2'])


def test_opposite_infinities():
    fused = torch.zeros(1, 3, 2, 2)
    fused[0, 0, 0, :] = torch.tensor([np.inf, -np.inf])
    with pytest.raises(UsageError, match='^pair 0 of the batch: '):
        check_fused(FuserOutput(fused), [FusionDataSample()])


def test_large_images_of_half_precision():
    """Their sum is beyond the largest number of float16."""
    fused = torch.ones(1, 3, 200, 200).half()
    check_fused(FuserOutput(fused, fused[:, :1]), named('a'))


def test_logits():
    samples = named('a', 'b')
    check_logits(samples)
    for sample in samples:
        sample.seg_logits = PixelData(data=torch.zeros(9, 4, 4))
    check_logits(samples)
    samples[1].seg_logits.data[3, 0, 0] = np.nan
    with pytest.raises(UsageError, match='^b: expected logits'):
        check_logits(samples)


def spoilt(**kwargs):
    model = ImageFuser(MODELS.build(dict(type='MMDRFuseStudent')),
                       **kwargs).eval()
    with torch.no_grad():
        next(model.fuser.parameters()).fill_(np.nan)
    return model


@pytest.mark.parametrize(
    'kwargs',
    [dict(), dict(output_norm='minmax'),
     dict(output_colour='grey')])
def test_predictions(kwargs):
    data = dict(inputs=torch.rand(1, 4, 16, 20),
                data_samples=named('vis/7.png'))
    model = spoilt(**kwargs)
    for predict in (model.predict, model.predict_fused):
        with pytest.raises(UsageError, match='^vis/7.png: expected a fused'):
            predict(**data)


def test_training_is_left_to_its_own_hook():
    model = spoilt(fusion_losses=dict(average=dict(type='AverageLoss')))
    losses = model.train().loss(torch.rand(1, 4, 16, 20), None)
    assert losses['loss_average'].isnan()


def test_logits_of_a_segmentor(build):
    model = build('average').eval()
    with torch.no_grad():
        model.segmentor.decode_head.conv_seg.bias[4] = np.nan
    sample = FusionDataSample(
        metainfo=dict(ori_shape=(32, 32), img_shape=(32, 32), stem='night'))
    item = dict(inputs=torch.zeros(4, 32, 32, dtype=torch.uint8),
                data_samples=sample)
    with pytest.raises(UsageError, match='^night: expected logits'):
        model.test_step(pseudo_collate([item]))
