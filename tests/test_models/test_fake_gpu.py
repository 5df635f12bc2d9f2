"""What runs on GPUs, on one that is not there: forward passes, float32 and
autocast. Of backward passes PyTorch asks for a driver."""
import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import nn

from mmfusion.functional.ops_torch import scattered_counts
from mmfusion.models.fusers.fast.conv import is_plain
from mmfusion.models.fusers.fast.mmdrfuse import ColumnStudent
from mmfusion.models.fusers.fast.rows import bands
from mmfusion.models.losses.metric_terms import TERMS, _windows
from mmfusion.models.losses.segmentation import _hard_mean, ohem_cross_entropy
from mmfusion.models.wrappers import finite
from mmfusion.registry import FAST_FORMS, MODELS
from mmfusion.structures import FuserOutput
from tests.support.config_cases import demo_fusion_inputs
from tests.support.fake_gpu import CUDA, DTYPES, FakeGpu, tensors
from tests.support.fuser_cases import FUSERS, build, condition, pair

SIZE = (64, 96)
VGG = dict(type='VGGFeatures', depth=16, allow_random=True, width=0.1,
           taps=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3'))
#: arguments of losses of a fuser's output
LOSSES: dict[str, dict] = dict(
    AutoencoderLoss={}, AverageLoss={}, BinaryMapLoss={}, BoundaryMapLoss={},
    CorrelationLoss={}, DecompositionLoss={}, FILMLoss=dict(target='max'),
    GMSDLoss={}, GradientLoss={}, IntensityLoss={}, LaplacianLoss={},
    InformationPreservationLoss=dict(features=VGG),
    LRRNetLoss=dict(features=VGG), LpSSIMLoss=dict(source='vis'),
    MEFSSIMLoss={}, MaxIntensityLoss={}, MaxPerceptualLoss=dict(
        features=VGG,
        taps=VGG['taps']), MetricLoss=dict(weights=dict.fromkeys(TERMS, 1.)),
    OHEMSemanticLoss={}, PSFusionLoss=dict(target_mask='boxes'),
    ReconstructionLoss=dict(source='vis'), RegionInformationLoss={},
    RegistrationLoss={}, SSIMLoss={}, SaliencyWeightedLoss={},
    SourceMSELoss={})
#: arguments of losses of two tensors
PAIR_LOSSES: dict[str, dict] = dict(CosineDistillationLoss={},
                                    DistanceLoss=dict(distance='sobel'),
                                    PerceptualDistance=dict(features=VGG))
#: elsewhere in this file
OTHER_LOSSES = 'OHEMCrossEntropyLoss', 'MotionConsistencyLoss'
#: a memory of images on the CPU decides what they do
ON_THE_CPU = {'DynamicRefreshLoss', 'HistoryBank'}

#: in ``recompute`` and its like, which know a tensor by its address
pytestmark = pytest.mark.filterwarnings('ignore:Accessing the data pointer')


@pytest.fixture
def gpu():
    _windows.cache_clear()  # tensors that are real, or of another mode
    yield FakeGpu()
    _windows.cache_clear()


@contextmanager
def running(gpu: FakeGpu, dtype: torch.dtype | None = None) -> Iterator[None]:
    """On the GPU; nothing comes back, and nothing is waited for."""
    with gpu.run(dtype) as copies:
        yield
    assert not copies.from_gpu and not copies.waits


def check(node, dtype: torch.dtype | None) -> None:
    """All on the GPU, in the types that autocast leaves."""
    found = tensors(node)
    assert found
    for tensor in found:
        assert tensor.device == CUDA
        assert tensor.dtype in {torch.float32, dtype}


class TestFakeGpu:
    """It finds what it is for."""

    @pytest.mark.parametrize('wrong', [
        lambda x: x.sum().item(), lambda x: x[x > 0],
        lambda x: x + torch.zeros(3), lambda x: bool(x.any())
    ])
    def test_what_a_gpu_refuses_or_waits_for(self, wrong):
        gpu = FakeGpu()
        x = gpu.put(torch.rand(3))
        with gpu.run(), pytest.raises(Exception, match='cpu|aten'):
            wrong(x)

    def test_copies(self):
        gpu = FakeGpu()
        x = gpu.put(torch.rand(3))
        with gpu.run() as copies:
            x.new_tensor((1., 2.))
            torch.ones(4).to(CUDA, non_blocking=True)
            x.cpu()
        assert copies.waits == [(2, )] and copies.from_gpu == [(3, )]

    def test_autocast(self):
        gpu = FakeGpu()
        conv = gpu.put_module(nn.Conv2d(1, 1, 3))
        image = gpu.put(torch.rand(1, 1, 5, 5))
        for dtype in DTYPES:
            with gpu.run(dtype):
                assert conv(image).dtype == (dtype or torch.float32)


def run_fuser(fuser, gpu, dtype):
    vis, ir = gpu.put(pair(2, 37, 50))
    text = gpu.put(condition(fuser, 2))
    with running(gpu, dtype):
        output = fuser(vis, ir, **text)
    check([output.fused, output.luma, output.aux], dtype)
    assert output.fused.shape == (2, 3, 37, 50)


@pytest.mark.no_cover
@pytest.mark.parametrize('name', FUSERS)
def test_fusers_as_trained(name, gpu):
    """Autocast as in training, float32 as in testing."""
    fuser = gpu.put_module(build(name))
    for dtype in DTYPES if fuser.trainable else DTYPES[:2]:
        fuser.train(dtype is not None)
        with torch.set_grad_enabled(fuser.training and fuser.trainable):
            run_fuser(fuser, gpu, dtype)


def is_optimized(name):
    return any(cls.__name__ in FAST_FORMS for cls in MODELS.get(name).__mro__)


@pytest.mark.no_cover
@pytest.mark.parametrize('name', list(filter(is_optimized, FUSERS)))
@torch.no_grad()
def test_fusers_optimized(name, gpu):
    fuser = gpu.put_module(build(name).optimize_for_inference())
    for dtype in DTYPES:
        run_fuser(fuser, gpu, dtype)


def outputs(gpu, *size, dtype=None):
    """A fuser's output with all that losses read, and its sources."""
    batch, height, width = size
    small = height // 8, width // 8
    channels = dict(
        dict.fromkeys(('vis_rec', 'ir_rec', 'vis_base', 'ir_base',
                       'vis_detail', 'ir_detail'), 1), semantic=9, binary=2,
        boundary=2)
    aux = {
        name: torch.rand(batch, count, height, width)
        for name, count in channels.items()
    }
    aux.update({
        'registration.offset': torch.rand(batch, 2, height, width),
        'registration.votes': torch.rand(batch, 2, *small),
        'registration.scores': torch.rand(batch, 81, *small)
    })
    made = dict(aux, fused=torch.rand(batch, 3, height, width),
                luma=torch.rand(batch, 1, height, width))
    made = gpu.put(made, dtype=dtype)
    inputs = dict(vis=torch.rand(batch, 3, height, width),
                  vis_luma=torch.rand(batch, 1, height, width),
                  ir=torch.rand(batch, 1, height, width))
    return FuserOutput(made.pop('fused'), made.pop('luma'),
                       made), gpu.put(inputs)


def build_loss(gpu, name, **options):
    loss = MODELS.build(dict(type=name, **options))
    for network in getattr(loss, '_features', ()):
        gpu.put_module(network)
    return gpu.put_module(loss)


@torch.no_grad()
def test_rearrangements_for_a_cpu_are_none(gpu, monkeypatch):
    """No columns for channels, no bands of rows, no kernels of oneDNN."""
    large = gpu.put(torch.empty(1, 64, 2000, 2000, device='meta'))
    assert len(bands(large)) == 1
    with gpu.run():
        assert not is_plain(large)
    monkeypatch.setattr(ColumnStudent, '_hidden', None)
    student = gpu.put_module(build('MMDRFuseStudent').optimize_for_inference())
    with running(gpu):
        check(student(*gpu.put(pair(1, 20, 30))).fused, None)


class TestLosses:

    def test_all_are_here(self):
        losses = {
            name for name, cls in MODELS.module_dict.items()
            if cls.__module__.startswith('mmfusion.models.losses')
        }
        assert losses == {*LOSSES, *PAIR_LOSSES, *OTHER_LOSSES, *ON_THE_CPU}

    @pytest.mark.parametrize('name', LOSSES)
    def test_of_outputs(self, name, gpu):
        loss = build_loss(gpu, name, **LOSSES[name])
        samples = [
            gpu.put(sample)
            for sample in demo_fusion_inputs(2, SIZE)['data_samples']
        ]
        for dtype in DTYPES:
            output, inputs = outputs(gpu, 2, *SIZE, dtype=dtype)
            with running(gpu, dtype):
                found = loss(output, inputs, samples)
            check(found, dtype)
            assert all(value.ndim == 0 for value in tensors(found))

    @pytest.mark.parametrize('name', PAIR_LOSSES)
    def test_of_pairs(self, name, gpu):
        loss = build_loss(gpu, name, **PAIR_LOSSES[name])
        for dtype in DTYPES:
            output, inputs = outputs(gpu, 2, *SIZE, dtype=dtype)
            with running(gpu, dtype):
                check(loss(output.fused, inputs['vis']), dtype)

    @pytest.mark.parametrize('dtype', DTYPES, ids=str)
    def test_of_labels_and_motion(self, gpu, dtype):
        output, inputs = outputs(gpu, 2, *SIZE, dtype=dtype)
        labels = gpu.put(torch.randint(0, 9, (2, *SIZE)))
        stacked = gpu.put(torch.rand(2, 4, *SIZE))
        of_labels, of_motion = (build_loss(gpu, name) for name in OTHER_LOSSES)
        with running(gpu, dtype):
            check(of_labels(output.aux['semantic'], labels), dtype)
            check(of_motion(lambda x: x[:, :3], stacked, inputs['vis']), dtype)


class TestNumbersOfGpus:
    """What GPUs compute in another way, on the CPU."""

    @pytest.mark.parametrize('min_kept', [1, 40, 300])
    def test_hard_pixels(self, min_kept):
        logits = torch.randn(2, 3, 8, 10, requires_grad=True)
        target = torch.randint(0, 3, (2, 8, 10))
        losses = F.cross_entropy(logits, target, reduction='none').flatten()
        found = _hard_mean(losses, losses > -math.log(0.4), min_kept)
        expected = ohem_cross_entropy(logits, target, 0.4, min_kept)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0]
                                     for value in (found, expected)))

    def test_counts(self):
        index = torch.randint(0, 7, (50, ))
        assert torch.equal(scattered_counts(index, 9),
                           torch.bincount(index, minlength=9))


