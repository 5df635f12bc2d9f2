"""What ``mmfusion fuse`` does with images: one pair, or all of two sets."""
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmfusion.fileio.kinds import image_path, is_pattern
from mmfusion.fileio.paths import check_outputs, output_path, sample_files
from mmfusion.models.wrappers.base import BaseFusionModel
from mmfusion.tasks import channel_spans

from .fusing import (FusedSet, FuseOptions, fuse_into, in_tiles,
                     native_pipeline, refuse_overwriting)
from .inferencer import for_sources, task_of_model
from .pairs import PairReader, match_folders
from .text import TextOptions

PathLike = str | os.PathLike


def fuse_files(model: BaseFusionModel, sources: Sequence[PathLike],
               output: PathLike, text: TextOptions | None = None,
               **options: Any) -> FusedSet:
    """Fuse images of one scene into a file, or folders or patterns of
    images into a folder.

    Args:
        model (BaseFusionModel): Of :func:`init_model`.
        sources (sequence[str | PathLike]): The visible and the infrared
            image, or those of the model's task, and further ones for methods
            that take any number; or a folder or glob pattern of each.
        output (str | PathLike): The fused image, or the folder of all. Of
            one pair also a folder, which ends in a slash or exists.
        text (TextOptions, optional): For text-guided fusers.
        options: See :class:`FuseOptions`; ``show_dir`` is named like
            ``output``.

    Returns:
        FusedSet: Pairs that failed are in it; the others are fused.

    Raises:
        UsageError: If an image would be written over a source, another one
            or, without ``overwrite``, a file that is not ours; or if the
            text or the suffix does not fit.
        FileNotFoundError: If a file or folder is missing.
    """
    model = for_sources(model, len(sources))
    modalities = task_of_model(model).modalities
    step = text and text.step()
    pipeline = native_pipeline(model, step)
    unmatched: list[str] = []
    place: Callable[[PathLike, str], Path] = output_path
    is_set = any(os.path.isdir(path) or is_pattern(path) for path in sources)
    if is_set:
        vis, ir, *more = sources
        samples, unmatched = match_folders(vis, ir, modalities, more)
        target = Path(output)
    else:
        target = image_path(output, sources[0])
        samples = [
            dict(
                {
                    f'{name}_path': os.fspath(path)
                    for name, path in zip(modalities, sources, strict=True)
                }, stem=target.stem, modalities=channel_spans(modalities))
        ]
        if options.get('show_dir'):
            options['show_dir'] = image_path(options['show_dir'], sources[0])
        place = _itself
    wanted = FuseOptions(**options)
    reader = PairReader(samples, pipeline)
    workers = 2 if len(samples) > 16 and not (text and text.captions) else 0
    if is_set:
        refuse_overwriting(reader, target, wanted,
                           filter(os.path.isdir, sources))
    else:
        files = sample_files(samples[0])
        check_outputs([(path, files)
                       for path in (target, wanted.show_dir) if path],
                      overwrite=wanted.overwrite)
    tiles = None
    if wanted.max_memory is not None:
        tiles, reader = in_tiles(model, reader, wanted.max_memory, step)
        workers = 0
    written, failures = fuse_into(model, reader, target, wanted, workers,
                                  tiles, place)
    return FusedSet(target, written, failures, unmatched)


def _itself(path: PathLike, name: str) -> Path:
    return Path(path)
