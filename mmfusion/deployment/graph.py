"""The network that is exported, its inputs and what describes it."""
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmfusion.apis.pairs import inference_pipeline
from mmfusion.models.wrappers import FuserSegmenter, ImageFuser
from mmfusion.utils.errors import UsageError, check_choice
from mmfusion.version import __version__

PARTS = ('fuser', 'full')
_LABEL_ENTRIES = ('classes', 'palette', 'label_map', 'reduce_zero_label')


class ExportGraph(nn.Module):
    """A wrapper's network from images in [0, 1] to images.

    Inputs: ``vis`` (B, 3, H, W) RGB and ``ir`` (B, 1, H, W), both float32
    in [0, 1]; of text-guided fusers also ``text`` (B, L, C). Outputs, in
    this order: ``fused`` (B, 3, H, W) RGB; ``luma`` (B, 1, H, W) where the
    wrapper stretches or shows luminance or its task takes colour from
    elsewhere; ``seg_logits`` (B, K, H, W) of the full part of a model that
    segments.

    Args:
        model (nn.Module): ``ImageFuser`` or ``FuserSegmenter`` in eval
            mode, not optimized for inference.
        part (str): ``'fuser'`` or ``'full'``.

    Raises:
        UsageError: If the model or part cannot be exported.
    """

    def __init__(self, model: nn.Module, part: str = 'fuser') -> None:
        super().__init__()
        check_choice(PARTS, UsageError, part=part)
        if not isinstance(model, (ImageFuser, FuserSegmenter)):
            raise UsageError(
                'Expected an ImageFuser or FuserSegmenter to export, got '
                f'{type(model).__name__}. Export the fuser of another '
                "wrapper through a config of type='ImageFuser'.")
        if not type(model.fuser).exportable:
            raise UsageError(
                f'{type(model.fuser).__name__} is not exportable (its flag '
                'says so). Run it in PyTorch.')
        if model.registration is not None:
            raise UsageError(
                'Expected a model without a registration head, which no '
                'exported file holds, got one. Export the fuser alone with '
                '--cfg-options model.registration=None, and register its '
                'infrared images before.')
        self.fuser = model.fuser
        self.segmentor = self.task_norm = None
        self.full = part == 'full'
        if self.full and isinstance(model, FuserSegmenter):
            _check_segmentor(model.segmentor)
            self.segmentor, self.task_norm = model.segmentor, model.task_norm
        task = model.roles.task
        self.needs_luma = (model.output_policy.by_luma(model.fuser)
                           or task.colour != task.visible)
        self.eval().requires_grad_(False)
        inputs = example_inputs(self, *self._smallest())
        with torch.no_grad():
            self.output_names = tuple(self._run(**inputs))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        text = ('text', ) if self.fuser.needs_text else ()
        return ('vis', 'ir', *text)

    def forward(self, vis: Tensor, ir: Tensor,
                text: Tensor | None = None) -> tuple[Tensor, ...]:
        """See the class."""
        return tuple(self._run(vis, ir, text).values())

    def _run(self, vis: Tensor, ir: Tensor,
             text: Tensor | None = None) -> dict[str, Tensor]:
        condition = {} if text is None else dict(text=text)
        output = self.fuser(vis, ir, **condition)
        found = dict(fused=output.fused)
        if self.needs_luma and output.luma is not None:
            found['luma'] = output.luma
        if self.segmentor is not None:
            found['seg_logits'] = self.segmentor.encode_decode(
                self.task_norm(self.task_norm.stack(output.fused, ir)),
                [dict(img_shape=tuple(vis.shape[2:]))])
        elif self.full and 'semantic' in output.aux:
            found['seg_logits'] = output.aux['semantic']
        return found

    def _smallest(self) -> tuple[int, int, int]:
        side = 4 * self.step
        while side < max(self.fuser.min_size, 64):
            side += self.step
        return 1, side, side

    @property
    def step(self) -> int:
        """What the sides of a graph of variable size are multiples of."""
        return math.lcm(self.fuser.size_divisor,
                        32 if self.segmentor is not None else 8)


