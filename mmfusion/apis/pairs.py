"""Pairs to be fused: from two folders or from a config."""
import contextlib
import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmfusion.fileio import FileRule, join_by_stem, sample_stem
from mmfusion.fileio.kinds import files_like, is_pattern
from mmfusion.fileio.paths import Made, output_path, sample_files
from mmfusion.tasks import TASKS, channel_spans
from mmfusion.utils.config_file import type_name
from mmfusion.utils.disk import DiskError
from mmfusion.utils.errors import UsageError, one_line
from mmfusion.utils.loading_steps import loading_steps, stated_loading

from .text import is_text_step, needs_text, with_text_step

PathLike = str | os.PathLike
#: transforms of a test pipeline that need labels
_LABEL_TRANSFORMS = ('LoadFusionAnnotations', 'LoadAnnotations',
                     'DeriveFusionMaps')
_RESIZES = ('Resize', 'ResizeToCover', 'RandomResize')
_DEFAULT_PIPELINE = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]


def match_folders(
    vis: PathLike, ir: PathLike, modalities: Mapping[str, int] | None = None,
    more: Sequence[PathLike] = ()
) -> tuple[list[dict], list[str]]:
    """Match the images of two or more folders, or patterns, by their stems.

    Args:
        vis (str | PathLike): Folder of visible images, of any suffix,
            searched with its sub-folders; or a glob pattern, whose stems are
            what its wildcards stand for.
        ir (str | PathLike): Folder or pattern of infrared images.
        modalities (dict[str, int], optional): Channels of the modalities
            whose folders these are, in order. Defaults to
            ``dict(vis=3, ir=1)``.
        more (sequence[str | PathLike]): Folders of further sources.

    Returns:
        tuple[list[dict], list[str]]: ``stem``, ``modalities`` (spans of
        channels) and the paths ``vis_path`` and ``ir_path`` (or those of
        the modalities given) of each pair in natural order, and the files
        without a partner.

    Raises:
        FileNotFoundError: If a folder does not exist.
        UsageError: If a folder has no images, two for one stem, or if no
            stem is in both.
    """
    spans = channel_spans(modalities or TASKS['ivf'].modalities)
    flags = ('--vis', '--ir', *('--more' for _ in more))
    try:
        listed = {
            f'{name}_path': _listed(folder, flag)
            for name, folder, flag in zip(spans, (vis, ir,
                                                  *more), flags, strict=True)
        }
    except ValueError as error:
        raise UsageError(str(error)) from error
    samples, _ = join_by_stem(listed)
    pairs = [
        dict(paths, stem=stem, modalities=spans) for stem, paths in samples
        if len(paths) == len(listed)
    ]
    single = [
        path for key in listed for _, paths in samples
        for path in [paths.get(key)] if path and len(paths) < len(listed)
    ]
    if not pairs:
        folders = ' and '.join(map(str, (vis, ir, *more)))
        first, second = (next(iter(files.values()))
                         for files in list(listed.values())[:2])
        raise UsageError(
            f'Expected files of equal stems in {folders}, got none, e.g. '
            f'{first} and {second}. Rename one side, or set stem rules in a '
            'PairedImageDataset.')
    return pairs, single


def _listed(source: PathLike, key: str) -> dict[str, str]:
    """Images of a folder or a pattern, by stem."""
    if is_pattern(source):
        return files_like(os.fspath(source))
    return FileRule().list(os.fspath(source), key)


def inference_pipeline(cfg: Config | None, native: bool = False,
                       text: Any = None) -> list:
    """Transforms that bring a pair to the model, without its labels.

    Args:
        cfg (Config, optional): Their ``test_dataloader``'s pipeline is
            taken, else their ``fusion_dataloader``'s, else
            ``fusion_pipeline``, else loading and packing alone. Pairs are
            loaded by what any of these states.
        native (bool): Whether to leave out resizing, so that images are
            fused at their own size. Defaults to False.
        text (LoadTextFeatures, optional): Takes the place of the one that
            the pipeline has.

    Returns:
        list: Configs of the transforms, and ``text`` as it is.

    Raises:
        UsageError: If two data sets state different ways of loading.
    """
    cfg = cfg or {}
    pipeline = None
    loaders = [cfg.get('test_dataloader'), cfg.get('fusion_dataloader')]
    for node in loaders:
        while node and pipeline is None:
            node = node.get('dataset') or (node.get('datasets') or [None])[0]
            pipeline = node and node.get('pipeline')
    pipeline = pipeline or cfg.get('fusion_pipeline') or _DEFAULT_PIPELINE
    unwanted = _LABEL_TRANSFORMS + (_RESIZES if native else ())
    steps = [
        copy.deepcopy(step) for step in pipeline
        if type_name(step['type']) not in unwanted
    ]
    stated = stated_loading(loaders)
    for step in loading_steps(steps):
        step.update(stated)
    return steps if text is None else with_text_step(steps, text)


