"""FuserDetector around mmdet's detectors. That all of them train and
predict behind three fusers is shown by the sweep over the configs."""
import copy
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData, PixelData
from torch import nn

from mmfusion.models.wrappers import TaskPadding
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.config_file import load_config
from tests.support.config_cases import demo_fusion_inputs, shrink_config

pytestmark = pytest.mark.detection
DETECTORS = ('retinanet', 'faster-rcnn', 'rtmdet-tiny', 'dino')
SIZE = (64, 96)


class TakeVisible(nn.Module):
    """The identity: gives the visible image."""

    def forward(self, vis, ir):
        return FuserOutput(fused=vis)

    def split_colour(self, vis):
        return vis[:, :1], vis[:, 1:]


@cache
def read(detector):
    cfg = load_config(
        'fuser_detectors/joint_llvip.py', scale='mini',
        options=dict(fuser='mmdrfuse_student', detector=detector))
    return shrink_config(cfg, SIZE).model


def config(detector):
    """Slim model config of mmfusion's experiment with a detector."""
    return copy.deepcopy(read(detector))


def build(name='retinanet', fuser=None, **kwargs):
    torch.manual_seed(0)
    # not merged into the config, as ConfigDict.update would
    cfg = {**config(name), **kwargs}
    return MODELS.build(dict(cfg, fuser=fuser or cfg['fuser']))


@pytest.fixture
def batch():
    """Preprocessed for training: ``(inputs, data_samples)``."""

    def make(model, size=SIZE, training=True):
        data = demo_fusion_inputs(2, size)
        return tuple(model.data_preprocessor(data, training).values())

    return make


@pytest.mark.parametrize('detector', DETECTORS)
@pytest.mark.parametrize('sizes', [[SIZE, SIZE], [(64, 96), (52, 70)]])
def test_identity_fuser_gives_the_bare_detector(detector, sizes):
    """Also for a batch of several sizes, whose images are seen as if each
    were alone, and rescaled to the original sizes. Boxes are compared to a
    millionth of the image."""
    from mmdet.structures import DetDataSample
    cfg = config(detector)['detector']
    torch.manual_seed(0)
    bare = MODELS.build(cfg).eval()
    bare.init_weights()  # DINO leaves some of its parameters as they come
    model = build(detector, TakeVisible(), fusion_losses=None).eval()
    model.detector.load_state_dict(bare.state_dict())
    generator = torch.Generator().manual_seed(0)
    stacks = [
        torch.randint(0, 256, (4, *size), generator=generator).byte()
        for size in sizes
    ]
    meta = [
        dict(img_id=k, img_shape=size, ori_shape=(2 * size[0], 2 * size[1]),
             scale_factor=(0.5, 0.5)) for k, size in enumerate(sizes)
    ]
    ours = model.test_step(
        dict(inputs=stacks,
             data_samples=[FusionDataSample(metainfo=m) for m in meta]))
    theirs = [
        bare.test_step(
            dict(inputs=[stack[:3]],
                 data_samples=[DetDataSample(metainfo=m)]))[0]
        for stack, m in zip(stacks, meta, strict=True)
    ]
    found = 0
    for one, other, size in zip(ours, theirs, sizes, strict=True):
        for key in ('bboxes', 'scores', 'labels'):
            torch.testing.assert_close(
                one.pred_instances[key], other.pred_instances[key],
                atol=1e-6 * (2 * SIZE[1] if key == 'bboxes' else 1), rtol=0)
        found += len(one.pred_instances)
        assert one.fused_img.shape == (2 * size[0], 2 * size[1])
    assert found or detector == 'retinanet'


def test_joint_gradient_and_names_of_losses(batch):
    """Without a fusion loss the fuser still learns from the detector."""
    model = build(fusion_losses=None).train()
    losses = model(*batch(model), mode='loss')
    assert all(key.startswith('detector.') for key in losses)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad.abs().sum() > 0 for p in model.fuser.parameters())
    model = build().train()
    losses = model(*batch(model), mode='loss')
    assert 'fusion.loss_intensity' in losses


def test_frozen_fuser(batch):
    """Also the running statistics of its BatchNorm layers stay."""
    model = build(fuser=dict(type='RealtimeFusionNet', size='tiny'),
                  fuser_frozen=True).train()
    before = copy.deepcopy(model.fuser.state_dict())
    assert any(key.endswith('running_mean') for key in before)
    assert not model.fuser.training and model.detector.training
    losses = model(*batch(model), mode='loss')
    assert not any(key.startswith('fusion') for key in losses)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is None for p in model.fuser.parameters())
    torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.1).step()
    for key, value in model.fuser.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_padding_is_that_of_the_detector():
    padding = TaskPadding(divisor=32, value=-7.)
    samples = [
        FusionDataSample(metainfo=dict(img_shape=shape))
        for shape in ((40, 60), (33, 48))
    ]
    images = torch.rand(2, 3, 40, 60)
    out = padding(images, samples)
    assert out.shape == (2, 3, 64, 64)
    torch.testing.assert_close(out[0, :, :40, :60], images[0])
    torch.testing.assert_close(out[1, :, :33, :48], images[1, :, :33, :48])
    for image, (height, width) in zip(out, ((40, 60), (33, 48)), strict=True):
        assert (image[:, height:] == -7).all()
        assert (image[:, :, width:] == -7).all()
    assert samples[1].batch_input_shape == (64, 64)
    assert samples[1].pad_shape == (64, 64)
    assert TaskPadding()(images[:1], samples[:1]) is not None