def _check_segmentor(segmentor: nn.Module) -> None:
    mode = (segmentor.test_cfg or {}).get('mode', 'whole')
    if mode != 'whole':
        raise UsageError(
            f"Expected a segmentor of test_cfg.mode='whole', got {mode!r}, "
            'whose overlapping crops are no single graph. Export with '
            '--cfg-options model.segmentor.test_cfg.mode=whole, which '
            'segments whole images, or --part fuser.')
    if segmentor.out_channels < 2:
        raise UsageError(
            'Expected a segmentor of at least two output channels, got '
            f'{segmentor.out_channels}. Train it with out_channels=2, or '
            'export --part fuser.')


def example_inputs(graph: ExportGraph, batch: int, height: int, width: int,
                   tokens: int = 5, seed: int = 0) -> dict[str, Tensor]:
    """Random inputs of a graph, by name.

    Args:
        graph (ExportGraph): The graph.
        batch (int): B.
        height (int): H.
        width (int): W.
        tokens (int): L, of text-guided fusers.
        seed (int): Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(function, *shape: int) -> Tensor:
        return function(shape, generator=generator)

    inputs = dict(vis=draw(torch.rand, batch, 3, height, width),
                  ir=draw(torch.rand, batch, 1, height, width))
    if graph.fuser.needs_text:
        channels = getattr(graph.fuser, 'text_channels', 768)
        inputs['text'] = draw(torch.randn, batch, tokens, channels)
    return inputs


def describe(model: nn.Module, graph: ExportGraph, size: Sequence[int] | None,
             batch: int, **more: Any) -> dict[str, Any]:
    """What a runtime has to know beside the graph, as plain values.

    Args:
        model (nn.Module): The wrapper that the graph is of.
        graph (ExportGraph): The graph.
        size (sequence[int], optional): (H, W) of a graph of fixed size,
            which pads by itself; None of one of variable size, whose sides
            are multiples of ``size_divisor``.
        batch (int): Of a graph of fixed size.
        more: Further entries.
    """
    fuser, cfg = graph.fuser, getattr(model, 'cfg', None)
    fixed, task = size is not None, model.roles.task
    node = (cfg.model.get('data_preprocessor') if cfg is not None else
            None) or dict(type='FusionDataPreprocessor')
    node = dict(node, modalities=dict(task.modalities))
    meta = getattr(model, 'dataset_meta', {})
    return dict(
        version=__version__, fuser=type(fuser).__name__, inputs=list(
            graph.input_names), outputs=list(graph.output_names),
        size=list(size) if fixed else None, batch=batch if fixed else None,
        size_divisor=1 if fixed else graph.step,
        min_size=1 if fixed else fuser.min_size,
        padding_mode=fuser.padding_mode, tile_overlap=fuser.tile_overlap,
        tile_step=math.lcm(fuser.size_divisor,
                           fuser.tile_step), channel_order=fuser.channel_order,
        clamp=fuser.clamp, colour_formula=fuser.colour_formula.name,
        task=_plain(asdict(task)), output_norm=model.output_policy.norm,
        output_colour=model.output_policy.colour,
        output_rounding=model.output_policy.rounding,
        data_preprocessor=_plain(node),
        pipeline=_plain(inference_pipeline(cfg)), dataset_meta=_plain(
            {key: meta[key] for key in _LABEL_ENTRIES if key in meta}), **more)


def _plain(node: Any) -> Any:
    """Configs as JSON takes them."""
    if isinstance(node, Config):
        node = node.to_dict()
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(value) for value in node]
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if isinstance(node, type):
        return node.__name__
    raise UsageError(
        'Expected a preprocessor and pipeline of plain values to export, '
        f'got {node!r}. Write them with types as text.')
