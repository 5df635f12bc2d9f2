"""Writes panels of image pairs during validation and test."""
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmfusion.fileio.paths import (check_outputs, output_path, raw_samples,
                                   sample_files, source_folders)
from mmfusion.registry import HOOKS, TRANSFORMS
from mmfusion.utils.errors import check_least
from mmfusion.utils.files import write_image
from mmfusion.visualization import resize_like, stacked_to_rgb


@HOOKS.register_module()
class FusionVisualizationHook(Hook):
    """Draws visible | infrared | fused | prediction | ground truth.

    Pairs of other tasks are drawn under their own names. The pair is taken
    from the batch where it has the original size, else it is read from the
    sample's paths (``vis_path`` and ``ir_path``). The runner's
    visualizer must be a :class:`FusionLocalVisualizer`.

    In a distributed run, rank 0 sends its samples to the visualizer's
    backends; with ``show_dir``, every rank writes files.

    Args:
        draw (bool): Whether to draw at all. Without it (the default) the
            hook costs nothing. ``show`` and ``show_dir`` imply it.
        interval (int): Draw every so many samples. Defaults to 50.
        max_samples (int, optional): At most so many panels a pass and rank.
        show (bool): Whether to open windows instead of writing.
        wait_time (float): Seconds a window stays; 0 until a key.
        show_dir (str, optional): Folder for ``<stem>.png`` files (in
            training ``<stem>_<iteration>.png``) instead of the backends.
        overwrite (bool): Whether to replace files of the same names in
            ``show_dir`` that this package has not written.

    Raises:
        ValueError: If ``interval`` or ``max_samples`` is below 1.
    """

    def __init__(self, draw: bool = False, interval: int = 50,
                 max_samples: int | None = None, show: bool = False,
                 wait_time: float = 0, show_dir: str | Path | None = None,
                 overwrite: bool = False) -> None:
        check_least(1, interval=interval, max_samples=max_samples)
        self.draw = draw
        self.interval = interval
        self.max_samples = max_samples
        self.show = show
        self.wait_time = wait_time
        self.show_dir = show_dir
        self.overwrite = overwrite
        self._seen = 0
        self._drawn: set[str] = set()

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        self._seen = 0
        self._drawn.clear()
        if mode == 'train' or self.show or not self.show_dir:
            return
        samples = raw_samples(getattr(runner, f'{mode}_dataloader').dataset)
        made: dict[Path, list[str]] = {}
        for index, sample in enumerate(samples):
            place = self._file(_name(sample, index), runner, mode)
            made.setdefault(place, []).extend(sample_files(sample))
        check_outputs([(self.show_dir, ()), *made.items()],
                      source_folders(samples), self.overwrite)

    def _file(self, name: str, runner, mode: str) -> Path:
        """Where a panel goes."""
        step = runner.iter if mode == 'val' else 0
        return output_path(self.show_dir, name,
                           f'_{step}.png' if step else '.png')

    def _after_iter(self, runner, batch_idx: int, data_batch: dict,
                    outputs: Sequence[BaseDataElement],
                    mode: str = 'train') -> None:
        if mode == 'train' or not (self.draw or self.show or self.show_dir):
            return
        inputs = data_batch.get('inputs', ())
        for place, sample in enumerate(outputs):
            # Samplers deal samples out to the ranks one by one, so this
            # counts through the whole set whatever the number of ranks.
            index = self._seen * get_world_size() + get_rank()
            self._seen += 1
            if index % self.interval or (self.max_samples is not None and len(
                    self._drawn) >= self.max_samples):
                continue
            stack = inputs[place] if place < len(inputs) else None
            self._draw_sample(runner, mode, index, sample, stack)

    def _draw_sample(self, runner, mode: str, index: int,
                     sample: BaseDataElement, stack: Tensor | None) -> None:
        loader = getattr(runner, f'{mode}_dataloader')
        meta = getattr(loader.dataset, 'metainfo', None)
        image, *others = self._pair(sample, stack).values()
        infrared, *more = others or [None]
        name = _name(sample.metainfo, index)
        while name in self._drawn:
            # Two folders of one dataset may use the same file names.
            name = f'{name}-{index}'
        self._drawn.add(name)
        step = runner.iter if mode == 'val' else 0
        if self.show_dir and not self.show:
            write_image(
                self._file(name, runner, mode),
                runner.visualizer.draw(image, infrared, sample,
                                       dataset_meta=meta, more=more))
        else:
            add = runner.visualizer.add_datasample
            add(f'{mode}_{name}', image, data_sample=sample, infrared=infrared,
                show=self.show, wait_time=self.wait_time, step=step, more=more)

    def _pair(self, sample: BaseDataElement,
              stack: Tensor | None) -> dict[str, np.ndarray]:
        """RGB images of the modalities at the original size."""
        meta = sample.metainfo
        modalities = meta.get('modalities', dict(vis=(0, 3), ir=(3, 4)))
        shape = tuple(meta.get('ori_shape', ()))[:2]
        # Test-time augmentation gives a list of views in place of a tensor.
        is_stack = isinstance(stack, Tensor) and stack.ndim == 3
        if is_stack and shape in ((), tuple(stack.shape[1:])):
            return stacked_to_rgb(stack, modalities)
        if all(f'{name}_path' in meta for name in modalities):
            return self._load(meta, modalities)
        if not is_stack:
            raise ValueError(
                'Expected samples with modalities and their paths, or a '
                'stacked input, to draw a pair; got meta information '
                f'{sorted(meta)}. Pack samples with PackFusionInputs.')
        return {
            name: resize_like(image, shape)
            for name, image in stacked_to_rgb(stack, modalities).items()
        }

    def _load(self, meta: dict, modalities: dict) -> dict[str, np.ndarray]:
        read = meta.get('loader') or TRANSFORMS.build(
            dict(type='LoadFusionPair'))
        results = {f'{name}_path': meta[f'{name}_path'] for name in modalities}
        results['modalities'] = modalities
        image = read(results)['img']
        return stacked_to_rgb(
            torch.from_numpy(image).permute(2, 0, 1), modalities)


def _name(sample: Mapping[str, Any], index: int) -> str:
    first = next(iter(sample.get('modalities') or ('vis', )))
    path = sample.get('img_path') or sample.get(f'{first}_path')
    return Path(path or f'sample{index}').stem
