"""Fused images of a config's set, or of two folders, as files."""
import copy
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData

from mmfusion.evaluation.selection import parse_eval
from mmfusion.fileio.paths import (Made, check_outputs, output_path,
                                   source_folders)
from mmfusion.models.exported.runtimes import is_exported
from mmfusion.models.wrappers import BaseFusionModel
from mmfusion.utils.config_file import PathLike, copy_config, require_file
from mmfusion.utils.errors import UsageError, printable
from mmfusion.utils.files import write_image
from mmfusion.utils.loading_steps import state_loading
from mmfusion.utils.model_index import box_weights_of
from mmfusion.utils.progress import track
from mmfusion.utils.sizes import parse_size
from mmfusion.visualization import FusionLocalVisualizer

from .fused_image import to_uint8
from .fused_scores import score_saved
from .inferencer import draw_sample, for_sources, fuse_samples, task_of_model
from .model_loading import init_model, require_weights
from .pairs import Pair, PairReader, inference_pipeline, match_folders
from .text import TextOptions, is_text_step, needs_text, use_in_dataset
from .tiles import TiledFusion

Failure = tuple[str, str]


@dataclass(frozen=True)
class FuseOptions:
    """How fused images are written, drawn and scored.

    Args:
        save_mode (str): See :func:`mmfusion.apis.fused_image.to_uint8`.
        grey (bool): Whether to write the luminance alone.
        show_dir (str | PathLike, optional): Where panels go, with the boxes
            of a model that detects.
        score_thr (float): Detections below it are not drawn.
        eval (sequence[str], optional): What to score the written files by:
            a preset, or metrics.
        overwrite (bool): Whether to replace images that this function has
            not written. Sources are never replaced.
        max_memory (str | int, optional): Such as ``'2GB'``: pairs that do
            not fit are fused in tiles, all at their own size; see
            :class:`~mmfusion.apis.tiles.TiledFusion`.
    """
    save_mode: str = 'round'
    grey: bool = False
    show_dir: PathLike | None = None
    score_thr: float = 0.3
    eval: Sequence[str] | None = None
    overwrite: bool = False
    max_memory: str | int | None = None

    def __post_init__(self) -> None:
        if self.max_memory is None:
            return
        parse_size(self.max_memory)
        if self.show_dir is not None:
            raise UsageError('Panels show whole images: give show_dir or '
                             'max_memory, not both.')


@dataclass(frozen=True)
class FuseSetOptions(FuseOptions):
    """What :func:`fuse` reads, besides how images are written.

    Args:
        more (sequence[str | PathLike]): Folders of further sources, for
            methods that take any number.
        task (str, optional): What the folders hold, a name of
            :data:`~mmfusion.tasks.TASKS`.
        loading (dict, optional): ``on_size_mismatch`` and ``uint16_range``
            of :class:`LoadFusionPair`, in place of what the config says.
    """
    more: Sequence[PathLike] = ()
    task: str | None = None
    loading: dict[str, Any] | None = None


@dataclass(frozen=True)
class FusedSet:
    """What :func:`fuse` has done.

    Attributes:
        out_dir (Path): Where the images are.
        samples (dict[str, dict]): Meta information of each pair whose image
            was written, by its name.
        failures (list[tuple[str, str]]): Name and reason of each pair that
            was not fused or not scored.
        unmatched (list[str]): Files without a partner.
    """
    out_dir: Path
    samples: dict[str, dict[str, Any]]
    failures: list[Failure]
    unmatched: list[str]


