"""Early fusion: task networks that take the stacked pair."""
import copy

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from mmfusion.apis.checkpoint import check_overlap, load_model_weights
from mmfusion.deployment.graph import ExportGraph
from mmfusion.models.wrappers import TaskNormalizer
from mmfusion.models.wrappers.first_layers import widen_first_layers
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError
from mmfusion.video.fusing import FrameFuser
from tests.support.config_cases import demo_fusion_inputs, shrink_config
from tests.support.wrapper_cases import SEGMENTORS, make_samples

# two branches take the image
BISENET = '''
_base_ = 'mmseg::_base_/models/bisenetv1_r18-d32.py'
segmentor = _base_.model
segmentor.backbone.backbone_cfg.init_cfg = None
segmentor.decode_head.num_classes = 9
for head in segmentor.auxiliary_head:
    head.num_classes = 9
del head
'''
FIRSTS = dict(
    segformer=['backbone.layers.0.0.projection'],
    pspnet_with_auxiliary_head=['backbone.stem.0'], bisenet=[
        'backbone.context_path.backbone.conv1',
        'backbone.spatial_path.layer1.conv'
    ])


@pytest.fixture
def stacked(build, monkeypatch):
    """A FuserSegmenter without a fuser, on 3, 4 or 6 channels."""
    monkeypatch.setitem(SEGMENTORS, 'bisenet', BISENET)

    def make(segmentor='segformer', channels=4, **kwargs):
        # a name that the table of fusers has not is an AverageFuser's
        model = build('visible', segmentor, task_channels=channels, **kwargs)
        model.fuser = MODELS.build(dict(type='SelectModality'))
        return model

    return make


def firsts(model):
    """The layers that see the image, by name."""
    return {
        name: module for name, module in model.task_network.named_modules()
        if isinstance(module, nn.Conv2d) and module.in_channels ==
        model.task_norm.channels and name.startswith('backbone')
    }


@pytest.mark.parametrize('channels', [4, 6])
@pytest.mark.parametrize('segmentor', FIRSTS)
def test_trains_and_predicts(stacked, batch, segmentor, channels):
    model = stacked(segmentor, channels).train()
    model.init_weights()
    found = firsts(model)
    assert sorted(found) == FIRSTS[segmentor]
    inputs, samples = batch
    inputs.requires_grad_(True)
    total, _ = model.parse_losses(model(inputs, samples, mode='loss'))
    total.backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None]
    assert inputs.grad.abs().sum((0, 2, 3)).min() > 0  # infrared, too
    for conv in found.values():
        assert conv.weight.shape[1] == channels
        assert conv.weight.grad.abs().sum((0, 2, 3)).min() > 0

    model.eval()
    with torch.no_grad():
        inputs = inputs.detach()
        sample = model(inputs, make_samples(2, 64, 96), mode='predict')[0]
    torch.testing.assert_close(sample.fused_img.data, inputs[0, :3])
    assert sample.seg_logits.data.shape == (9, 64, 96)


