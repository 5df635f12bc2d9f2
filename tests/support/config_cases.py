"""Configs and inputs that make whole models quick to test."""
import copy
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData, PixelData

from mmfusion.structures import FusionDataSample
from mmfusion.tasks import FusionTask, channel_spans
from mmfusion.utils import has_detection
from mmfusion.utils.config_file import config_folders, load_config


def config_files() -> list[str]:
    """Names of all forms, relative to ``configs``.

    Returns:
        list[str]: e.g. ``'fusers/psfusion_msrs.py'``, sorted.
    """
    folder = config_folders()[0]
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob('*.py')
        if '_base_' not in path.relative_to(folder).parts)


def experiments() -> list[str]:
    """Every form at full size and each scale, and with each of its choices.

    Returns:
        list[str]: e.g. ``'fusers/psfusion_msrs.py@mini'``. Choices take turns
        at the first scale; detectors meet all fusers, and come in all sizes.
    """
    names = []
    for form in config_files():
        if form.startswith('fuser_detectors/') and not has_detection():
            names.append(form)
            continue
        cfg = Config.fromfile(config_folders()[0] / form)
        scales = list(cfg.get('scales') or {})
        names += [form, *(f'{form}@{scale}' for scale in scales)]
        for key, offered in (cfg.get('choices') or {}).items():
            for value in list(offered)[1:]:
                words = [*scales[:1], f'{key}:{value}']
                names.append(f'{form}@{",".join(words)}')
                if key == 'detector':
                    names.append(f'{form}@{words[-1]}')
                    names += [
                        f'{form}@{",".join(words)},fuser:{fuser}'
                        for fuser in list(cfg.choices.fuser)[1:3]
                    ]
    return names


def get_fuser_cfg(name: str, size: tuple[int, int] = (64, 64)) -> Config:
    """An experiment that needs no file and runs on images of ``size``.

    Args:
        name (str): As :func:`mmfusion.utils.config_file.load_config` takes.
        size (tuple[int, int]): (height, width).

    Returns:
        Config: See :func:`shrink_config`.
    """
    return shrink_config(load_config(name), size)


def shrink_config(cfg: Config, size: tuple[int, int]) -> Config:
    """Take weights from nowhere, and fit crops to small images.

    Args:
        cfg (Config): An experiment; left as it is.
        size (tuple[int, int]): (height, width) of the images to come.

    Returns:
        Config: A copy whose model loads no checkpoint, pads to no size,
        slides over the image in four overlapping crops where it slides, and
        asks no more queries than the image has places at a stride of 8.
    """
    cfg = copy.deepcopy(cfg)
    cfg.model = _without_weights(cfg.model)
    if cfg.model.get('data_preprocessor'):
        cfg.model.data_preprocessor.pop('size', None)
    for discriminator in (cfg.model.get('discriminators') or {}).values():
        if discriminator.get('size'):
            discriminator.size = size
    detector = cfg.model.get('detector') or {}
    if detector.get('num_queries'):
        queries = min(detector.num_queries, (size[0] // 8) * (size[1] // 8))
        detector.num_queries = queries
        detector.test_cfg.max_per_img = min(detector.test_cfg.max_per_img,
                                            queries)
    test_cfg = (cfg.model.get('segmentor') or {}).get('test_cfg') or {}
    if test_cfg.get('mode') == 'slide':
        test_cfg['crop_size'] = tuple(side * 3 // 4 for side in size)
        test_cfg['stride'] = tuple(side // 4 for side in size)
    return cfg


def _without_weights(node: Any) -> Any:
    """``node`` with every reference to a checkpoint replaced by None."""
    if isinstance(node, (list, tuple)):
        return type(node)(_without_weights(value) for value in node)
    if not isinstance(node, dict):
        return node
    # What refuses to be random by mistake is told that it is meant here.
    meant = dict(VGGFeatures=dict(allow_random=True, width=0.1),
                 FuserDistiller=dict(random_teacher=True)).get(
                     node.get('type'), {})
    plain = {
        key:
        None if key == 'pretrained' or
        (isinstance(value, dict) and value.get('type') == 'Pretrained') else
        _without_weights(value) for key, value in node.items()
    }
    return ConfigDict({**plain, **meant})


def demo_fusion_inputs(batch_size: int = 2, size: tuple[int, int] = (64, 64),
                       num_classes: int = 9, num_boxes: int = 3, seed: int = 0,
                       task: str = 'ivf', text_channels: int = 768) -> dict:
    """A batch as a data loader gives it, of random content.

    Args:
        batch_size (int): Number of pairs.
        size (tuple[int, int]): (height, width).
        num_classes (int): Labels are drawn below it.
        num_boxes (int): Boxes an image, all of class 0; at least a quarter
            of the image high and wide.
        seed (int): Of the draws.
        task (str): What the pairs are, see :data:`~mmfusion.tasks.TASKS`.
        text_channels (int): Width of the samples' text features.

    Returns:
        dict: ``inputs``, a list of (C, H, W) uint8 tensors (by default BGR
        + infrared), and ``data_samples``, a list of
        :class:`FusionDataSample` with all ground truth. Pass it through
        ``model.data_preprocessor``.
    """
    generator = torch.Generator().manual_seed(seed)
    words = torch.Generator().manual_seed(seed)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator)

    spans = channel_spans(FusionTask.of(task).modalities)
    samples = []
    for index in range(batch_size):
        sample = FusionDataSample(metainfo=dict(
            sample_idx=index, **{
                f'{name}_path': f'{name}/{index}.png' for name in spans
            }, modalities=spans, ori_shape=size, img_shape=size, scale_factor=(
                1., 1.), misalignment=np.eye(3), img_id=index))
        sample.gt_sem_seg = PixelData(data=draw(num_classes, 1, *size))
        for name in ('gt_binary', 'gt_boundary', 'gt_mask'):
            setattr(sample, name, PixelData(data=draw(2, 1, *size)))
        sample.text = torch.randn(3 + index, text_channels, generator=words)
        sample.gt_fused = PixelData(data=draw(256, 3, *size).to(torch.uint8))
        sides = torch.tensor(size[::-1]).float()
        first = torch.rand(num_boxes, 2, generator=generator) * 0.7 * sides
        sample.gt_instances = InstanceData(
            bboxes=torch.cat((first, first + 0.25 * sides), dim=1),
            labels=torch.zeros(num_boxes, dtype=torch.long))
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4),
                                                labels=torch.zeros(0).long())
        samples.append(sample)
    channels = max(end for _, end in spans.values())
    inputs = [draw(256, channels, *size).to(torch.uint8) for _ in samples]
    return dict(inputs=inputs, data_samples=samples)
