"""Writes what the fuser made of the first training batches."""
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor

from mmfusion.fileio.paths import output_path
from mmfusion.registry import HOOKS
from mmfusion.utils.errors import check_least
from mmfusion.utils.files import write_image
from mmfusion.visualization import to_rgb_uint8


@HOOKS.register_module()
class TrainingStripHook(Hook):
    """Writes visible | infrared | fused of the first batches of an epoch.

    Seen is what the network saw, crops and padding included, as the weights
    of that moment fused it; nothing is computed twice. Files are
    ``<epoch>/<stem>.png`` with the epoch counted from one, as FILM's trainer
    dumps them; in a training without epochs they are those of its first
    iterations, under ``1``.

    Args:
        num_batches (int): Batches of each epoch. Defaults to 2.
        stretch (bool): Whether to stretch each strip's contrast to the full
            range, as FILM's trainer does. Defaults to False.
        out_dir (str): Folder in the work folder.

    Raises:
        ValueError: If ``num_batches`` is below 1.
    """

    def __init__(self, num_batches: int = 2, stretch: bool = False,
                 out_dir: str = 'training_strips') -> None:
        check_least(1, num_batches=num_batches)
        self.num_batches = num_batches
        self.stretch = stretch
        self.out_dir = out_dir
        self._handle = None
        self._strips: Tensor | None = None
        self._written: set[str] = set()

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        if batch_idx >= self.num_batches or not is_main_process():
            return
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        if not hasattr(model, 'fuser'):
            raise TypeError('TrainingStripHook: expected a model with a '
                            f'fuser, got {type(model).__name__}. Leave the '
                            'hook out.')
        self._handle = model.fuser.register_forward_hook(self._keep)

    def after_train_iter(self, runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        if self._handle is None:
            return
        self._handle.remove()
        strips, self._handle, self._strips = self._strips, None, None
        folder = Path(runner.work_dir, self.out_dir, str(runner.epoch + 1))
        if batch_idx == 0:
            self._written.clear()
        samples = (data_batch or {}).get('data_samples') or []
        for index, strip in enumerate(strips.cpu()):
            name = f'batch{batch_idx}-{index}'
            if index < len(samples):
                path = samples[index].metainfo.get('vis_path')
                stem = Path(path).stem if path else name
                # Two folders of one dataset may use the same file names.
                name = f'{stem}-{name}' if stem in self._written else stem
            self._written.add(name)
            write_image(output_path(folder, name), self._draw(strip))

    def _keep(self, fuser, inputs, output) -> None:
        vis, ir = inputs[:2]
        fused = output.fused.detach().to(vis.dtype)
        self._strips = torch.cat((vis, ir.expand(-1, 3, -1, -1), fused),
                                 dim=3).detach()

    def _draw(self, strip: Tensor) -> np.ndarray:
        strip = strip.float()
        if self.stretch:
            low, high = strip.min(), strip.max()
            strip = (strip - low) / (high - low).clamp_min(1e-12)
        return to_rgb_uint8(strip)
