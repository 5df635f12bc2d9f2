"""PSFusion's losses against transcriptions in plain numpy."""
import math

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmfusion.models.layers import second_sobel, sobel
from mmfusion.models.losses import (contrast_intensity_loss, max_gradient_loss,
                                    ohem_cross_entropy, reconstruction_loss,
                                    two_channel_bce)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

BATCH, HEIGHT, WIDTH, CLASSES = 2, 11, 13, 9
LABELS = ('gt_sem_seg', 'gt_binary', 'gt_boundary', 'gt_mask')


def correlate(image, kernel, mode='constant'):
    """Filter one 2-D image, pixel by pixel."""
    border = len(kernel) // 2
    padded = np.pad(image, border, mode=mode)
    out = np.empty_like(image)
    for i, j in np.ndindex(image.shape):
        out[i,
            j] = (padded[i:i + len(kernel), j:j + len(kernel)] * kernel).sum()
    return out


def images(x):
    return x.detach().double().numpy()[:, 0]


def batch(seed=0, dtype=torch.float64):
    """A fuser's output, its inputs and labels, of noise."""
    generator = torch.Generator().manual_seed(seed)

    def noise(channels, scale=1.0):
        return scale * torch.rand(BATCH, channels, HEIGHT, WIDTH,
                                  generator=generator, dtype=dtype)

    inputs = dict(vis=noise(3), ir=noise(1), vis_luma=noise(1))
    output = FuserOutput(
        fused=noise(3), luma=noise(1),
        aux=dict(semantic=noise(CLASSES, 4.) - 2, binary=noise(2, 4.) - 2,
                 boundary=noise(2, 4.) - 2, vis_rec=noise(1), ir_rec=noise(1)))
    samples = []
    for _ in range(BATCH):
        sample = FusionDataSample()
        for name in LABELS:
            data = torch.randint(CLASSES if name == 'gt_sem_seg' else 2,
                                 (1, HEIGHT, WIDTH), generator=generator)
            data[:, :2, :3] = 255
            sample.set_field(PixelData(data=data), f'_{name}', dtype=PixelData)
        samples.append(sample)
    return output, inputs, samples


def labels(samples, name):
    return torch.cat([sample.get(name).data for sample in samples])


def build(name, **kwargs):
    return MODELS.build(dict(type=name, **kwargs))


@pytest.mark.parametrize('threshold, min_kept', [(0.75, 10), (0.05, 100),
                                                 (0.1, 286), (0.75, 65536)])
def test_ohem(threshold, min_kept):
    output, inputs, samples = batch()
    logits = output.aux['semantic'].numpy()
    target = labels(samples, 'gt_sem_seg').numpy()
    values = []
    for n, i, j in np.ndindex(target.shape):
        z, k = logits[n, :, i, j], target[n, i, j]
        values.append(0. if k == 255 else np.log(np.exp(z).sum()) - z[k])
    values = sorted(values, reverse=True)
    limit = -math.log(threshold)
    if len(values) > min_kept and values[min_kept] > limit:
        expected = np.mean([v for v in values if v > limit])
    else:
        expected = np.mean(values[:min_kept])
    got = ohem_cross_entropy(output.aux['semantic'],
                             labels(samples, 'gt_sem_seg'), threshold,
                             min_kept)
    assert got.item() == pytest.approx(expected, rel=1e-10)
    loss = build('OHEMSemanticLoss', threshold=threshold, min_kept=min_kept,
                 loss_weight=3.)
    assert loss(output, inputs, samples).item() == pytest.approx(3 * expected)


def test_ohem_counts_exactly_min_kept_hard_pixels_as_too_few():
    # losses 2 x ln 2 (hard) and 2 x ~0: position 2 is easy
    logits = torch.tensor([[[[0., 0., 20., 20.]], [[0., 0., 0., 0.]]]])
    target = torch.zeros(1, 1, 4, dtype=torch.long)
    assert ohem_cross_entropy(logits, target, 0.75,
                              2).item() == pytest.approx(math.log(2))
    assert ohem_cross_entropy(logits, target, 0.75,
                              1).item() == pytest.approx(math.log(2))
    assert ohem_cross_entropy(logits, target, 0.75,
                              4).item() == pytest.approx(math.log(2) / 2)


