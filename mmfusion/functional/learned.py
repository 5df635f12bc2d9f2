"""Learned and no-reference metrics, through packages that have them.

LPIPS comes from torchmetrics, BRISQUE and CLIP-IQA from piq: install the
extra ``metrics``. NIQE and MUSIQ come from pyiqa, whose licence (PolyForm
Noncommercial) keeps it out of our requirements: install it yourself if you
may.

All need weights. They are read from the files in which these packages keep
what they have downloaded, and never downloaded here: a missing file is an
error that names it and its source. Files that are no TorchScript must hold
tensors alone. Torch's part of the cache moves with ``TORCH_HOME``.

These networks were trained on colour photographs. Colour images are measured
in colour with ``channels='rgb'``; a grey fused image gets three equal
channels, and a warning, since much of the score then says that it is grey.
"""
import math
import warnings
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmfusion.utils.packages import require_package

from .image import Image
from .metric import fusion_metric

Planes = Sequence[Image]

_GITHUB = 'https://github.com'
_PIQ = f'{_GITHUB}/photosynthesis-team/piq/releases/download'
_PYIQA = f'{_GITHUB}/chaofengc/IQA-PyTorch/releases/download/v0.1-weights'
_TORCHVISION = 'https://download.pytorch.org/models'


class WeightFile(NamedTuple):
    """A file that the user provides.

    Attributes:
        folder (str): ``'checkpoints'`` or ``'pyiqa'`` of torch's hub, or
            ``'clip'`` of ``~/.cache``.
        url (str): Where it comes from; ends in its name.
        tensors (bool): Whether it holds tensors alone, so that it is
            checked to do so.
    """
    folder: str
    url: str
    tensors: bool = True

    @property
    def path(self) -> Path:
        """Where the file is expected."""
        import torch
        root = (Path.home() / '.cache'
                if self.folder == 'clip' else Path(torch.hub.get_dir()))
        return root / self.folder / self.url.rpartition('/')[2]

    def find(self, metric: str) -> str:
        """Path of the file.

        Args:
            metric (str): What errors say it is for.

        Raises:
            FileNotFoundError: If it is not there.
            ValueError: If it holds more than tensors.
        """
        path = self.path
        if not path.is_file():
            moves = '' if self.folder == 'clip' else \
                ' TORCH_HOME moves that folder.'
            raise FileNotFoundError(
                f'Expected weights of {metric} in {path}, got no such file. '
                f'Download {self.url} and put it there; mmfusion downloads '
                f'nothing.{moves}')
        if self.tensors:
            _check_tensors(path, metric)
        return str(path)


@cache
def _check_tensors(path: Path, metric: str) -> None:
    """Refuse files that hold anything but tensors."""
    from mmfusion.utils.checkpoint import read_checkpoint
    try:
        read_checkpoint(path)
    except ValueError as error:
        raise ValueError(f'Weights of {metric}: {error}') from error


def _import(package: str, name: str, metric: str) -> Any:
    """Import a module of an optional package."""
    advice = ('Install it yourself; its licence, PolyForm Noncommercial, '
              'does not allow commercial use.' if package == 'pyiqa' else
              'Install it with: pip install "mmfusion[metrics]".')
    return require_package(name, f'{metric} needs it. {advice}')


class Learned(NamedTuple):
    """Where a metric comes from.

    Attributes:
        package (str): What to install.
        module (str): What to import.
        files (tuple[WeightFile]): Files that have to be there.
        build (callable): ``build(module, key, files, device)`` gives a
            function of (B, 3, H, W) tensors of RGB in 0..1, float64.
    """
    package: str
    module: str
    files: tuple[WeightFile, ...]
    build: Callable


def _build_lpips(module: Any, key: str, files: tuple, device: str) -> Callable:
    metric = module.LearnedPerceptualImagePatchSimilarity(
        net_type=key.partition(':')[2], reduction='none',
        normalize=True).to(device)

    def score(first, second):
        value = metric(first.float(), second.float())
        metric.reset()
        return value

    return score


def _build_brisque(module: Any, key: str, files: tuple,
                   device: str) -> Callable:

    def score(image):
        try:
            return module.brisque(image, reduction='none')
        except AssertionError as error:  # of statistics that do not exist
            raise ValueError(
                f'Expected an image with some texture for {key}, got one '
                f'without ({error}). Leave the image or the metric out.'
            ) from error

    return score


def _build_clip_iqa(module: Any, key: str, files: tuple,
                    device: str) -> Callable:
    return module.CLIPIQA(data_range=1.).to(device)


def _build_pyiqa(module: Any, key: str, files: tuple, device: str) -> Callable:
    metric = module.create_metric(
        key.partition(':')[0].lower(), device=device,
        pretrained_model_path=files[0])
    return lambda image: metric(image.float())


