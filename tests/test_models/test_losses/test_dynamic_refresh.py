"""Bank and refresh loss, with outcomes forced by hand."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmfusion.evaluation import compute
from mmfusion.functional import get_metric
from mmfusion.functional.image import Image
from mmfusion.functional.ops_numpy import NUMPY
from mmfusion.models.layers import VGGFeatures
from mmfusion.models.losses import HistoryBank
from mmfusion.models.losses.dynamic_refresh import input_prints
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

FEATURES = dict(type='VGGFeatures', depth=11, width=0.1, allow_random=True,
                taps=('relu1_1', 'relu2_1', 'relu3_2'))
SSIM = dict(type='DynamicRefreshLoss', score='SSIM', pixel='l1')
GMSD = dict(type='DynamicRefreshLoss', score='GMSD', pixel='laplacian')


@pytest.fixture
def scene():
    """inputs of three pairs, and their good and bad fused images."""
    generator = torch.Generator().manual_seed(0)
    vis, ir = (F.interpolate(x, scale_factor=4).mul(255).round() / 255
               for x in torch.rand(2, 3, 1, 8, 10, generator=generator))
    noise = torch.rand(3, 1, 32, 40, generator=generator)
    inputs = dict(vis=vis.repeat(1, 3, 1, 1), ir=ir, vis_luma=vis)
    good = (vis + ir) / 2
    return inputs, good, 0.3 * good + 0.5 * noise


def call(loss, inputs, fused, indices=(0, 1, 2)):
    """Loss value and gradient of (B, 1, H, W) outputs."""
    fused = fused.clone().requires_grad_()
    samples = [FusionDataSample(metainfo=dict(sample_idx=i)) for i in indices]
    output = FuserOutput(fused.expand(-1, 3, -1, -1), fused)
    value = loss(output, inputs, samples)
    if value.requires_grad:
        value.backward()
    return value.detach(), fused.grad


def stored(loss, indices=(0, 1, 2)):
    return loss.bank.read(list(indices), torch.zeros(()))


def score(name, fused, inputs):
    """Per image, by the metrics' NumPy side."""
    values = []
    for index in range(len(fused)):
        images = [(x[index, 0].double().numpy() * 255)
                  for x in (fused, inputs['ir'], inputs['vis_luma'])]
        one, *others = (Image(np.ascontiguousarray(x), NUMPY) for x in images)
        values.append(float(get_metric(name)(one, others)))
    return torch.tensor(values)


@pytest.mark.parametrize('granularity', ['batch', 'sample'])
@pytest.mark.parametrize('cfg', [SSIM, GMSD], ids=['ssim', 'gmsd'])
def test_first_better_equal_worse(scene, cfg, granularity):
    inputs, good, bad = scene
    loss = MODELS.build(
        dict(cfg, granularity=granularity, bank=dict(type='HistoryBank',
                                                     dtype='float32')))
    value, grad = call(loss, inputs, bad)
    assert value == 0 and grad is None and torch.equal(stored(loss), bad)
    value, grad = call(loss, inputs, bad)  # equal: nothing happens
    assert value == 0 and grad is None and torch.equal(stored(loss), bad)
    value, grad = call(loss, inputs, good)  # better
    assert value == 0 and grad is None and torch.equal(stored(loss), good)
    value, grad = call(loss, inputs, bad)  # worse
    assert torch.equal(stored(loss), good)

    x = bad.clone().requires_grad_()
    drop = (score(cfg['score'], good, inputs) -
            score(cfg['score'], bad, inputs))
    drop = drop if cfg is SSIM else -drop
    assert (drop > 0).all()
    if cfg is SSIM:
        distance = (good - x).abs().mean((1, 2, 3))
    else:
        kernel = torch.full((1, 1, 3, 3), 0.125)
        kernel[0, 0, 1, 1] = -1
        distance = (F.conv2d(good, kernel, padding=1) -
                    F.conv2d(x, kernel, padding=1)).square().mean((1, 2, 3))
    expected = (10 * drop.mean() *
                distance.mean() if granularity == 'batch' else
                (10 * drop * distance).mean())
    expected.backward()
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    torch.testing.assert_close(grad, x.grad, rtol=1e-3, atol=1e-8)