@pytest.mark.parametrize('type_name, key, pos_weight', [
    ('BinaryMapLoss', 'binary', (1.4548, 19.8962)),
    ('BoundaryMapLoss', 'boundary', (1., 1.)),
])
def test_two_channel_bce(type_name, key, pos_weight):
    output, inputs, samples = batch(1)
    logits = output.aux[key].numpy()
    target = labels(samples, f'gt_{key}').numpy()
    values = []
    for n, i, j in np.ndindex(target.shape):
        if target[n, i, j] == 255:
            continue
        for channel in range(2):
            p = 1 / (1 + np.exp(-logits[n, channel, i, j]))
            hit = target[n, i, j] == channel
            values.append(-pos_weight[channel] *
                          np.log(p) if hit else -np.log(1 - p))
    got = build(type_name)(output, inputs, samples)
    assert got.item() == pytest.approx(np.mean(values), rel=1e-10)


def test_two_channel_bce_of_padding_alone_is_zero():
    logits = torch.randn(2, 2, 4, 4, requires_grad=True)
    loss = two_channel_bce(logits, torch.full((2, 4, 4), 255))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_sobel():
    ramp = torch.arange(6.).expand(1, 1, 5, 6)
    dx, dy = sobel(ramp)
    assert dx[0, 0, 2, 1:-1].tolist() == [8.] * 4
    assert not dy[0, 0, 1:-1, 1:-1].any()
    dx, dy = sobel(ramp.transpose(2, 3), padding='replicate')
    assert not dx.any()
    assert dy[0, 0, 1:-1].unique().tolist() == [8.]


def test_second_sobel():
    rows = torch.arange(9.).view(1, 1, 9, 1).expand(1, 1, 9, 9)
    columns = rows.transpose(2, 3)
    inner = (0, 0, slice(None), slice(2, -2), slice(2, -2))
    # x^2 / 2 has second derivative 1: the kernel's response is 16 * 4 / 64
    xx, xy, yy = second_sobel(columns.square() / 2)[inner]
    assert torch.allclose(xx, torch.ones_like(xx))
    assert xy.abs().max() < 1e-4 and yy.abs().max() < 1e-4
    # x y: response (1 * 2 * 2 + 2 * 1 * 2)^2 = 64, over 36
    xx, xy, yy = second_sobel(rows * columns)[inner]
    assert torch.allclose(xy, torch.full_like(xy, 64 / 36))
    assert xx.abs().max() < 1e-4 and yy.abs().max() < 1e-4


def test_gradient_loss():
    output, inputs, samples = batch(2)
    kernel = np.outer([1, 2, 1], [-1, 0, 1])
    expected = 0
    for k in (kernel, kernel.T):
        fused, vis, ir = (np.abs([correlate(image, k) for image in images(x)])
                          for x in (output.luma, inputs['vis_luma'],
                                    inputs['ir']))
        expected += np.abs(np.maximum(vis, ir) - fused).mean()
    got = build('GradientLoss', loss_weight=2.)(output, inputs, samples)
    assert got.item() == pytest.approx(2 * expected, rel=1e-10)


def variance(image):
    line = np.exp(-np.arange(-4, 5)**2 / (2 * 1.5**2))
    kernel = np.outer(line, line) / line.sum()**2
    return correlate(image**2, kernel) - correlate(image, kernel)**2


@pytest.mark.parametrize('source', ['vis', 'ir'])
@pytest.mark.parametrize('with_mask', [True, False])
def test_intensity_loss(source, with_mask):
    output, inputs, samples = batch(3)
    salient, other = inputs['vis_luma'], inputs['ir']
    if source == 'ir':
        salient, other = other, salient
    mask = labels(samples, 'gt_mask').numpy()
    values = []
    for n in range(BATCH):
        a, b, f = (images(x)[n] for x in (salient, other, output.luma))
        select = variance(a) > variance(b)
        assert 0.2 < select.mean() < 0.8
        if with_mask:
            select |= (mask[n] > 0) & (mask[n] < 255)
        box = np.full((9, 9), 1 / 81)
        values.append(
            np.where(select, correlate((a - f)**2, box),
                     correlate((b - f)**2, box)))
    loss = build('IntensityLoss', salient_source=source)
    got = loss(output, inputs, samples if with_mask else None)
    assert got.item() == pytest.approx(np.mean(values), rel=1e-10)