#: what each variant needs
LEARNED = {
    'LPIPS:alex':
    Learned('torchmetrics', 'torchmetrics.image.lpip', (WeightFile(
        'checkpoints', f'{_TORCHVISION}/alexnet-owt-7be5be79.pth'), ),
            _build_lpips),
    'LPIPS:vgg':
    Learned('torchmetrics', 'torchmetrics.image.lpip', (WeightFile(
        'checkpoints', f'{_TORCHVISION}/vgg16-397923af.pth'), ), _build_lpips),
    'BRISQUE:piq':
    Learned(
        'piq', 'piq',
        (WeightFile('checkpoints', f'{_PIQ}/v0.4.0/brisque_svm_weights.pt'), ),
        _build_brisque),
    'CLIP_IQA:rn50':
    Learned('piq', 'piq',
            (WeightFile('clip', f'{_PIQ}/v0.7.1/RN50.pt', tensors=False),
             WeightFile('clip', f'{_PIQ}/v0.7.1/clipiqa_tokens.pt')),
            _build_clip_iqa),
    'NIQE:pyiqa':
    Learned('pyiqa', 'pyiqa', (WeightFile(
        'pyiqa', f'{_PYIQA}/niqe_modelparameters.mat', tensors=False), ),
            _build_pyiqa),
    'MUSIQ:koniq':
    Learned('pyiqa', 'pyiqa',
            (WeightFile('pyiqa', f'{_PYIQA}/musiq_koniq_ckpt-e95806b9.pth'), ),
            _build_pyiqa),
}


@lru_cache(maxsize=4)
def _network(key: str, files: tuple[str, ...], device: str) -> Callable:
    """Network of a metric on a device, built once."""
    from mmfusion.utils.loading_guard import weights_only
    learned = LEARNED[key]
    module = _import(learned.package, learned.module, key)
    with weights_only():
        return learned.build(module, key, files, device)


def _score(key: str, *images: Planes) -> Any:
    """Result of a network on images.

    Args:
        key (str): Metric variant.
        *images (sequence[Image]): One or three planes each.

    Returns:
        float | Tensor: A number, or (B, ) for batches.

    Raises:
        ImportError: If the package is not installed.
        FileNotFoundError: If weights are not there.
    """
    import torch
    learned = LEARNED[key]
    _import(learned.package, learned.module, key)
    files = tuple(file.find(key) for file in learned.files)
    _warn_if_gray(images[0], key)
    tensors = [_as_rgb(planes) for planes in images]
    network = _network(key, files, str(tensors[0].device))
    with torch.no_grad():
        scores = network(*tensors).reshape(-1)
    first = images[0][0]
    return (float(scores)
            if first.ops.name == 'numpy' else scores.to(first.values.dtype))


def _as_rgb(planes: Planes) -> Any:
    """(B, 3, H, W) float64 tensor in 0..1 of one or three planes."""
    import torch
    values = [torch.as_tensor(plane.values).double() for plane in planes]
    values = [x[None] if x.ndim == 2 else x for x in values]
    return torch.stack(values * (3 // len(values)), 1) / 255


def _warn_if_gray(planes: Planes, key: str) -> None:
    if all(plane is planes[0] for plane in planes):
        warnings.warn(
            f'{key} gets a grey image in three equal channels; it was made '
            'for colour photographs. Measure colour images with '
            'channels=\'rgb\', and compare grey ones with grey ones alone.',
            stacklevel=2)


_LEARNED = dict(takes_colour=True, needs_weights=True, float32_safe=False)
_ALONE = dict(uses_sources=False, default=True, **_LEARNED)


@fusion_metric('LPIPS', 'vgg', higher_is_better=False,
               value_range=(0, math.inf), min_size=16,
               options=dict(key='LPIPS:vgg'),
               reference='Zhang et al. 2018; VGG16, version 0.1, torchmetrics',
               **_LEARNED)
@fusion_metric(
    'LPIPS', 'alex', higher_is_better=False, value_range=(0, math.inf),
    min_size=31, default=True, options=dict(key='LPIPS:alex'),
    reference='Zhang et al. 2018; AlexNet, version 0.1, torchmetrics',
    **_LEARNED)
def perceptual_distance(fused: Planes, sources: Sequence[Planes], key: str):
    """Mean over the sources of the distance of deep features; 0 if equal."""
    return sum(_score(key, fused, source) for source in sources) / len(sources)


@fusion_metric(
    'MUSIQ', 'koniq', higher_is_better=True, value_range=(0, 100), min_size=32,
    options=dict(key='MUSIQ:koniq'),
    reference='Ke et al. 2021; KonIQ-10k, pyiqa installed by the user',
    **_ALONE)
@fusion_metric(
    'NIQE', 'pyiqa', higher_is_better=False, value_range=(0, math.inf),
    min_size=192, options=dict(key='NIQE:pyiqa'),
    reference='Mittal, Soundararajan & Bovik 2013; pyiqa installed by the '
    'user', **_ALONE)
@fusion_metric(
    'CLIP_IQA', 'rn50', higher_is_better=True, value_range=(0, 1), min_size=32,
    options=dict(key='CLIP_IQA:rn50'),
    reference='Wang, Chan & Loy 2023; "Good photo." against "Bad photo.", '
    'RN50 without positions, piq', **_ALONE)
@fusion_metric('BRISQUE', 'piq', higher_is_better=False, min_size=32,
               value_range=(-math.inf, math.inf),
               options=dict(key='BRISQUE:piq'),
               reference='Mittal, Moorthy & Bovik 2012; piq; about 0 to 100',
               **_ALONE)
def quality_without_reference(fused: Planes, sources: Sequence[Planes],
                              key: str):
    """How good the fused image looks to a model of images.

    Raises:
        ValueError: By BRISQUE for images whose statistics do not exist,
            such as constant ones.
    """
    return _score(key, fused)