def fuse(cfg: PathLike | Config, checkpoint: PathLike | None = None,
         vis: PathLike | None = None, ir: PathLike | None = None,
         out_dir: PathLike | None = None, *, text: TextOptions | None = None,
         device: str | None = None, backend: str | None = None,
         cfg_options: dict | None = None, **options: Any) -> FusedSet:
    """Fuse a config's fusion set, or two folders, into PNG files.

    Args:
        cfg (str | PathLike | Config): A config, or where it lies, such as
            ``'mmfusion::fusers/psfusion_msrs.py'``.
        checkpoint (str | PathLike, optional): Its weights, or an exported
            file. Fusion rules and models with weights in the box need none.
        vis (str | PathLike, optional): Folder of visible images, or of the
            task's first modality; by default the config's set is fused.
        ir (str | PathLike, optional): Folder of infrared images, likewise.
        out_dir (str | PathLike, optional): Where the images go. Defaults to
            ``<work dir>/test_result``.
        text (TextOptions, optional): For text-guided fusers.
        device (str, optional): Defaults to a GPU if there is one, for an
            exported file to the CPU.
        backend (str, optional): What runs an exported file.
        cfg_options (dict, optional): Dotted keys to values.
        options: ``more``, ``task``, ``save_mode``, ``eval`` and others, see
            :class:`FuseSetOptions`.

    Returns:
        FusedSet: Pairs that failed are in it; the others are fused.

    Raises:
        UsageError: If there is nothing to fuse, the checkpoint does not fit
            or a metric is not known; if an image would be written over a
            source, another one or, without ``overwrite``, a file that is
            not ours.
        FileNotFoundError: If a file or folder is missing.

    Examples:
        >>> done = fuse('fusers/laplacian_pyramid.py', vis='data/vi',
        ...             ir='data/ir', out_dir='fused')
        fused 2 of 2 pairs into fused
        >>> sorted(done.samples), done.failures
        (['1', '2'], [])
    """
    wanted = FuseSetOptions(**options)
    if bool(vis) != bool(ir):
        raise UsageError('Expected vis and ir, or neither, got one of them: '
                         'name both folders.')
    if wanted.more and not vis:
        raise UsageError('Expected vis and ir before folders of further '
                         'sources, got the latter alone.')
    selection = parse_eval(wanted.eval) if wanted.eval else None
    if checkpoint is None:
        checkpoint = box_weights_of(getattr(cfg, 'filename', cfg))
    cfg = copy_config(cfg, cfg_options)
    state_loading(cfg, **(wanted.loading or {}))
    if wanted.task:
        use_task(cfg, wanted.task)
    checkpoint = checkpoint and require_file(checkpoint, 'a checkpoint file',
                                             'Train one with tools/train.py.')
    init_default_scope(cfg.get('default_scope', 'mmfusion'))
    device = device or ('cpu' if checkpoint and is_exported(checkpoint) else
                        get_device())
    model = init_model(cfg, checkpoint, device, fuser_is_enough=True,
                       backend=backend)
    require_weights(model)
    unmatched: list[str] = []
    step = text and text.step()
    if vis and ir:
        model = for_sources(model, 2 + len(wanted.more))
        pairs, unmatched = match_folders(vis, ir,
                                         task_of_model(model).modalities,
                                         wanted.more)
        reader = PairReader(pairs, native_pipeline(model, step))
        workers = 2 if len(pairs) > 16 else 0
    else:
        reader, workers = fusion_set(cfg, step)
    if text and text.captions:
        workers = 0  # one process, one copy of the encoder and its results
    tiles = None
    if wanted.max_memory is not None:
        tiles, reader = in_tiles(model, reader, wanted.max_memory, step)
        workers = 0
    folder = Path(out_dir or os.path.join(cfg.work_dir, 'test_result'))
    refuse_overwriting(reader, folder, wanted,
                       filter(None, (vis, ir, *wanted.more)))
    samples, failures = fuse_into(model, reader, folder, wanted, workers,
                                  tiles)
    print(
        printable(f'fused {len(reader) - len(failures)} of {len(reader)} '
                  f'pairs into {folder}'))
    if selection and samples:
        failures += score_saved(folder, samples, selection)
    return FusedSet(folder, samples, failures, unmatched)


def in_tiles(model: BaseFusionModel, reader: PairReader, max_memory: str | int,
             text: Any = None) -> tuple[TiledFusion, PairReader]:
    """What fuses the pairs of a reader in tiles, and its reader of them."""
    pipeline = inference_pipeline(model.cfg, native=True, text=text)
    tiles = TiledFusion(model, Compose(pipeline), max_memory)
    raw = [reader.raw(index) for index in range(len(reader))]
    return tiles, PairReader(raw, tiles.open)


def native_pipeline(model: BaseFusionModel, text: Any = None) -> list:
    """What brings files to a model at their own size.

    Args:
        model (BaseFusionModel): Of :func:`init_model`.
        text (LoadTextFeatures, optional): Replaces the pipeline's own.

    Raises:
        UsageError: If the fuser is guided by text, and there is none.
    """
    pipeline = inference_pipeline(model.cfg, native=True, text=text)
    if needs_text(model) and not any(map(is_text_step, pipeline)):
        raise UsageError(
            f'{type(model.fuser).__name__} is guided by text: give '
            '--text-features FILE_OR_DIR, or --captions FILE and '
            '--text-encoder TYPE=DIR (docs/text_guidance.md).')
    return pipeline


def use_task(cfg: Config, task: str) -> None:
    """Let a config's model fuse the pairs of another task.

    Args:
        cfg (Config): With a ``model``, which is changed.
        task (str): A name of :data:`~mmfusion.tasks.TASKS`.
    """
    cfg.model.task = task
    if cfg.model.get('data_preprocessor'):
        cfg.model.data_preprocessor.pop('modalities', None)