@pytest.mark.parametrize('channels', [4, 6])
@pytest.mark.parametrize('segmentor', FIRSTS)
def test_weights_for_rgb_are_inflated(stacked, tmp_path, segmentor, channels):
    """However they come; a grey pair then looks as its image did."""
    off = dict(task_mean=None, task_std=None)
    rgb = stacked(segmentor, 3, **off).eval()
    path = str(tmp_path / 'rgb.pth')
    torch.save(dict(state_dict=rgb.state_dict()), path)
    backbone = str(tmp_path / 'backbone.pth')
    torch.save(rgb.segmentor.backbone.state_dict(), backbone)

    by_start = stacked(segmentor, channels, **off)
    assert check_overlap(by_start, path) == []
    load_checkpoint(by_start, path)  # as load_from does
    by_torch = stacked(segmentor, channels, **off)
    by_torch.load_state_dict(rgb.state_dict())
    by_init = stacked(segmentor, channels, **off)
    by_init.segmentor.backbone.init_cfg = dict(type='Pretrained',
                                               checkpoint=backbone)
    by_init.init_weights()
    for model in (by_torch, by_init):
        for key, conv in firsts(model).items():
            torch.testing.assert_close(conv.weight,
                                       firsts(by_start)[key].weight)
    grey = torch.rand(1, 1, 64, 96).expand(-1, 4, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(by_start.eval()(grey), rgb(grey), atol=1e-4,
                                   rtol=1e-4)
    with pytest.raises(UsageError, match='misshapen'):
        load_model_weights(by_start, path)  # no result of an RGB network


def test_weights_for_stacked_pairs_come_as_they_are(stacked, tmp_path):
    first, second = stacked(), stacked()
    nn.init.normal_(first.segmentor.backbone.layers[0][0].projection.weight)
    path = tmp_path / 'four.pth'
    torch.save(dict(state_dict=first.state_dict()), path)
    load_model_weights(second, path)
    third = copy.deepcopy(stacked())
    load_checkpoint(third, str(path))
    for model in (second, third):
        for key, value in first.state_dict().items():
            assert torch.equal(model.state_dict()[key], value), key


def test_other_ways_to_the_network(stacked, batch):
    """Crops, exported graphs, videos and given fused images."""
    inputs, samples = batch
    model = stacked().eval()
    seen = []
    model.segmentor.backbone.register_forward_hook(
        lambda module, args, out: seen.append(args[0]))
    with torch.no_grad():
        expected = model(inputs)
        graph = ExportGraph(model, 'full')
        torch.testing.assert_close(
            graph(inputs[:, :3], inputs[:, 3:])[1].shape,
            torch.Size((2, 9, 64, 96)))
        torch.testing.assert_close(seen[-1], seen[0])
        labels = FrameFuser(model, model)._labels(model.fuse(inputs), inputs)
        assert labels.shape == (2, 64, 96)
        torch.testing.assert_close(seen[-1], seen[0])
        model.fuse_first = False
        model(inputs, make_samples(2, 64, 96), mode='predict')
        torch.testing.assert_close(seen[-1], seen[0])
        model.given_fused = True
        model(inputs, samples, mode='loss')
        torch.testing.assert_close(seen[-1], seen[0])
    assert expected.shape[1] == 9


def test_registered_infrared(stacked, batch):
    model = stacked(registration=dict(type='RegistrationHead', fit='field'))
    inputs, samples = batch
    output = model.fuse(inputs)
    offset = output.aux['registration.offset']
    offset.zero_()
    still = model.task_images(output, inputs)
    torch.testing.assert_close(still, inputs)
    offset.fill_(3.)
    moved = model.task_images(output, inputs)
    torch.testing.assert_close(moved[:, :3], inputs[:, :3])
    assert not torch.allclose(moved[:, 3:], inputs[:, 3:])
    model.given_fused = True
    with pytest.raises(UsageError, match='write_fused=False'):
        model(inputs, samples, mode='loss')


@pytest.mark.parametrize('channels, mean', [(3, [1., 2., 6.]),
                                            (4, [1., 2., 6., 3.]),
                                            (6, [1., 2., 6., 1., 2., 6.])])
def test_normalization_of_infrared(channels, mean):
    norm = TaskNormalizer([1, 2, 6], [2, 2, 2], 'bgr', channels)
    images = torch.rand(1, channels, 4, 4)
    order = [2, 1, 0, *range(3, channels)]
    expected = (255 * images[:, order] -
                torch.tensor(mean).view(1, -1, 1, 1)) / 2
    torch.testing.assert_close(norm(images), expected)
    own = TaskNormalizer(mean, channels * [2], 'bgr', channels)
    torch.testing.assert_close(own(images), expected)


def test_bad_channels_and_frozen_or_missing_layers(stacked, caplog):
    with pytest.raises(ValueError, match='task_channels 3, 4 or 6, got 5'):
        stacked(channels=5)
    with pytest.raises(UsageError, match='first convolution'):
        widen_first_layers(nn.Conv2d(2, 1, 1), 4)
    frozen = nn.Conv2d(3, 1, 1).requires_grad_(False)
    widen_first_layers(frozen, 4)
    assert not frozen.weight.requires_grad
    asked = nn.Conv2d(4, 1, 1)  # by its own config
    weight = asked.weight.clone()
    widen_first_layers(asked, 4)
    assert torch.equal(asked.weight, weight)
    asked.load_state_dict(nn.Conv2d(3, 1, 1).state_dict())
    assert not torch.equal(asked.weight, weight)


@pytest.mark.detection
@pytest.mark.parametrize('detector', ['retinanet', 'rtmdet-tiny'])
def test_detectors(detector):
    cfg = load_config('fuser_detectors/joint_llvip.py', scale='mini',
                      options=dict(fuser='stacked', detector=detector))
    model = MODELS.build(shrink_config(cfg, (64, 96)).model)
    assert len(firsts(model)) == 1
    data = demo_fusion_inputs(2, (64, 96))
    data = model.data_preprocessor(data, True)
    data['inputs'].requires_grad_(True)
    total, _ = model.parse_losses(model(**data, mode='loss'))
    total.backward()
    assert data['inputs'].grad.abs().sum((0, 2, 3)).min() > 0
    with torch.no_grad():
        sample = model.eval()(data['inputs'].detach(), mode='predict')[0]
    assert isinstance(model.fuse(data['inputs']), FuserOutput)
    assert sample.fused_img.data.shape == (3, 64, 96)
    assert sample.pred_instances.bboxes.shape[1] == 4