def test_a_better_batch_takes_its_worse_sample_along(scene):
    inputs, good, bad = scene
    mixed = torch.cat((bad[:1], good[1:]))  # sample 0 gets worse, 1, 2 better
    start = torch.cat((good[:1], bad[1:]))
    for granularity, kept in (('batch', mixed), ('sample', good)):
        loss = MODELS.build(
            dict(SSIM, granularity=granularity,
                 bank=dict(type='HistoryBank', dtype='float32')))
        call(loss, inputs, start)
        value, grad = call(loss, inputs, mixed)
        assert torch.equal(stored(loss), kept)
        if granularity == 'batch':
            assert value == 0 and grad is None
        else:
            assert value > 0
            assert grad[0].abs().sum() > 0 == grad[1:].abs().sum()


def test_new_samples_beside_known_ones(scene):
    inputs, good, bad = scene
    loss = MODELS.build(
        dict(SSIM, bank=dict(type='HistoryBank', dtype='float32')))
    call(loss, {key: x[:2] for key, x in inputs.items()}, good[:2], (0, 1))
    value, grad = call(loss, inputs, bad)
    assert len(loss.bank) == 3
    assert torch.equal(stored(loss), torch.cat((good[:2], bad[2:])))
    assert value > 0 and grad[2].abs().sum() == 0
    # the mean runs over the known two
    other, _ = call(loss, {
        key: x[:2] for key, x in inputs.items()
    }, bad[:2], (0, 1))
    assert value.item() == pytest.approx(other.item(), rel=1e-5)


def test_features_pull_too(scene):
    inputs, good, bad = scene
    taps = ('relu1_1', 'relu3_2')
    loss = MODELS.build(
        dict(SSIM, features=FEATURES, taps=taps, loss_weight=0.5,
             bank=dict(type='HistoryBank', dtype='float32')))
    assert not [key for key in loss.state_dict() if 'feature' in key]
    call(loss, inputs, good)
    value, grad = call(loss, inputs, bad)
    features, = loss._features
    assert isinstance(features, VGGFeatures)
    past, present = features(good), features(bad)
    distance = sum(F.mse_loss(past[tap], present[tap]) for tap in taps) / 2
    drop = (score('SSIM', good, inputs) - score('SSIM', bad, inputs)).mean()
    expected = 0.5 * 10 * drop * (distance + F.l1_loss(good, bad))
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert torch.isfinite(grad).all()


def test_any_directed_metric_leads(scene):
    inputs, good, bad = scene
    loss = MODELS.build(dict(SSIM, score='EN'))
    call(loss, inputs, good)
    call(loss, inputs, bad)
    better = score('EN', bad, inputs).mean() > score('EN', good, inputs).mean()
    kept = bad if better else good
    torch.testing.assert_close(stored(loss), kept, atol=1e-3, rtol=0)


@pytest.mark.parametrize('wrong,match', [
    (dict(score='PSNRX'), 'Expected one of'),
    (dict(score='LPIPS'), 'Expected a score'),
    (dict(pixel='l7'), "'l1' or 'laplacian'"),
    (dict(granularity='pixel'), 'batch'),
    (dict(taps=('relu1_1', )), 'features and taps'),
    (dict(features=FEATURES), 'features and taps'),
])
def test_wrong_arguments(wrong, match):
    with pytest.raises(ValueError, match=match):
        MODELS.build({**SSIM, **wrong})


def test_samples_need_their_index(scene):
    inputs, good, _ = scene
    loss = MODELS.build(SSIM)
    output = FuserOutput(good.expand(-1, 3, -1, -1), good)
    for samples in (None, [FusionDataSample() for _ in range(3)], [
            FusionDataSample(metainfo=dict(sample_idx=i)) for i in (0, 1, 0)
    ]):
        with pytest.raises(ValueError, match="different 'sample_idx'"):
            loss(output, inputs, samples)


def test_moved_pixels_are_noticed(scene):
    inputs, good, _ = scene
    loss = MODELS.build(SSIM)
    call(loss, inputs, good)
    for change in (lambda x: x.flip(-1), lambda x: x.roll(3, -2)):
        moved = {key: change(x) for key, x in inputs.items()}
        with pytest.raises(ValueError, match='FixedAugment'):
            call(loss, moved, good)
    assert len(set(input_prints(inputs).tolist())) == 3


@pytest.mark.parametrize('dtype,error', [('float32', 0), ('float16', 5e-4),
                                         ('uint8', 1.5 / 255 / 2 + 1e-6)])
