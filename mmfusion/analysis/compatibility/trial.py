"""One network behind a fuser: built, trained for a step, asked to predict."""
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from torch import nn

from mmfusion.models.wrappers.network_config import asks_for_names
from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import one_line

from .networks import Network, read_network

FUSER = dict(type='MMDRFuseStudent')
WRAPPERS = dict(mmseg=('FuserSegmenter', 'segmentor'),
                mmdet=('FuserDetector', 'detector'))
#: heights and widths that are tried
SIZES = (64, 128, 320, 512, 640)


class OutOfScope(Exception):
    """A network of a task that no wrapper is for."""


def try_network(network: Network,
                sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Build a network behind a fuser, train it for a step, and predict.

    Args:
        network (Network): See :func:`.networks.networks`. Its configs are
            tried in turn until one does.
        sizes (sequence[int]): Heights and widths of the pairs, likewise.

    Returns:
        dict: ``works`` and ``config``; ``size``, the first that did; where
        none did, the ``stage`` and ``reason`` of the first config at the
        largest size, whether something is ``missing`` and, if not, whether
        it fails ``alone``, without a fuser, too.
        ``out`` where no wrapper is for its task.
    """
    outcomes = []
    for path in network.paths:
        outcomes.append(
            dict(_try(network.package, path, sizes), config=path.stem))
        gc.collect()
        if outcomes[-1]['works'] or 'out' in outcomes[-1]:
            return outcomes[-1]
    first = outcomes[0]
    if first['stage'] != 'build' and not first['missing']:
        first['alone'] = not works_alone(network.package, network.paths[0],
                                         sizes[len(sizes) // 2])
    return first


def works_alone(package: str, path: Path, size: int) -> bool:
    """Whether a network trains and predicts without a fuser.

    Args:
        package (str): ``'mmseg'`` or ``'mmdet'``.
        path (Path): Its config.
        size (int): Height and width of the images.
    """
    network = getattr(build(package, path), WRAPPERS[package][1])
    with MODELS.switch_scope_and_registry(package) as registry:
        network.data_preprocessor = registry.build(
            read_network(package, path).data_preprocessor)
    try:
        for pairs, run in ((2, _losses), (1, predict)):
            batch = random_batch(size, pairs)
            batch['inputs'] = [image[:3] for image in batch['inputs']]
            for sample in batch['data_samples']:
                sample.gt_sem_seg.sem_seg = sample.gt_sem_seg.data
            run(network, batch)
    except Exception:  # whatever the network raises
        return False
    return True


def _try(package: str, path: Path, sizes: Sequence[int]) -> dict[str, Any]:
    stage = 'build'
    try:
        model = build(package, path)
        for size in sizes:
            try:
                stage = 'train'
                train_step(model, random_batch(size))
                stage = 'predict'
                predict(model, random_batch(size, 1))
                return dict(works=True, size=size)
            except Exception as error:  # whatever the network raises
                if size == sizes[-1] or isinstance(error, ImportError):
                    raise
    except OutOfScope:
        return dict(works=False, out=True)
    except Exception as error:  # likewise
        return dict(works=False, stage=stage, reason=_told(error),
                    missing=isinstance(error, ImportError))
    raise ValueError('Expected sizes to try, got none.')


def _told(error: Exception) -> str:
    text = one_line(error)
    return (text if isinstance(error, (ImportError, ValueError)) else
            f'{type(error).__name__}: {text}')


def build(package: str, path: Path) -> nn.Module:
    """A network of a config behind a fuser, with random weights.

    Raises:
        OutOfScope: If it tracks objects or learns without labels.
    """
    torch.manual_seed(0)
    network = read_network(package, path)
    if package == 'mmdet':
        _check_scope(network)
    wrapper, part = WRAPPERS[package]
    cfg = {'type': wrapper, 'fuser': dict(FUSER), part: network}
    if asks_for_names(network):
        count = network.decode_head.num_classes
        cfg['classes'] = [f'class {k}' for k in range(count)]
    with _gaps_are_nan():
        model = MODELS.build(cfg)
    with suppress(AttributeError):  # SAN's cannot without CLIP's
        model.init_weights()
    for parameter in model.parameters():
        if not torch.isfinite(parameter).all():
            nn.init.normal_(parameter, std=0.02)
    return model


@contextmanager
def _gaps_are_nan() -> Iterator[None]:
    """Weights that are left to a file are NaN, not what memory holds."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _check_scope(network: dict) -> None:
    from mmdet.models import BaseMOTModel, SemiBaseDetector
    with MODELS.switch_scope_and_registry('mmdet') as registry:
        kind = registry.get(network['type'])
    if kind and issubclass(kind, (BaseMOTModel, SemiBaseDetector)):
        raise OutOfScope(kind.__name__)


def train_step(model: nn.Module, batch: dict[str, Any]) -> None:
    """Losses, and their gradients in the fuser.

    Raises:
        ValueError: If a loss is not finite, or the fuser gets no gradient.
    """
    _losses(model, batch).backward()
    for name, parameter in model.fuser.named_parameters():
        if parameter.grad is None or not parameter.grad.abs().sum() > 0:
            raise ValueError(f'no gradient in {name} of the fuser')


def _losses(model: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
    model.train().zero_grad()
    data = model.data_preprocessor(batch, True)
    loss, logged = model.parse_losses(model(**data, mode='loss'))
    if not torch.isfinite(loss):
        raise ValueError(f'losses that are not finite: {logged}')
    return loss


def predict(model: nn.Module, batch: dict[str, Any]) -> None:
    """Predictions of one pair.

    Raises:
        ValueError: If there are none.
    """
    sample, = model.eval().test_step(batch)
    if not any(f'pred_{what}' in sample
               for what in ('sem_seg', 'instances', 'panoptic_seg')):
        raise ValueError(f'no predictions, only {sample.keys()}')


def random_batch(size: int, pairs: int = 2) -> dict[str, Any]:
    """Pairs with label maps, boxes and masks, as a data loader gives them.

    Args:
        size (int): Height and width.
        pairs (int): Number of them.
    """
    draw = torch.Generator().manual_seed(0)
    shape = (size, size)
    samples = []
    for index in range(pairs):
        sample = FusionDataSample(
            metainfo=dict(ori_shape=shape, img_shape=shape, scale_factor=(
                1., 1.), img_id=index))
        sample.gt_sem_seg = PixelData(
            data=torch.randint(0, 2, (1, *shape), generator=draw))
        first = torch.rand(2, 2, generator=draw) * 0.5 * size
        sample.gt_instances = _instances(
            torch.cat((first, first + 0.4 * size), 1), size)
        sample.ignored_instances = _instances(torch.zeros(0, 4), size)
        samples.append(sample)
    inputs = [
        torch.randint(0, 256, (4, *shape), generator=draw).byte()
        for _ in samples
    ]
    return dict(inputs=inputs, data_samples=samples)


def _instances(boxes: torch.Tensor, size: int) -> InstanceData:
    """Boxes of different classes, filled."""
    instances = InstanceData(bboxes=boxes, labels=torch.arange(len(boxes)))
    try:
        from mmdet.structures.mask import BitmapMasks
    except ImportError:  # for segmentors alone
        return instances
    masks = torch.zeros(len(boxes), size, size, dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks,
                                      boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    instances.masks = BitmapMasks(masks.numpy(), size, size)
    return instances
