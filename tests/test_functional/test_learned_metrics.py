"""Learned metrics on files with random weights, made here."""
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mmfusion.evaluation import compute
from mmfusion.functional import (FUSION_METRICS, PRESETS, learned,
                                 select_metrics)

ROOT = Path(__file__).resolve().parents[2]
DIRECTIONS = {
    'LPIPS:alex': False,
    'LPIPS:vgg': False,
    'BRISQUE:piq': False,
    'CLIP_IQA:rn50': True,
    'NIQE:pyiqa': False,
    'MUSIQ:koniq': True
}
pytestmark = pytest.mark.filterwarnings('ignore:.*three equal channels')


def colour_images(count, height=64, width=72):
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:height, :width]
    shape = 128 + 60 * np.sin(x / 6) + 50 * np.cos(y / 4)
    return [
        np.clip(
            shape[..., None] * rng.uniform(0.5, 1, 3) +
            rng.normal(0, 9, (height, width, 3)), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Empty caches in place of the user's."""
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    for name in ('torch/hub/checkpoints', 'torch/hub/pyiqa', '.cache/clip'):
        (tmp_path / name).mkdir(parents=True)
    learned._network.cache_clear()
    yield tmp_path
    learned._network.cache_clear()


def files_of(key):
    return [file.path for file in learned.LEARNED[key].files]


@pytest.fixture
def alexnet(cache):
    """AlexNet of random weights; its classifier, unused, takes no space."""
    from torchvision.models import alexnet
    generator = torch.Generator().manual_seed(0)
    with torch.device('meta'):
        shapes = alexnet().state_dict()
    state = {}
    for name, meta in shapes.items():
        if name.startswith('features'):
            scale = meta[0].numel()**-0.5 if meta.ndim > 1 else 0.1
            state[name] = torch.randn(meta.shape, generator=generator) * scale
        else:
            state[name] = torch.zeros(1).expand(meta.shape)
    torch.save(state, files_of('LPIPS:alex')[0])
    return state


def naive_lpips(state, first, second):
    """From the weights alone: five stages, unit features, linear heads."""
    import torchmetrics
    heads = torch.load(
        Path(torchmetrics.__file__).parent /
        'functional/image/lpips_models/alex.pth', map_location='cpu',
        weights_only=True)
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    stages = []
    for image in (first, second):
        x = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        x = ((2 * x - 1 - shift) / scale)[None]
        features = []
        for index, stride, pad, pool in ((0, 4, 2, 0), (3, 1, 2, 1),
                                         (6, 1, 1, 1), (8, 1, 1, 0), (10, 1, 1,
                                                                      0)):
            if pool:
                x = nn.functional.max_pool2d(x, 3, 2)
            x = nn.functional.conv2d(x, state[f'features.{index}.weight'],
                                     state[f'features.{index}.bias'], stride,
                                     pad).relu()
            features.append(x / (x**2).sum(1, keepdim=True).sqrt())
        stages.append(features)
    return sum(
        float((heads[f'lin{i}.model.1.weight'] * (a - b)**2).sum(1).mean())
        for i, (a, b) in enumerate(zip(*stages, strict=True)))


def test_metadata():
    found = {
        key: spec for key, spec in FUSION_METRICS.items() if spec.needs_weights
    }
    assert {
        key: spec.higher_is_better for key, spec in found.items()
    } == DIRECTIONS
    assert set(found) == set(learned.LEARNED)
    for key, spec in found.items():
        assert spec.takes_colour and spec.reference
        assert spec.uses_sources == key.startswith('LPIPS')
        assert spec.default == (key != 'LPIPS:vgg')


def test_only_on_request():
    assert not any(spec.needs_weights
                   for spec in select_metrics('all').values())
    for name in PRESETS:
        assert not any(spec.needs_weights
                       for spec in select_metrics(preset=name).values())
    assert select_metrics('lpips')['LPIPS'].key == 'LPIPS:alex'


def test_import_is_light():
    code = ('import sys, mmfusion.functional;'
            'print([name for name in ("torch", "torchmetrics", "piq", "pyiqa")'
            ' if name in sys.modules])')
    out = subprocess.run([sys.executable, '-c', code], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout
    assert out.strip() == '[]'


def test_files_are_those_that_the_packages_read():
    from torch.hub import urlparse
    from torchvision.models import AlexNet_Weights, VGG16_Weights
    urls = {
        key: [file.url for file in entry.files]
        for key, entry in learned.LEARNED.items()
    }
    assert urls['LPIPS:alex'] == [AlexNet_Weights.DEFAULT.url]
    assert urls['LPIPS:vgg'] == [VGG16_Weights.DEFAULT.url]
    import piq.clip_iqa
    from piq.feature_extractors import clip
    assert urls['CLIP_IQA:rn50'] == [
        clip.PIQ_CLIP_MODEL_PATH, piq.clip_iqa.TOKENS_URL
    ]
    guide = (ROOT / 'docs' / 'evaluation.md').read_text()
    for url in sum(urls.values(), []):
        assert Path(urlparse(url).path).name in guide


@pytest.mark.parametrize(
    'key', ['LPIPS:alex', 'LPIPS:vgg', 'BRISQUE:piq', 'CLIP_IQA:rn50'])
def test_missing_file_is_named(cache, key):
    fused, *sources = colour_images(3)
    with pytest.raises(FileNotFoundError) as error:
        compute(fused, sources, key, channels='rgb')
    message = str(error.value)
    file = learned.LEARNED[key].files[0]
    assert str(file.path) in message and str(cache) in message
    assert file.url in message and 'downloads nothing' in message


def test_second_missing_file_is_named(cache):
    files_of('CLIP_IQA:rn50')[0].write_bytes(b'there')
    fused, *sources = colour_images(3)
    with pytest.raises(FileNotFoundError, match='clipiqa_tokens.pt'):
        compute(fused, sources, 'CLIP_IQA')


@pytest.mark.parametrize('key, package', [('LPIPS', 'torchmetrics'),
                                          ('BRISQUE', 'piq'),
                                          ('NIQE', 'pyiqa')])
def test_missing_package_is_named(cache, monkeypatch, key, package):
    for name in list(sys.modules):
        if name.partition('.')[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    images = colour_images(3, 192, 192)
    advice = 'Noncommercial' if package == 'pyiqa' else r'mmfusion\[metrics\]'
    with pytest.raises(ImportError, match=f'package {package}.*{advice}'):
        compute(images[0], images[1:], key)


def test_files_with_code_are_refused(cache):
    path = files_of('BRISQUE:piq')[0]
    torch.save(dict(run=Path('/bin/true')), path)
    images = colour_images(3)
    with pytest.raises(ValueError, match='brisque_svm.*plain containers only'):
        compute(images[0], images[1:], 'BRISQUE')


def test_lpips(alexnet):
    fused, first, second = colour_images(3)
    value = compute(fused, (first, second), 'LPIPS', channels='rgb')['LPIPS']
    expected = [naive_lpips(alexnet, fused, one) for one in (first, second)]
    assert value == pytest.approx(sum(expected) / 2, rel=1e-4)
    assert min(expected) > 1e-4
    value = compute(fused, (fused, ), 'LPIPS', channels='rgb')['LPIPS']
    assert value == pytest.approx(0, abs=1e-7)


def test_lpips_of_batches(alexnet):
    """One value an image, the same as by arrays; type of the tensors."""
    images = [colour_images(3), colour_images(3, 64, 72)[::-1]]
    tensors = [
        torch.from_numpy(np.stack(group)).permute(0, 3, 1, 2)
        for group in zip(*images, strict=True)
    ]
    values = compute(tensors[0], tensors[1:], 'LPIPS', channels='rgb')['LPIPS']
    assert values.shape == (2, ) and values.dtype == torch.float64
    assert not values.requires_grad
    assert values.tolist() == pytest.approx([
        compute(one[0], one[1:], 'LPIPS', channels='rgb')['LPIPS']
        for one in images
    ], rel=1e-5)


def test_gray_images_are_replicated_with_a_warning(alexnet):
    gray = [image[..., 0] for image in colour_images(3)]
    with pytest.warns(UserWarning, match='three equal channels'):
        value = compute(gray[0], gray[1:], 'LPIPS')['LPIPS']
    stacked = [np.repeat(image[..., None], 3, 2) for image in gray]
    assert value == pytest.approx(
        compute(stacked[0], stacked[1:], 'LPIPS', channels='rgb')['LPIPS'])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        images = colour_images(2)
        compute(images[0], (images[1], gray[1]), 'LPIPS', channels='rgb')


def test_network_is_built_once(alexnet):
    images = colour_images(3)
    for _ in range(2):
        compute(images[0], images[1:], 'LPIPS')
    assert learned._network.cache_info().misses == 1


def test_small_images_are_refused():
    images = [image[:30] for image in colour_images(3)]
    with pytest.raises(ValueError, match=r'LPIPS \(31\)'):
        compute(images[0], images[1:], 'LPIPS')


def test_smallest_images(alexnet):
    images = [image[:31, :31] for image in colour_images(3)]
    assert compute(images[0], images[1:], 'LPIPS')['LPIPS'] > 0


@pytest.fixture
def brisque_file(cache):
    """Support vectors at random; without weights the score is -rho."""
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(20, 36, generator=generator) * 0.3
    path = files_of('BRISQUE:piq')[0]

    def write(weight):
        torch.save((torch.full((20, 1), float(weight)), vectors), path)

    return write


def test_brisque(brisque_file):
    fused, *sources = colour_images(3)
    brisque_file(0)
    assert compute(fused, sources, 'BRISQUE',
                   channels='rgb')['BRISQUE'] == pytest.approx(153.591)
    brisque_file(30)
    import piq
    batch = torch.from_numpy(fused).permute(2, 0, 1)[None].double() / 255
    value = compute(fused, sources, 'BRISQUE', channels='rgb')['BRISQUE']
    assert value == pytest.approx(float(piq.brisque(batch)))
    assert abs(value - 153.591) > 1e-6
    # The sources do not matter; grey is the luma.
    assert compute(fused, sources[::-1],
                   'BRISQUE')['BRISQUE'] == pytest.approx(value, rel=1e-3)


def test_brisque_of_a_constant_image(brisque_file):
    brisque_file(1)
    flat = np.full((64, 64), 90, np.uint8)
    with pytest.raises(ValueError, match='some texture for BRISQUE'):
        compute(flat, (flat, ), 'BRISQUE')


class Named(nn.Module):
    """Holds the tensors of a state dict, for TorchScript to save."""

    def __init__(self, state):
        super().__init__()
        children = {}
        for name, tensor in state.items():
            head, _, rest = name.partition('.')
            if rest:
                children.setdefault(head, {})[rest] = tensor
            else:
                self.register_buffer(head, tensor)
        for name, part in children.items():
            self.add_module(name, Named(part))


@pytest.fixture
def clip_files(cache):
    """A narrow CLIP of random weights and tokens of two sentences."""
    from piq.feature_extractors import clip
    torch.manual_seed(0)
    state = clip.CLIP(embed_dim=16, image_resolution=64,
                      vision_layers=(1, 1, 1, 1), vision_width=2,
                      vision_patch_size=None, context_length=77, vocab_size=50,
                      transformer_width=64, transformer_heads=1,
                      transformer_layers=1).state_dict()
    model, tokens = files_of('CLIP_IQA:rn50')
    torch.jit.save(torch.jit.script(Named(state)), model)
    torch.save(torch.randint(1, 49, (2, 77)), tokens)
    return state, torch.load(tokens, weights_only=True)


def test_clip_iqa(clip_files):
    from piq.feature_extractors import clip
    fused, *sources = colour_images(3)
    value = compute(fused, sources, 'CLIP_IQA', channels='rgb')['CLIP_IQA']
    assert 0 < value < 1
    state, tokens = clip_files
    model = clip.build_model(dict(state)).float()
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    image = torch.from_numpy(fused).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        seen = model.encode_image(((image - mean) / std)[None],
                                  pos_embedding=False)
        cosine = nn.functional.cosine_similarity(seen,
                                                 model.encode_text(tokens))
        expected = (model.logit_scale.exp() * cosine).softmax(0)[0]
    assert value == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize('name', ['NIQE', 'MUSIQ'])
def test_pyiqa(cache, monkeypatch, name):
    """The calls of a package that cannot be among our requirements."""
    calls = []

    def create_metric(metric, device, pretrained_model_path):
        calls.append((metric, device, pretrained_model_path))
        return lambda image: image.mean((1, 2, 3))[:, None]

    monkeypatch.setitem(sys.modules, 'pyiqa',
                        types.SimpleNamespace(create_metric=create_metric))
    images = colour_images(3, 192, 200)
    key = select_metrics(name)[name].key
    path = files_of(key)[0]
    with pytest.raises(FileNotFoundError, match=path.name):
        compute(images[0], images[1:], name)
    torch.save({}, path)
    value = compute(images[0], images[1:], name, channels='rgb')[name]
    assert value == pytest.approx(images[0].mean() / 255)
    assert calls == [(name.lower(), 'cpu', str(path))]