def test_bank_precision(dtype, error):
    images = torch.rand(5, 1, 8, 9) * 1.2 - 0.15
    bank = HistoryBank(dtype=dtype)
    rows = [7, 0, 3, 30, 12]
    prints = torch.arange(5)
    assert not bank.knows(rows, prints).any()
    bank.write(rows, prints, images)
    assert len(bank) == 5 and bank.knows(rows, prints).all()
    assert bank.knows([1, 7, 100], torch.zeros(
        3, dtype=torch.int64)).tolist() == [False, True, False]
    assert (bank.read(rows, images) - images).abs().max() <= error
    assert bank.images.element_size() == dict(float32=4, float16=2,
                                              uint8=1)[dtype]


def test_bank_memory_is_as_documented():
    bank = HistoryBank()
    bank.allocate(16)
    bank.write([3], torch.zeros(1, dtype=torch.int64),
               torch.zeros(1, 1, 128, 128))
    assert bank.images.shape == (16, 1, 128, 128)
    assert bank.images.nbytes * 1000 == 524_288_000  # 0.52 GB


def test_bank_in_a_file(tmp_path):
    bank = HistoryBank(memmap_dir=str(tmp_path / 'bank'), dtype='float32')
    images = torch.rand(2, 1, 4, 4)
    prints = torch.tensor([5, 6])
    with pytest.raises(ValueError, match='HistoryBankHook'):
        bank.write([0, 1], prints, images)
    bank.allocate(4)
    bank.write([0, 3], prints, images)
    assert torch.equal(bank.read([3, 0], images), images.flip(0))
    on_disk = np.load(tmp_path / 'bank/images.npy', mmap_mode='r')
    assert on_disk.shape == (4, 1, 4, 4)
    assert np.array_equal(on_disk[3], images[1].numpy())
    assert [path.name
            for path in (tmp_path / 'bank').iterdir()] == ['images.npy']
    with pytest.raises(ValueError, match='no further samples'):
        bank.write([4], prints[:1], images[:1])


@pytest.mark.parametrize('memmap', [False, True])
def test_bank_in_checkpoints(tmp_path, memmap):

    def make(**options):
        bank = HistoryBank(
            memmap_dir=str(tmp_path / 'bank') if memmap else None, **options)
        bank.allocate(9)
        return bank

    images, prints = torch.rand(2, 1, 4, 4), torch.tensor([5, 6])
    bank = make(save_state=True)
    assert bank.state_dict() == {}
    bank.write([8, 2], prints, images)
    torch.save(bank.state_dict(), tmp_path / 'state.pth')
    expected = bank.read([8, 2], images)
    bank = make(save_state=True)
    state = torch.load(tmp_path / 'state.pth', weights_only=True)
    bank.load_state_dict(state)
    assert len(bank) == 2 and bank.knows([8, 2], prints).all()
    assert torch.equal(bank.read([8, 2], images), expected)
    with pytest.raises(ValueError, match='float16'):
        make(dtype='uint8').load_state_dict(state)
    bank = make()
    bank.write([0], prints[:1], images[:1])
    assert bank.state_dict() == {}


@pytest.mark.parametrize(
    'wrong',
    [dict(dtype='int4'), dict(value_range=(1., 0.))])
def test_bank_arguments(wrong):
    with pytest.raises(ValueError, match='Expected'):
        HistoryBank(**wrong)


def test_bank_holds_one_size():
    bank = HistoryBank()
    bank.write([0], torch.zeros(1, dtype=torch.int64), torch.rand(1, 1, 8, 8))
    with pytest.raises(ValueError, match='make_patches'):
        bank.write([1], torch.zeros(1, dtype=torch.int64),
                   torch.rand(1, 1, 8, 9))


def test_scores_are_those_of_the_metrics(scene):
    inputs, good, _ = scene
    fused, ir, vis = ((x[0, 0].numpy() * 255).round().astype(np.uint8)
                      for x in (good, inputs['ir'], inputs['vis_luma']))
    loss = MODELS.build(GMSD)
    own = loss._score(
        torch.from_numpy(fused / np.float32(255))[None, None],
        [inputs['ir'][:1], inputs['vis_luma'][:1]])
    assert own.item() == pytest.approx(
        compute(fused, (ir, vis), ['GMSD'])['GMSD'], rel=1e-4)