def model_pipeline(model: nn.Module, native: bool = False,
                   text: Any = None) -> Compose:
    """What brings pairs, and the texts given with them, to a model.

    Args:
        model (nn.Module): A wrapper, with the ``cfg`` it was made of.
        native (bool): See :func:`inference_pipeline`, as ``text``.
    """
    steps = inference_pipeline(getattr(model, 'cfg', None), native, text)
    if needs_text(model) and not any(map(is_text_step, steps)):
        steps = with_text_step(steps, dict(type='LoadTextFeatures'))
    return Compose(steps)


def pair_name(sample: dict[str, Any], index: int = 0) -> str:
    """Name of a pair's output: its stem, else that of its first image."""
    return sample_stem(sample) or f'pair_{index:05d}'


@dataclass(frozen=True)
class FailedPair:
    """A pair that could not be loaded; errors do not travel well.

    Attributes:
        reason (str): Why, in one line.
        kind (type[Exception]): ``FileNotFoundError``, else ``ValueError``.
    """
    reason: str
    kind: type[Exception] = ValueError


@dataclass
class Pair:
    """One pair on its way through a model.

    Attributes:
        index (int): Its place in the set.
        name (str): Name of its output.
        item (dict, optional): As the pipeline packed it; None where it
            could not be read.
        result (Any): What was made of it.
        error (Exception, optional): Why nothing was.
    """
    index: int
    name: str
    item: Any
    result: Any = None
    error: Exception | None = None

    @property
    def failure(self) -> tuple[str, str] | None:
        """Name and reason, if there was an error."""
        return (self.name, one_line(self.error)) if self.error else None


class PairReader(Dataset):
    """Reads pairs; a broken one becomes a :class:`FailedPair`.

    Args:
        source (Dataset | list[dict]): An mmengine dataset with its own
            pipeline, or raw samples.
        pipeline (list | Compose, optional): Transforms of raw samples.
    """

    def __init__(self, source: Any,
                 pipeline: list | Compose | None = None) -> None:
        self.source = source
        self.pipeline = (Compose(pipeline)
                         if isinstance(pipeline, list) else pipeline)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict | FailedPair:
        try:
            sample = self.source[index]
            if self.pipeline is not None:
                sample = self.pipeline(dict(sample))
            return sample
        except Exception as error:  # the others must go on, whatever it is
            return FailedPair(
                one_line(error), FileNotFoundError if isinstance(
                    error, FileNotFoundError) else ValueError)

    def raw(self, index: int) -> dict:
        """What pair ``index`` is before any transform."""
        if self.pipeline is not None:
            return dict(self.source[index])
        return self.source.get_data_info(index)

    def outputs(
        self, folder: PathLike,
        endings: Sequence[str] = ('.png', )) -> list[Made]:
        """The files that pairs are written to, for :func:`check_outputs`.

        Pairs whose names lead out of the folder are left out: they fail.
        """
        made: list[Made] = []
        for index in range(len(self)):
            sample = self.raw(index)
            name, files = pair_name(sample, index), sample_files(sample)
            with contextlib.suppress(UsageError):
                made += [(output_path(folder, name, ending), files)
                         for ending in endings]
        return made

    def run(self, function: Callable[[list[Pair]], Sequence],
            batch_size: int = 1, num_workers: int = 0) -> Iterator[Pair]:
        """Read all pairs and make something of them, in order.

        Pairs of one size that follow each other run together; where that
        fails, each runs alone, so that one bad pair spoils no other.

        Args:
            function (callable): From pairs to a result each; it runs
                without gradients, and may raise anything.
            batch_size (int): Most pairs that run together.
            num_workers (int): Processes that read.

        Yields:
            Pair: With ``result`` or ``error``.

        Raises:
            DiskError: If the function could not write a file.
        """
        loader = DataLoader(self, batch_size=batch_size,
                            num_workers=num_workers, collate_fn=list)
        index = 0
        for items in loader:
            for _, group in groupby(items, _kind):
                batch = []
                for item in group:
                    pair = Pair(index, pair_name(self.raw(index), index), item)
                    if isinstance(item, FailedPair):
                        pair.item, pair.error = None, item.kind(item.reason)
                    batch.append(pair)
                    index += 1
                yield from _attempt(function, batch)


def _kind(item: dict | FailedPair) -> Any:
    """Equal for pairs that fit into one batch; failures come alone."""
    if isinstance(item, FailedPair):
        return object()
    return tuple(item['inputs'].shape)


def _attempt(function: Callable[[list[Pair]], Sequence],
             batch: list[Pair]) -> Iterator[Pair]:
    if batch[0].error is None:
        try:
            with torch.no_grad():
                results = function(batch)
        except DiskError:  # the others could not be written either
            raise
        except Exception as error:  # the others must go on, whatever it is
            if len(batch) > 1:
                for pair in batch:
                    yield from _attempt(function, [pair])
                return
            batch[0].error = error
        else:
            for pair, result in zip(batch, results, strict=True):
                pair.result = result
    yield from batch
