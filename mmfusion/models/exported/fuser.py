"""An exported network in the place of a fuser."""
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmfusion.models.fusers import BaseFuser
from mmfusion.models.wrappers import ImageFuser
from mmfusion.structures import FuserOutput
from mmfusion.tasks import FusionTask
from mmfusion.utils.errors import UsageError
from mmfusion.utils.plain_config import check_types

from .runtimes import Feeds, PathLike, Session, open_session


class BackendFuser(BaseFuser):
    """A fuser whose network runs in another runtime.

    Pads, crops and splits colour as the fuser that was exported. Images of
    a batch run together if the file has a variable size, else as many as it
    was exported for: of too few, the last one is repeated.
    ``aux['semantic']`` holds the logits of a full model that segments.

    Args:
        session (Session): Of :func:`open_session`.
    """

    def __init__(self, session: Session) -> None:
        meta = session.meta
        super().__init__(channel_order=meta['channel_order'],
                         clamp=meta['clamp'],
                         colour_formula=meta.get('colour_formula', 'project'))
        self.session = session
        self.size_divisor = meta['size_divisor']
        self.min_size = meta['min_size']
        self.padding_mode = meta['padding_mode']
        self.needs_text = 'text' in meta['inputs']
        # files of former releases do not tell
        self.tile_overlap = meta.get('tile_overlap')
        self.tile_step = meta.get('tile_step', 1)
        self.tile_size = meta['size']

    def fuse(self, vis: Tensor, ir: Tensor, text: Tensor | None = None,
             text_mask: Tensor | None = None) -> FuserOutput:
        """Run the session.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            text (Tensor, optional): (B, L, C), of text-guided fusers.
            text_mask (Tensor, optional): (B, L) of bool, True for real
                tokens.

        Returns:
            FuserOutput: On the device of ``vis``.

        Raises:
            ValueError: If the size is not that of a file of fixed size, or
                a text is missing.
        """
        found: dict[str, list[np.ndarray]] = {}
        step = self._step(vis, text_mask)
        for feeds in self.feeds(vis, ir, text, text_mask):
            results = self.session.run(feeds)
            for name, value in zip(self.session.meta['outputs'], results,
                                   strict=True):
                found.setdefault(name, []).append(value[:step])
        tensors = {}
        for name, values in found.items():
            value = values[0] if len(values) == 1 else np.concatenate(values)
            tensors[name] = torch.from_numpy(value[:len(vis)]).to(vis.device)
        logits = tensors.pop('seg_logits', None)
        return FuserOutput(**tensors,
                           aux={} if logits is None else dict(semantic=logits))

    def feeds(self, vis: Tensor, ir: Tensor, text: Tensor | None = None,
              text_mask: Tensor | None = None) -> Iterator[Feeds]:
        """What the session gets, run after run; see :meth:`fuse`."""
        meta = self.session.meta
        size = meta['size']
        if size is not None and list(vis.shape[2:]) != list(size):
            raise ValueError(
                f'{self.session.path}: expected images of {size[0]}x'
                f'{size[1]} (height x width), for which it was exported, got '
                f'{vis.shape[2]}x{vis.shape[3]}. Export with --dynamic, with '
                f'--shape {vis.shape[2]} {vis.shape[3]}, or resize the pairs.')
        if self.needs_text and text is None:
            raise ValueError(f'{self.session.path}: expected text=(B, L, C) '
                             'features, got none.')
        inputs = dict(vis=vis, ir=ir)
        if self.needs_text:
            inputs['text'] = text
        step = self._step(vis, text_mask)
        for first in range(0, len(vis), step):
            part = {
                name: value[first:first + step]
                for name, value in inputs.items()
            }
            if step == 1 and text_mask is not None and self.needs_text:
                part['text'] = part['text'][:, text_mask[first]]
            missing = (meta['batch'] or 0) - len(part['vis'])
            if missing > 0:
                part = {
                    name: torch.cat([value, *[value[-1:]] * missing])
                    for name, value in part.items()
                }
            yield {
                name:
                np.ascontiguousarray(value.detach().cpu().numpy(),
                                     dtype=np.float32)
                for name, value in part.items()
            }

    def _step(self, vis: Tensor, text_mask: Tensor | None) -> int:
        """How many images of a batch run together."""
        if text_mask is not None and not bool(text_mask.all()):
            return 1  # graphs know no mask: each text by itself, cut short
        return self.session.meta['batch'] or len(vis)

    def optimize_for_inference(self) -> 'BackendFuser':
        """This fuser: its runtime has rearranged the network already."""
        return self


def backend_model(path: PathLike, cfg: Config | None = None,
                  backend: str | None = None, device: str = 'cpu',
                  **options: Any) -> ImageFuser:
    """A wrapper around an exported file, for any inference API.

    Args:
        path (str | PathLike): The file.
        cfg (Config, optional): Whose pipeline prepares the pairs; by
            default the one that the file remembers. Its model's task has to
            be that of the file.
        backend (str, optional): See :func:`open_session`.
        device (str): See :func:`open_session`.
        options: ``threads`` and ``precision`` of :func:`open_session`.

    Returns:
        nn.Module: An ``ImageFuser`` in eval mode, with ``cfg`` and
        ``dataset_meta``.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it cannot be run, see :func:`open_session`, or is for
            another task than ``cfg``.
    """
    session = open_session(path, backend, device, **options)
    meta = session.meta
    if not {'fuser', 'task'} <= set(meta):
        raise UsageError(f'{path}: expected a file of '
                         'tools/deployment/export.py that says which task '
                         'it is for. Export it again.')
    check_types([meta['data_preprocessor'], meta['pipeline']], path)
    task = FusionTask.of(meta['task'])
    if cfg is not None and cfg.get('model') is not None:
        _check_task(path, task, cfg.model)
    init_default_scope((cfg or {}).get('default_scope', 'mmfusion'))
    model = ImageFuser(fuser=BackendFuser(session), task=task,
                       output_norm=meta['output_norm'],
                       output_colour=meta['output_colour'],
                       output_rounding=meta.get('output_rounding', 'none'),
                       data_preprocessor=_tuples(meta['data_preprocessor']))
    if cfg is None:
        cfg = Config(
            dict(
                default_scope='mmfusion', test_dataloader=dict(dataset=dict(
                    pipeline=_tuples(meta['pipeline'])))))
    model.cfg = cfg
    model.dataset_meta = meta['dataset_meta']
    return model.to(device).eval()


def _check_task(path: PathLike, task: FusionTask, model: dict) -> None:
    """Channels in other roles would fuse to other images, silently."""
    modalities = (model.get('data_preprocessor') or {}).get('modalities')
    stated = FusionTask.of(
        model.get('task')
        or (dict(modalities=modalities) if modalities else 'ivf'))
    roles = [(list(x.modalities.items()), x.visible, x.colour)
             for x in (task, stated)]
    if roles[0] != roles[1]:
        raise UsageError(
            f'{path}: expected a config of task {task.name!r} '
            f'({", ".join(task.modalities)}), for which it was exported, got '
            f'{stated.name!r} ({", ".join(stated.modalities)}). Set '
            'model.task (--task) to that of the file, or export a model of '
            'the other task.')


def _tuples(node: Any) -> Any:
    """Lists of numbers as the tuples they were before JSON."""
    if isinstance(node, dict):
        return {key: _tuples(value) for key, value in node.items()}
    if isinstance(node, list):
        number = all(
            isinstance(x, (int, float)) and not isinstance(x, bool)
            for x in node)
        return tuple(node) if number else [_tuples(x) for x in node]
    return node