@pytest.mark.parametrize('source', ['vis', 'ir'])
def test_reconstruction_loss(source):
    output, inputs, samples = batch(4)
    kernels = [
        np.outer([1, 4, 6, 4, 1], [-1, 0, 2, 0, -1]) / 64,
        np.outer([-1, 0, 2, 0, -1], [1, 4, 6, 4, 1]) / 64,
        np.array([[-1, -2, 0, 2, 1], [-2, -4, 0, 4, 2], [0, 0, 0, 0, 0],
                  [2, 4, 0, -4, -2], [1, 2, 0, -2, -1]]) / 36
    ]

    def detail(image):
        return sum(np.abs(correlate(image, k, 'edge')) for k in kernels)

    rec = images(output.aux[f'{source}_rec'])
    ref = images(inputs['vis_luma' if source == 'vis' else 'ir'])
    expected = 5 * np.abs(rec - ref).mean() + 5 * np.mean(
        [np.abs(detail(a) - detail(b)) for a, b in zip(rec, ref, strict=True)])
    got = build('ReconstructionLoss', source=source)(output, inputs, samples)
    assert got.item() == pytest.approx(expected, rel=1e-10)


def test_psfusion_loss_is_the_weighted_sum():
    output, inputs, samples = batch(5)
    terms = build('PSFusionLoss', salient_source='vis')(output, inputs,
                                                        samples)
    single = dict(
        semantic=build('OHEMSemanticLoss', loss_weight=10.),
        binary=build('BinaryMapLoss',
                     loss_weight=10.), boundary=build('BoundaryMapLoss',
                                                      loss_weight=10.),
        gradient=build('GradientLoss', loss_weight=10.),
        intensity=build('IntensityLoss', salient_source='vis',
                        loss_weight=10.),
        vis_rec=build('ReconstructionLoss',
                      source='vis'), ir_rec=build('ReconstructionLoss',
                                                  source='ir'))
    fused, vis, ir = (images(x).ravel()
                      for x in (output.luma, inputs['vis_luma'], inputs['ir']))
    correlation = 1 / (np.corrcoef(vis, fused)[0, 1] +
                       np.corrcoef(ir, fused)[0, 1] + 1e-6)
    assert terms.pop('correlation').item() == pytest.approx(correlation)
    assert set(terms) == set(single)
    for name, loss in single.items():
        assert terms[name].item() == pytest.approx(
            loss(output, inputs, samples).item())


def test_zero_weights_leave_terms_out():
    output, inputs, _ = batch()
    loss = build('PSFusionLoss', semantic_weight=0, binary_weight=0,
                 boundary_weight=0)
    assert set(loss(output, inputs, None)) == {
        'correlation', 'gradient', 'intensity', 'vis_rec', 'ir_rec'
    }


def test_missing_labels():
    output, inputs, samples = batch()
    with pytest.raises(ValueError, match='gt_sem_seg.*LoadFusionAnnotations'):
        build('PSFusionLoss')(output, inputs, None)
    del samples[1].gt_boundary
    with pytest.raises(ValueError, match='BoundaryMapLoss.*DeriveFusionMaps'):
        build('BoundaryMapLoss')(output, inputs, samples)
    loss = build('PSFusionLoss', labels='optional')
    alone = build('BoundaryMapLoss', labels='optional')(FuserOutput(
        output.fused, aux={
            k: v[:1] for k, v in output.aux.items()
        }), inputs, samples[:1])
    terms = loss(output, inputs, samples)
    assert terms['boundary'].item() == pytest.approx(10 * alone.item())
    logits = output.aux['semantic'].requires_grad_()
    terms = loss(output, inputs, [FusionDataSample()] * BATCH)
    assert terms['semantic'].item() == terms['binary'].item() == 0
    sum(terms.values()).backward()
    assert logits.grad is not None and not logits.grad.any()


