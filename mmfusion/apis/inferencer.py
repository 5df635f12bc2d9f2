"""Fused images of files, arrays and folders in one call."""
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch import nn

from mmfusion.fileio.paths import Made, check_outputs, output_path
from mmfusion.models.exported.runtimes import is_exported
from mmfusion.models.wrappers import BaseFusionModel
from mmfusion.registry import INFERENCERS
from mmfusion.structures import FusionDataSample, to_file_labels
from mmfusion.tasks import SAVE_MODES, TASKS, channel_spans
from mmfusion.utils.config_file import PathLike
from mmfusion.utils.errors import UsageError, printable
from mmfusion.utils.files import write_image
from mmfusion.utils.loading_steps import state_loading
from mmfusion.utils.model_index import DEFAULT, is_name
from mmfusion.utils.progress import track
from mmfusion.utils.sizes import parse_size
from mmfusion.visualization import FusionLocalVisualizer, stacked_to_rgb

from .fused_image import to_uint8
from .model_loading import (for_sources, init_model, require_weights,
                            task_of_model)
from .pairs import Pair, PairReader, model_pipeline
from .sources import Image, is_folder, samples_of, sources_of
from .text import TextOptions, text_of_each, with_text
from .tiles import TiledFusion


@torch.no_grad()
def fuse_samples(model: BaseFusionModel,
                 samples: list[dict]) -> list[FusionDataSample]:
    """Run a wrapper's fuser alone, whatever comes behind it.

    Args:
        model (BaseFusionModel): ``ImageFuser``, ``FuserSegmenter``, ...
        samples (list[dict]): Packed pairs.

    Returns:
        list[FusionDataSample]: With ``fused_img`` at the original sizes.
    """
    data = model.data_preprocessor(pseudo_collate(samples), False)
    return model.predict_fused(**data)


def draw_sample(visualizer: FusionLocalVisualizer, inputs: torch.Tensor,
                sample: FusionDataSample) -> np.ndarray:
    """Panel of a packed pair and what was made of it, RGB ``uint8``.

    Args:
        visualizer (FusionLocalVisualizer): Draws it.
        inputs (Tensor): Stacked pair (C, H, W) before preprocessing.
        sample (FusionDataSample): May have ``fused_img``, label maps and
            ``pred_instances``.
    """
    images = list(
        stacked_to_rgb(
            inputs,
            sample.metainfo.get('modalities')
            or channel_spans(TASKS['ivf'].modalities)).values())
    colours = visualizer.palette is not None
    return visualizer.draw(images[0], images[1], sample, draw_gt=colours,
                           draw_pred=colours or 'pred_instances' in sample,
                           more=images[2:])