class TaskNetwork(nn.Module):
    """Stands in for a segmentor or detector, whose code is of others."""

    def __init__(self, **_):
        super().__init__()
        self.backbone = nn.Conv2d(3, 1, 3)

    def loss(self, images, data_samples):
        return dict(loss=self.backbone(images).mean())

    def predict(self, images, data_samples):
        self.backbone(images)
        for sample, image in zip(data_samples, images, strict=True):
            sample.seg_logits = PixelData(data=image)
        return data_samples


STUDENT = dict(type='MMDRFuseStudent')
AVERAGE = dict(average=dict(type='AverageLoss'))
NETWORK = dict(
    type=TaskNetwork,
    data_preprocessor=dict(mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=False,
                           pad_size_divisor=32))
DISCRIMINATORS = dict(
    discriminators=dict.fromkeys(('target',
                                  'detail'), dict(
                                      type='StridedDiscriminator')))
PAIRS = [
    dict(student='aux.hidden', teacher='aux.feature', name='feature',
         loss=dict(type='CosineDistillationLoss')),
    dict(student='fused', teacher='fused', loss=dict(type='DistanceLoss',
                                                     distance='l1'))
]
REGISTRATION = dict(
    registration=dict(type='RegistrationHead', channels=8, radius=2),
    fusion_losses=dict(registration=dict(type='RegistrationLoss')))