def fusion_set(cfg: Config, text: Any = None) -> tuple[PairReader, int]:
    """The pairs a config fuses, and its number of loading processes.

    Args:
        cfg (Config): With a ``fusion_dataloader`` or ``test_dataloader``.
        text (LoadTextFeatures, optional): Replaces the pipeline's own.

    Raises:
        UsageError: If there is no ``fusion_dataloader`` or
            ``test_dataloader``, or its data are incomplete.
        FileNotFoundError: If a folder is missing.
    """
    loader = cfg.get('fusion_dataloader') or cfg.get('test_dataloader')
    if not loader:
        raise UsageError(
            f'{cfg.filename}: expected a fusion_dataloader or '
            'test_dataloader, got none: name two folders with --vis DIR '
            '--ir DIR.')
    dataset = copy.deepcopy(loader.dataset)
    if text is not None:
        use_in_dataset(dataset, text)
    try:
        dataset = DATASETS.build(dataset)
    except (ValueError, ImportError) as error:
        raise UsageError(str(error)) from error
    return PairReader(dataset), loader.get('num_workers', 0)


def detector_of(model: BaseFusionModel,
                reader: PairReader) -> Callable[[int], InstanceData] | None:
    """What finds boxes in pair ``index`` of a reader.

    Pairs are fused at their own size, but a detector wants the size that it
    was trained for: it gets the pair through the test pipeline.

    Returns:
        callable | None: Gives boxes at the pair's own size. None for a
        model without a detector, or with an untrained one.
    """
    if not hasattr(model, 'detector') or getattr(model, 'only_fuses', False):
        return None
    pipeline = Compose(inference_pipeline(model.cfg))

    def detect(index: int) -> InstanceData:
        sample = pipeline(reader.raw(index))
        return model.test_step(pseudo_collate([sample]))[0].pred_instances

    return detect


def refuse_overwriting(
    reader: PairReader, out_dir: Path, options: FuseOptions,
    folders: Iterable[PathLike] = ()) -> None:
    """Raise where :func:`fuse_into` would harm; see :func:`check_outputs`.

    Args:
        reader (PairReader): The pairs.
        out_dir (Path): Where their images go.
        options (FuseOptions): With ``show_dir`` and ``overwrite``.
        folders (iterable[str | PathLike]): Of the sources.
    """
    samples = [reader.raw(index) for index in range(len(reader))]
    made: list[Made] = []
    for folder in (out_dir, options.show_dir):
        if folder:
            made += [*reader.outputs(folder), (folder, ())]
    check_outputs(made, [*folders, *source_folders(samples)],
                  options.overwrite)


def fuse_into(
    model: BaseFusionModel, reader: PairReader, out_dir: Path,
    options: FuseOptions | None = None, num_workers: int = 0,
    tiles: TiledFusion | None = None, place: Callable[[PathLike, str],
                                                      Path] = output_path
) -> tuple[dict[str, dict[str, Any]], list[Failure]]:
    """Fuse pairs one by one and write ``<stem>.png``.

    Nothing is checked, see :func:`refuse_overwriting`.

    Args:
        model (BaseFusionModel): ``ImageFuser``, ``FuserSegmenter``, ...
        reader (PairReader): The pairs.
        out_dir (Path): Made where it is missing.
        options (FuseOptions, optional): How.
        num_workers (int): Processes that read.
        tiles (TiledFusion, optional): Whose ``open`` the reader calls.
        place (callable): From ``out_dir``, or ``show_dir``, and the name of a
            pair to its file.

    Returns:
        tuple[dict[str, dict], list[tuple[str, str]]]: Meta information of
        each pair whose image was written, by its name; name and reason of
        each pair that failed.
    """
    options = options or FuseOptions()
    written: dict[str, dict[str, Any]] = {}
    visualizer = detect = None
    if options.show_dir is not None:
        detect = detector_of(model, reader)
        visualizer = FusionLocalVisualizer(
            classes=getattr(model, 'dataset_meta', {}).get('classes'),
            box_score_thr=options.score_thr)

    def run(pairs: list[Pair]) -> list[None]:
        pair, = pairs
        path = place(out_dir, pair.name)
        if tiles is not None:
            opened = pair.item['inputs']
            if not tiles.fits(opened):
                written[pair.name] = tiles.save(opened, path,
                                                options.save_mode,
                                                options.grey)
                return [None]
            pair.item = tiles.packed(opened)
        sample, = fuse_samples(model, [pair.item])
        write_image(
            path,
            to_uint8(sample.fused_img.data, options.save_mode, options.grey))
        written[pair.name] = dict(sample.metainfo)
        if visualizer is not None and options.show_dir is not None:
            if detect is not None:
                sample.pred_instances = detect(pair.index)
            write_image(place(options.show_dir, pair.name),
                        draw_sample(visualizer, pair.item['inputs'], sample))
        return [None]

    done = track(reader.run(run, num_workers=num_workers), len(reader))
    return written, [pair.failure for pair in done if pair.failure]