@INFERENCERS.register_module()
class FusionInferencer:
    """Fuses (and segments, or detects in) pairs of files, arrays or folders.

    Args:
        config (str | PathLike | Config | nn.Module): The name of a model
            (see :func:`mmfusion.apis.list_models`), a config, where it lies,
            an exported file, or a model of :func:`init_model`. Defaults to
            the one that comes with weights.
        checkpoint (str | PathLike, optional): Weights or exported file;
            named models with weights in the box need none.
        device (str, optional): Defaults to a GPU if there is one, for an
            exported file to the CPU; a model stays where it is.
        cfg_options (dict, optional): Dotted keys to values.
        optimize (bool): See :func:`init_model`.
        native (bool): Whether to skip the test pipeline's resizing.
        backend (str, optional): See :func:`init_model`.
        backend_options (dict, optional): See :func:`init_model`.
        loading (dict, optional): ``on_size_mismatch`` and ``uint16_range``
            of :class:`LoadFusionPair`, in place of what the config says.
        max_memory (str | int, optional): See :meth:`stream`.
        text (TextOptions, optional): For text-guided fusers.
        weights (str | PathLike, optional): Another name of ``checkpoint``.
        text_options: Those of :class:`TextOptions` one by one.

    Raises:
        FileNotFoundError: If a file or folder is missing.
        UsageError: If the checkpoint or the text does not fit, or a named
            model has weights, but none were given.

    Examples:
        >>> fuse = FusionInferencer('laplacian_pyramid')
        >>> fuse('vis.png', 'ir.png')['fused'].shape
        (48, 64, 3)
        >>> len(fuse('data/vi', 'data/ir', out_dir='fused'))
        2
        >>> fuse(['vis.png', 'ir.png', 'vis.png'])['fused'].shape
        (48, 64, 3)

    A fuser that text guides::

        guided = FusionInferencer(CFG, CKPT, text_encoder='blip2=DIR')
        guided('vis.png', 'ir.png', text='a street at night')
    """

    def __init__(self, config: PathLike | Config | nn.Module = DEFAULT,
                 checkpoint: PathLike | None = None, device: str | None = None,
                 cfg_options: dict | None = None, optimize: bool = True,
                 native: bool = False, backend: str | None = None,
                 backend_options: dict | None = None,
                 loading: dict | None = None,
                 max_memory: str | int | None = None,
                 text: TextOptions | None = None,
                 weights: PathLike | None = None, **text_options: Any) -> None:
        self.model: Any
        if isinstance(config, nn.Module):
            self.model = config.eval()
        else:
            checkpoint = weights if checkpoint is None else checkpoint
            exported = is_exported(config) or is_exported(checkpoint)
            device = device or ('cuda' if torch.cuda.is_available()
                                and not exported else 'cpu')
            self.model = init_model(config, checkpoint, device, cfg_options,
                                    optimize, backend=backend,
                                    backend_options=backend_options)
            if not exported and is_name(config):
                require_weights(self.model, config)
        self.cfg = getattr(self.model, 'cfg', None)
        if self.cfg is not None:
            state_loading(self.cfg, **(loading or {}))
        init_default_scope((self.cfg or {}).get('default_scope', 'mmfusion'))
        text = replace(text or TextOptions(), **text_options)
        self._text_step = text.step()
        self.pipeline = model_pipeline(self.model, native, self._text_step)
        self.max_memory = max_memory and parse_size(max_memory)

    def __call__(self, vis: Image | Sequence,
                 ir: None | Image | Sequence[Image] = None,
                 progress: bool = False, text: Any = None,
                 **kwargs: Any) -> dict | list[dict]:
        """Fuse one pair, a list of pairs or two folders; or several sources.

        Args:
            vis: Visible image(s), or those of the first modality of the
                model's task: path, array, list of either, or folder.
                Arrays are uint8, uint16 or float in [0, 1], of any integers
                and floats where the pipeline states ``uint16_range``;
                (H, W) or (H, W, 3) in **RGB** order. A further channel,
                transparency, is dropped. Without ``ir``, a list of all
                sources, for methods that take any number of them:
                ``[a, b, c]`` of images or folders, or a list of such lists.
            ir: Infrared image(s), or those of the second modality, of the
                same kind. The images of folders match by stem, whatever
                their suffix.
            progress (bool): Whether to show a progress bar.
            text: For text-guided fusers: one text for all pairs, or a list
                of one each. A text is a caption, a tuple of captions or a
                feature (L, C).
            kwargs: See :meth:`stream`.

        Returns:
            dict | list[dict]: For each pair ``name``; ``fused``, ``uint8``
            (H, W, 3) in **RGB** order at the original size; and, from a
            model that segments, ``pred_sem_seg``, classes as ``uint8``
            (H, W); from one that detects, ``bboxes`` (N, 4), ``labels`` and
            ``scores`` (N,), the best first. A list unless a single pair was
            given.

        Raises:
            FileNotFoundError: If a file or folder is missing.
            ValueError: If lists differ in length, files do not match, a
                pair cannot be read, or something would be written over
                (see :meth:`stream`).
        """
        samples, single = self._samples(vis, ir, text)
        folders = [path for path in sources_of(vis, ir) if is_folder(path)]
        written = {kwargs.get(key) for key in ('out_dir', 'panel_dir')}
        check_outputs(((path, ()) for path in written if path), folders)
        results = self.stream(samples, **kwargs)
        if progress:
            results = track(results, len(samples))
        done = list(results)
        return done[0] if single else done

    def stream(self, samples: list[dict], batch_size: int = 1,
               num_workers: int = 0, out_dir: PathLike | None = None,
               save_mode: str = 'round', panel_dir: PathLike | None = None,
               show: bool = False, wait_time: float = 0,
               overwrite: bool = False,
               max_memory: str | int | None = None) -> Iterator[dict]:
        """Results one by one, for sets that do not fit into memory.

        Args:
            samples (list[dict]): ``vis_path`` and ``ir_path``, or arrays
                ``vis`` (BGR) and ``ir``, of each pair, and perhaps its
                ``text``; of another task, the same with its modalities'
                names, and ``modalities``, their spans of channels.
            batch_size (int): Pairs of one size that run together.
            num_workers (int): Processes that read.
            out_dir (str | PathLike, optional): Write ``<name>.png`` here
                (and ``<name>_seg.png``, a label map with the labels of the
                data set's files).
            save_mode (str): See :func:`mmfusion.apis.fused_image.to_uint8`.
            panel_dir (str | PathLike, optional): Write panels here.
            show (bool): Whether to open a window for each panel.
            wait_time (float): Seconds it stays; 0 until a key.
            overwrite (bool): Whether to replace files that this package
                has not written. Sources are never replaced.
            max_memory (str | int, optional): Such as ``'2GB'``: what
                fusing a pair may take. One that does not fit is fused in
                tiles at its own size, by the fuser alone; pairs run one by
                one. Defaults to that of the constructor.

        Yields:
            dict: See :meth:`__call__`.

        Raises:
            UsageError: If a file would be written over a source, another
                output or, without ``overwrite``, a file that is not ours.
        """
        if save_mode not in SAVE_MODES:
            raise ValueError(
                f'Expected a save mode of {SAVE_MODES}, got {save_mode!r}.')
        tiles = self._tiles(max_memory or self.max_memory)
        if tiles is not None and (panel_dir or show):
            raise UsageError('Panels show whole images: give panel_dir or '
                             'max_memory, not both.')
        reader = PairReader(samples, tiles.open if tiles else self.pipeline)
        if tiles is not None:
            batch_size, num_workers = 1, 0
        self._refuse_overwriting(reader, out_dir, panel_dir, overwrite)
        visualizer = self._visualizer() if panel_dir or show else None

        def run(pairs: list[Pair]) -> list:
            if tiles is not None:
                opened = pairs[0].item['inputs']
                if not tiles.fits(opened):
                    return [tiles.image(opened, save_mode)]
                pairs[0].item = self.pipeline(dict(opened.sample))
            batch = pseudo_collate([pair.item for pair in pairs])
            layout = batch['data_samples'][0].get('modalities')
            model = for_sources(self.model, len(layout or 'ab'))
            return model.test_step(batch)

        for pair in reader.run(run, batch_size, num_workers):
            if pair.error is not None and pair.item is None:
                raise type(pair.error)(f'{pair.name}: {pair.error}')
            if pair.error is not None:
                raise pair.error
            result = self._result(pair.name, pair.result, save_mode)
            if out_dir is not None:
                self._write(Path(out_dir), result)
            if visualizer is not None:
                panel = draw_sample(visualizer, pair.item['inputs'],
                                    pair.result)
                if panel_dir is not None:
                    write_image(output_path(panel_dir, pair.name), panel)
                if show:
                    visualizer.show(panel, printable(pair.name),
                                    wait_time=wait_time)
            yield result

    def _refuse_overwriting(self, reader: PairReader, out_dir: PathLike | None,
                            panel_dir: PathLike | None,
                            overwrite: bool) -> None:
        """Before anything is written; see :func:`check_outputs`."""
        made: list[Made] = []
        if out_dir is not None:
            fuser = getattr(self.model, 'fuser', None)
            session = getattr(fuser, 'session', None)
            labels = getattr(
                self.model, 'out_channels',
                None) or (session and 'seg_logits' in session.meta['outputs'])
            made += reader.outputs(out_dir, ('.png', '_seg.png') if labels else
                                   ('.png', ))
        if panel_dir is not None:
            made += reader.outputs(panel_dir)
        check_outputs(made, overwrite=overwrite)

    def preprocess(self, vis: Image, ir: Image, text: Any = None) -> dict:
        """One pair as the model's ``test_step`` takes it."""
        samples, _ = self._samples(vis, ir, text)
        return pseudo_collate([self.pipeline(samples[0])])

    def _visualizer(self) -> FusionLocalVisualizer:
        meta = getattr(self.model, 'dataset_meta', {})
        return FusionLocalVisualizer(classes=meta.get('classes'),
                                     palette=meta.get('palette'))

    def _tiles(self, limit: str | int | None) -> TiledFusion | None:
        if not limit:
            return None
        pipeline = model_pipeline(self.model, True, self._text_step)
        return TiledFusion(self.model, pipeline, limit)

    @staticmethod
    def _result(name: str, sample: FusionDataSample | np.ndarray,
                save_mode: str) -> dict[str, Any]:
        if isinstance(sample, np.ndarray):  # of tiles
            return dict(name=name, fused=sample)
        fused = to_uint8(sample.fused_img.data, save_mode)
        result = dict(name=name, fused=fused)
        if 'pred_sem_seg' in sample:
            labels = sample.pred_sem_seg.data[0].cpu().numpy()
            result['pred_sem_seg'] = labels.astype(np.uint8)
        if 'pred_instances' in sample:
            found = sample.pred_instances
            order = found.scores.argsort(descending=True)
            result.update({
                key: found[key][order].cpu().numpy()
                for key in ('bboxes', 'labels', 'scores')
            })
        return result

    def _write(self, folder: Path, result: dict) -> None:
        write_image(output_path(folder, result['name']), result['fused'])
        if 'pred_sem_seg' in result:
            labels = to_file_labels(result['pred_sem_seg'],
                                    getattr(self.model, 'dataset_meta', {}))
            write_image(output_path(folder, result['name'], '_seg.png'),
                        labels)

    def _samples(self, vis: Any, ir: Any,
                 text: Any = None) -> tuple[list[dict], bool]:
        """Raw samples, and whether there was a single pair."""
        sources = sources_of(vis, ir)
        model = for_sources(self.model, len(sources))
        samples, single = samples_of(sources, task_of_model(model).modalities)
        texts = text_of_each(text, len(samples))
        return list(map(with_text, samples, texts)), single