def test_labels_smaller_than_a_padded_image():
    output, inputs, samples = batch()
    for sample in samples:
        sample.gt_binary.data[:, -3:] = 255
        sample.gt_binary.data[:, :, -2:] = 255
    expected = build('BinaryMapLoss')(output, inputs, samples)
    for sample in samples:
        sample.gt_binary = PixelData(data=sample.gt_binary.data[:, :-3, :-2])
    torch.testing.assert_close(
        build('BinaryMapLoss')(output, inputs, samples), expected)
    output.aux['binary'] = output.aux['binary'][..., :5]
    with pytest.raises(ValueError, match='at most'):
        build('BinaryMapLoss')(output, inputs, samples)


@pytest.mark.parametrize('function', [
    lambda f, a, b: max_gradient_loss(f, a, b),
    lambda f, a, b: contrast_intensity_loss(f, a, b),
    lambda f, a, b: reconstruction_loss(f, a),
])
def test_gradients(function):
    generator = torch.Generator().manual_seed(0)
    fused, a, b = (torch.rand(2, 1, 6, 7, generator=generator,
                              dtype=torch.float64) for _ in range(3))
    fused.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: function(f, a, b), fused)


def test_gradients_of_label_losses():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator,
                         dtype=torch.float64).requires_grad_()
    target = torch.randint(3, (2, 4, 5), generator=generator)
    target[0, 0] = 255
    assert torch.autograd.gradcheck(
        lambda x: ohem_cross_entropy(x, target, 0.5, 7), logits)
    assert torch.autograd.gradcheck(
        lambda x: two_channel_bce(x[:, :2], target.clamp(max=1), (2., 3.)),
        logits)


@pytest.mark.parametrize('value', [0., 0.5, 1.])
def test_finite_for_constant_images(value):
    _, inputs, samples = batch(dtype=torch.float32)
    inputs = {k: torch.full_like(v, value) for k, v in inputs.items()}
    luma = torch.full((BATCH, 1, HEIGHT, WIDTH), value, requires_grad=True)
    aux = {
        name:
        (luma + 0).expand(-1, channels, -1, -1) for name, channels in dict(
            semantic=9, binary=2, boundary=2, vis_rec=1, ir_rec=1).items()
    }
    terms = build('PSFusionLoss')(FuserOutput(luma.expand(-1, 3, -1, -1), luma,
                                              aux), inputs, samples)
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())
    assert luma.grad.isfinite().all()


def test_fused_rgb_serves_where_there_is_no_luma():
    output, inputs, samples = batch()
    r, g, b = output.fused.unbind(1)
    output.luma = (0.299 * r + 0.587 * g + 0.114 * b).unsqueeze(1)
    loss = build('GradientLoss')
    expected = loss(output, inputs, samples)
    output.luma = None
    assert torch.allclose(loss(output, inputs, samples), expected)


@pytest.mark.parametrize('name, bad, message', [
    ('OHEMSemanticLoss', dict(threshold=1.), 'threshold'),
    ('OHEMSemanticLoss', dict(min_kept=0), 'min_kept'),
    ('OHEMSemanticLoss', dict(labels='no'), 'labels'),
    ('BinaryMapLoss', dict(pos_weight=(1., )), 'pos_weight'),
    ('IntensityLoss', dict(salient_source='rgb'), 'salient_source'),
    ('ReconstructionLoss', dict(source='both'), 'source'),
])
def test_bad_arguments(name, bad, message):
    with pytest.raises(ValueError, match=message):
        build(name, **bad)


def test_fuser_without_the_output():
    output, inputs, samples = batch()
    output.aux.clear()
    with pytest.raises(ValueError, match="'semantic' in its aux"):
        build('OHEMSemanticLoss')(output, inputs, samples)
    with pytest.raises(ValueError, match='expected 2 data samples'):
        build('IntensityLoss')(output, inputs, samples[:1])