def test_batch_augmentation_of_the_detector_moves_pairs_and_boxes(
        batch, monkeypatch):
    cfg = config('retinanet')['detector']
    cfg['data_preprocessor']['batch_augments'] = [
        dict(type='BatchSyncRandomResize', random_size_range=(32, 32))
    ]
    model = build(detector=cfg, fuser=TakeVisible(), fusion_losses=None)
    augment, = model.batch_augments
    augment._input_size = (32, 48)
    seen = []
    monkeypatch.setattr(
        model.detector, 'loss', lambda images, samples: seen.append(
            (images, samples)) or {})
    inputs, samples = batch(model)
    before = samples[0].gt_instances.bboxes.clone()
    MessageHub.get_current_instance().update_info('iter', 0)
    model(inputs, samples, mode='loss')
    images, samples = seen[0]
    assert images.shape[2:] == (32, 64)  # and padded to 32
    torch.testing.assert_close(samples[0].gt_instances.bboxes, before / 2)


def test_instance_masks():
    """Mask R-CNN: masks are padded in training and pasted in testing."""
    from mmdet.structures.mask import BitmapMasks
    cfg = config('faster-rcnn')['detector']
    cfg.update(type='MaskRCNN')
    cfg['data_preprocessor'].update(pad_mask=True)
    cfg['roi_head'].update(
        mask_roi_extractor=dict(
            cfg['roi_head']['bbox_roi_extractor'],
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0)),
        mask_head=dict(
            type='FCNMaskHead', num_convs=1, in_channels=64,
            conv_out_channels=16, num_classes=1,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True,
                           loss_weight=1.0)))
    cfg['train_cfg']['rcnn'].update(mask_size=28)
    cfg['test_cfg']['rcnn'].update(mask_thr_binary=0.5, score_thr=0.0)
    model = build(detector=cfg)
    data = demo_fusion_inputs(2, (50, 70))
    for sample in data['data_samples']:
        sample.gt_instances.masks = BitmapMasks(np.ones((3, 50, 70), np.uint8),
                                                50, 70)
    data = model.data_preprocessor(data, True)
    losses = model.train()(**data, mode='loss')
    assert torch.isfinite(losses['detector.loss_mask']).all()
    sample = data['data_samples'][0]
    assert sample.gt_instances.masks.masks.shape == (3, 64, 96)
    model.eval()
    data = demo_fusion_inputs(1, (50, 70))
    data['data_samples'][0].set_metainfo(
        dict(ori_shape=(100, 140), scale_factor=(0.5, 0.5)))
    found = model.test_step(data)[0].pred_instances
    assert len(found) and found.masks.shape == (len(found), 100, 140)


def test_tta_merges_flipped_views():
    model = MODELS.build(
        dict(
            type='FuserDetTTAModel',
            tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5),
                         max_per_img=5), module=build()))
    fused = torch.rand(3, *SIZE)
    views = []
    for flip in (False, True):
        box = [10., 20., 30., 60.] if not flip else [66., 20., 86., 60.]
        view = FusionDataSample(
            metainfo=dict(ori_shape=SIZE, flip=flip,
                          flip_direction='horizontal' if flip else None))
        view.fused_img = PixelData(data=fused + 0.1 * flip)
        view.pred_instances = InstanceData(
            bboxes=torch.tensor([box]),
            scores=torch.tensor([0.9 - 0.1 * flip]), labels=torch.tensor([0]))
        views.append(view)
    merged, = model.merge_preds([views])
    torch.testing.assert_close(merged.pred_instances.bboxes,
                               torch.tensor([[10., 20., 30., 60.]]))
    torch.testing.assert_close(merged.fused_img.data, fused + 0.05)
    views[0].pred_instances.masks = torch.zeros(1, *SIZE)
    with pytest.raises(ValueError, match='masks'):
        model.merge_preds([views])


def test_tta_of_a_mirrored_image_gives_mirrored_boxes():
    """Through real views: image and mirror image swap their places."""
    cfg = config('retinanet')['detector']
    cfg['test_cfg'].update(score_thr=0.0)
    model = MODELS.build(
        dict(
            type='FuserDetTTAModel',
            tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5),
                         max_per_img=20), module=build(detector=cfg))).eval()
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (4, *SIZE), generator=generator).byte()
    found = []
    for first in (image, image.flip(2)):
        views = dict(
            inputs=[[first], [first.flip(2)]], data_samples=[[
                FusionDataSample(metainfo=dict(
                    img_id=0, img_shape=SIZE, ori_shape=SIZE, scale_factor=(
                        1., 1.), flip=flip,
                    flip_direction='horizontal' if flip else None))
            ] for flip in (False, True)])
        merged, = model.test_step(views)
        found.append(merged)
    one, other = (sample.pred_instances for sample in found)
    assert len(one) == 20
    boxes = other.bboxes.clone()
    boxes[:, 0::2] = SIZE[1] - other.bboxes[:, [2, 0]]
    assert (one.bboxes - other.bboxes).abs().max() > 1
    torch.testing.assert_close(one.scores, other.scores)
    torch.testing.assert_close(one.bboxes, boxes, atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0].fused_img.data,
                               found[1].fused_img.data.flip(2))


def test_tensor_mode_without_samples():
    model = build('faster-rcnn').eval()
    with torch.no_grad():
        assert model(torch.rand(1, 4, *SIZE), mode='tensor')


def test_benchmark(capsys):
    from benchmarks import detection
    detection.main([
        '--detectors', 'rtmdet-tiny', '--size', '64', '64', '--repeats', '1',
        '--threads', '1'
    ])
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith('| rtmdet-tiny | ') and row.endswith(' % |')
