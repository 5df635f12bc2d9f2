"""What a call of the inferencer names: images, lists or folders."""
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmfusion.tasks import channel_spans
from mmfusion.utils.config_file import PathLike
from mmfusion.utils.progress import announce

from .pairs import match_folders

Image = PathLike | np.ndarray


def sources_of(vis: Any, ir: Any) -> list:
    """The sources one by one: an image, a list of images or a folder each.

    Raises:
        ValueError: If there is one source alone, or lists of sources differ
            in length.
    """
    if ir is not None:
        return [vis, ir]
    sources = list(vis) if isinstance(vis, (list, tuple)) else [vis]
    if sources and all(isinstance(one, (list, tuple)) for one in sources):
        counts = {len(one) for one in sources}
        if len(counts) > 1:
            raise ValueError('Expected as many sources of each image, got '
                             f'{" and ".join(map(str, sorted(counts)))}.')
        sources = [list(images) for images in zip(*sources, strict=True)]
    if len(sources) < 2:
        raise ValueError(f'Expected two sources or more, got {len(sources)}: '
                         'fuse(a, b) or fuse([a, b, c]).')
    return sources


def _is_path(image: Any) -> bool:
    return isinstance(image, (str, os.PathLike))


def is_folder(image: Any) -> bool:
    return _is_path(image) and os.path.isdir(image)


def _entry(name: str, image: Image) -> dict:
    """What the loader expects of one image; it wants colour as BGR."""
    if not isinstance(image, np.ndarray):
        return {f'{name}_path': os.fspath(image)}
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = image[..., 2::-1]
    return {name: np.ascontiguousarray(image)}


def samples_of(sources: Sequence,
               modalities: Mapping[str, int]) -> tuple[list[dict], bool]:
    """Raw samples of the sources that :func:`sources_of` gives.

    Args:
        sources (sequence): One for each modality.
        modalities (dict[str, int]): Channels by name, in order.

    Returns:
        tuple[list[dict], bool]: Samples, and whether there was a single
        image of each source.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If kinds of sources are mixed, or they differ in number.
    """
    folders = [is_folder(image) for image in sources]
    if any(folders) and not all(folders):
        other = sources[folders.index(False)]
        if _is_path(other) and not os.path.exists(other):
            raise FileNotFoundError(f'Expected a folder at {other!r}, but '
                                    'there is none.')
        raise ValueError('Expected two images, two lists or two folders, '
                         'got a folder and something else.')
    if all(folders):
        vis, ir, *more = sources
        pairs, unmatched = match_folders(vis, ir, modalities, more)
        announce([f'{path} has no partner' for path in unmatched])
        return pairs, False
    lists = [isinstance(images, (list, tuple)) for images in sources]
    if any(lists) and not all(lists):
        raise ValueError('Expected two images, two lists or two folders, '
                         'got a list and a single image.')
    single = not all(lists)
    if single:
        sources = [[image] for image in sources]
    counts = [len(images) for images in sources]
    if len(set(counts)) > 1:
        raise ValueError('Expected as many images of one modality as of '
                         f'the other, got {" and ".join(map(str, counts))}'
                         '.')
    samples = []
    first = next(iter(modalities))
    for index, images in enumerate(zip(*sources, strict=True)):
        sample: dict[str, Any] = dict(modalities=channel_spans(modalities))
        for name, image in zip(modalities, images, strict=True):
            sample.update(_entry(name, image))
        if f'{first}_path' not in sample:
            sample['stem'] = f'pair_{index:05d}'
        samples.append(sample)
    return samples, single