WRAPPERS: dict[str, dict] = dict(
    image=dict(type='ImageFuser', fuser=STUDENT, fusion_losses=AVERAGE),
    minmax=dict(type='ImageFuser', fuser=STUDENT, fusion_losses=AVERAGE,
                output_norm='minmax', output_rounding='round'),
    registration=dict(type='ImageFuser', fuser=STUDENT,
                      **REGISTRATION), text=dict(
                          type='ImageFuser', fusion_losses=AVERAGE,
                          fuser=dict(type='FILMFusion', channels=8,
                                     token_dim=16, token_channels=4,
                                     num_heads=2, token_grid=(20, 26))),
    medical=dict(type='ImageFuser', fuser=STUDENT, fusion_losses=AVERAGE,
                 task='mri_pet', output_colour='grey'),
    segmenter=dict(type='FuserSegmenter', fuser=STUDENT, segmentor=NETWORK,
                   fusion_losses=AVERAGE),
    stacked=dict(type='FuserSegmenter', fuser=dict(type='SelectModality'),
                 segmentor=NETWORK, task_channels=4,
                 fuse_first=True), detector=dict(type='FuserDetector',
                                                 fuser=STUDENT,
                                                 detector=NETWORK),
    adversarial=dict(type='AdversarialFuser', fuser=STUDENT,
                     fusion_losses=AVERAGE, **DISCRIMINATORS),
    adversarial_detector=dict(type='AdversarialFuserDetector', fuser=STUDENT,
                              detector=NETWORK, target_mask='saliency',
                              **DISCRIMINATORS),
    distiller=dict(type='FuserDistiller', random_teacher=True, student=STUDENT,
                   teacher=dict(type='TarDAL', channels=8), pairs=PAIRS[1:],
                   motion=dict(type='MotionConsistencyLoss')),
    cached=dict(type='FuserDistiller', teacher=None, student=STUDENT,
                pairs=PAIRS[1:]), turns=dict(
                    type='GIFNetTrainer', fusion_losses=AVERAGE,
                    fuser=dict(type='GIFNet', growth=4, widths=(16, 8, 8, 4))))
