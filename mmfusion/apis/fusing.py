"""What ``tools/test_fusion.py`` does."""
import argparse
import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmfusion.evaluation.selection import parse_eval
from mmfusion.models.exported.runtimes import is_exported
from mmfusion.utils.config_file import (default_work_dir, load_config,
                                        require_file)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_image
from mmfusion.utils.progress import track
from mmfusion.visualization import FusionLocalVisualizer

from .fused_image import to_uint8
from .fused_scores import score_saved
from .inferencer import (detect_samples, draw_sample, fuse_samples,
                         task_of_model)
from .model_loading import init_model
from .pairs import (FailedPair, PairReader, inference_pipeline, match_folders,
                    pair_name)
from .text import is_text_step, load_text_step, needs_text, use_in_dataset

Failure = tuple[str, str]


def test_fusion(args: argparse.Namespace) -> int:
    """Fuse a config's fusion set, or two folders, into PNG files.

    Args:
        args (argparse.Namespace): From
            ``mmfusion.cli.legacy.parse('test_fusion')``.

    Returns:
        int: 0, or 1 if a pair failed or an image has no partner; these are
        named on stderr.

    Raises:
        UsageError: If there is nothing to fuse, the checkpoint does not fit
            or a metric is not known.
        FileNotFoundError: If a file or folder is missing.
    """
    selection = parse_eval(args.eval) if args.eval else None
    cfg = load_config(args.config, args.cfg_options, scale=args.scale)
    if args.task:
        use_task(cfg, args.task)
    checkpoint = args.checkpoint and require_file(
        args.checkpoint, 'a checkpoint file', 'Train one with tools/train.py.')
    init_default_scope(cfg.default_scope)
    device = args.device or ('cpu' if checkpoint and is_exported(checkpoint)
                             else get_device())
    model = init_model(cfg, checkpoint, device, fuser_is_enough=True,
                       backend=args.backend)
    if not checkpoint and model.fuser.state_dict():
        raise UsageError(
            f'{type(model.fuser).__name__} has weights: expected a '
            'checkpoint file after the config, got none.')
    unmatched: list[str] = []
    text = load_text_step(args.text_features, args.captions, args.text_encoder)
    if args.vis:
        pairs, unmatched = match_folders(args.vis, args.ir,
                                         task_of_model(model).modalities)
        pipeline = inference_pipeline(cfg, native=True, text=text)
        if needs_text(model) and not any(map(is_text_step, pipeline)):
            raise UsageError(
                f'{type(model.fuser).__name__} is guided by text: give '
                '--text-features FILE_OR_DIR, or --captions FILE and '
                '--text-encoder TYPE=DIR (docs/text_guidance.md).')
        reader = PairReader(pairs, pipeline)
        workers = 2 if len(pairs) > 16 else 0
    else:
        reader, workers = fusion_set(cfg, text)
    if args.captions:
        workers = 0  # one process, one copy of the encoder and its results
    work_dir = args.work_dir or cfg.get('work_dir') or default_work_dir(cfg)
    out_dir = args.out_dir or os.path.join(work_dir, 'test_result')
    samples, failures = fuse_into(
        model, reader, Path(out_dir), save_mode=args.save_mode, grey=args.grey,
        panel_dir=args.show_dir,
        detect=detector_of(model, reader, cfg) if args.show_dir else None,
        score_thr=args.score_thr, num_workers=workers)
    print(f'fused {len(reader) - len(failures)} of {len(reader)} pairs into '
          f'{out_dir}')
    if selection and samples:
        failures += score_saved(Path(out_dir), samples, reader, selection)
    for path in unmatched:
        print(f'no partner: {path}', file=sys.stderr)
    for name, reason in failures:
        print(f'failed: {name}: {reason}', file=sys.stderr)
    return int(bool(failures or unmatched))


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


def detector_of(model: nn.Module, reader: PairReader,
                cfg: Config) -> Callable[[int], InstanceData] | None:
    """What finds boxes in pair ``index`` of a reader.

    Pairs are fused at their own size, but a detector wants the size that it
    was trained for: it gets the pair through the test pipeline.

    Returns:
        callable | None: Gives boxes at the pair's own size. None for a
        model without a detector, or with an untrained one.
    """
    if not hasattr(model, 'detector') or getattr(model, 'only_fuses', False):
        return None
    pipeline = Compose(inference_pipeline(cfg))

    def detect(index: int) -> InstanceData:
        sample = pipeline(reader.raw(index))
        return detect_samples(model, [sample])[0].pred_instances

    return detect


def fuse_into(
        model: nn.Module, reader: PairReader, out_dir: Path,
        save_mode: str = 'round', grey: bool = False,
        panel_dir: str | None = None,
        detect: Callable[[int], InstanceData] | None = None,
        score_thr: float = 0.3, num_workers: int = 0
) -> tuple[dict[str, dict[str, Any]], list[Failure]]:
    """Fuse pairs one by one and write ``<stem>.png``.

    Args:
        model (nn.Module): ``ImageFuser``, ``FuserSegmenter``, ...
        reader (PairReader): The pairs.
        out_dir (Path): Made where it is missing.
        save_mode (str): See :func:`mmfusion.apis.fused_image.to_uint8`.
        grey (bool): Whether to write the luminance alone.
        panel_dir (str, optional): Where to write panels.
        detect (callable, optional): Boxes for the panel of a pair, see
            :func:`detector_of`.
        score_thr (float): Detections below it are not drawn.
        num_workers (int): Processes that read.

    Returns:
        tuple[dict[str, dict], list[tuple[str, str]]]: Meta information of
        each pair whose image was written, by its name; name and reason of
        each pair that failed.
    """
    failures: list[Failure] = []
    written: dict[str, dict[str, Any]] = {}
    visualizer = None if panel_dir is None else FusionLocalVisualizer(
        classes=getattr(model, 'dataset_meta', {}).get('classes'),
        box_score_thr=score_thr)
    pairs = track(reader.batches(1, num_workers), len(reader))
    for (index, ), (item, ) in pairs:
        try:
            if isinstance(item, FailedPair):
                raise ValueError(item.reason)
            sample = fuse_samples(model, [item])[0]
            name = pair_name(sample.metainfo, index)
            if name in written:
                raise ValueError(f'a pair named {name!r} was already fused')
            write_image(out_dir / f'{name}.png',
                        to_uint8(sample.fused_img.data, save_mode, grey))
            written[name] = dict(sample.metainfo)
            if visualizer is not None:
                if detect is not None:
                    sample.pred_instances = detect(index)
                write_image(Path(panel_dir, f'{name}.png'),
                            draw_sample(visualizer, item['inputs'], sample))
        except Exception as error:  # the others must go on, whatever it is
            failures.append((reader.name(index), ' '.join(str(error).split())
                             or type(error).__name__))
    return written, failures