DETECTION = {'detector', 'adversarial_detector'}

NAMES = [
    pytest.param(name, marks=pytest.mark.detection)
    if name in DETECTION else name for name in WRAPPERS
]


def build_wrapper(gpu, name, optimize=False):
    model = MODELS.build(
        dict(
            WRAPPERS[name],
            data_preprocessor=dict(type='FusionDataPreprocessor',
                                   size_divisor=8, non_blocking=True)))
    if optimize:
        model.optimize_for_inference()
    for part in getattr(model, '_teacher', ()):
        gpu.put_module(part)
    model.data_preprocessor._device = CUDA
    return gpu.put_module(model)


def batch(model, gpu, *sizes):
    """As a data loader gives it: on the processor."""
    inputs, samples = [], []
    for index, size in enumerate(sizes):
        data = demo_fusion_inputs(1, size, task=model.roles.task.name,
                                  seed=index)
        inputs += gpu.put(data['inputs'], 'cpu')
        samples += [gpu.put(sample, 'cpu') for sample in data['data_samples']]
    return dict(inputs=inputs, data_samples=samples)


class TestWrappers:

    def test_all_are_here(self):
        wrappers = {
            name for name, cls in MODELS.module_dict.items()
            if cls.__module__.startswith('mmfusion.models.wrappers')
        }
        joining = {'FuserDetTTAModel', 'FuserSegTTAModel'}
        assert wrappers - joining == {cfg['type'] for cfg in WRAPPERS.values()}

    @pytest.mark.parametrize('name', NAMES)
    def test_loss(self, name, gpu):
        model = build_wrapper(gpu, name).train()
        for dtype in DTYPES[:2]:
            data = batch(model, gpu, SIZE, SIZE)
            with running(gpu, dtype):
                data = model.data_preprocessor(data, True)
                check(data['inputs'], None)
                for _ in range(1 + (name == 'turns')):
                    check(model(**data, mode='loss'), dtype)

    @pytest.mark.parametrize('name', NAMES)
    @torch.no_grad()
    def test_predict(self, name, gpu, monkeypatch):
        """One look at values for images of one size, in the end."""
        looks = []
        monkeypatch.setattr(finite, '_check',
                            lambda sums, names, what: looks.append(what))
        model = build_wrapper(gpu, name, optimize=True)
        sizes = SIZE, (40, 56), SIZE
        for dtype in DTYPES[:2]:
            data = batch(model, gpu, *sizes)
            with running(gpu, dtype):
                data = model.data_preprocessor(data, False)
                samples = model(**data, mode='predict')
            for sample, size in zip(samples, sizes, strict=True):
                check(sample.fused_img.data, dtype)
                assert sample.fused_img.data.shape == (3, *size)
        assert looks.count('a fused image') == 2 * 2
        assert looks.count('logits') <= 2
