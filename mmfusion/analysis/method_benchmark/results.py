"""What was measured, as the report and its page hold it."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mmfusion
from mmfusion.fileio import PairReading, read_image, to_bytes
from mmfusion.fileio.paths import output_path
from mmfusion.tasks import TASKS, caption

from .measuring import Table
from .methods import Method
from .page import describe_tables
from .pair_sets import PairSet
from .ranks import rank_methods
from .segmentation import Segmentor, class_iou
from .strips import pair_strip


@dataclass(frozen=True)
class Result:
    """What was measured on one set.

    Attributes:
        pairs (PairSet): The set.
        images (dict[str, Path]): Method -> folder of its images, of the
            methods that are compared on the set.
        complete (list[dict]): Pairs that all these methods have values for.
        values (dict): Method -> stem -> key of a column -> value.
        areas (dict): Method -> stem -> areas of the segmentor.
        problems (list[str]): One line for each thing that failed.
    """
    pairs: PairSet
    images: dict[str, Path]
    complete: list[dict[str, str]]
    values: dict[str, dict[str, dict[str, float]]]
    areas: dict[str, dict[str, dict[str, float]]]
    problems: list[str]


def make_report(methods: Sequence[Method], tables: Sequence[Table],
                results: Sequence[Result], costs: Mapping[str, Mapping[str,
                                                                       float]],
                setting: Mapping[str, Any],
                segmentor: Segmentor | None) -> dict[str, Any]:
    """All numbers, as JSON takes them.

    Args:
        methods (sequence[Method]): In the order of the table.
        tables (sequence[Table]): The presets.
        results (sequence[Result]): Of each set.
        costs (mapping): See :func:`.costs.measure_costs`.
        setting (mapping): See :func:`.costs.setting`.
        segmentor (Segmentor, optional): Whose areas the results have.

    Returns:
        dict: ``methods``, ``sets``, ``tasks`` (name -> what a reader calls
        it), ``presets``, ``values`` (set -> method -> key of a column -> a
        value of each pair), ``ranks`` (set -> key of a column -> see
        :func:`.ranks.rank_methods`), ``segmentation`` (set -> method ->
        ``mean`` and ``classes``, %) and ``setting``.
    """
    columns = {
        column.key: column for table in tables for column in table.columns
    }
    values = {
        result.pairs.name: {
            method: {
                key: _column(result, method, key) for key in sorted(columns)
            } for method in result.images
        } for result in results
    }
    return dict(
        methods=[
            dict(name=method.name, source=method.source,
                 costs=costs[method.name]) for method in methods
        ], sets=[
            dict(name=result.pairs.name, task=result.pairs.task,
                 pairs=len(result.complete),
                 stems=[pair['stem']
                        for pair in result.complete], problems=result.problems)
            for result in results
        ], tasks={
            result.pairs.task:
            ' + '.join(map(caption, TASKS[result.pairs.task].modalities))
            for result in results
        }, presets=describe_tables(tables), values=values, ranks={
            name: {
                key:
                rank_methods(
                    {
                        method: found[key]
                        for method, found in methods.items()
                    }, columns[key].spec.higher_is_better)
                for key in sorted(columns)
            } for name, methods in values.items()
        }, segmentation={
            result.pairs.name: scores for result in results
            if (scores := _scores(result, segmentor))
        }, setting=dict(setting, mmfusion=mmfusion.__version__,
                        torch=torch.__version__, segmentor=segmentor
                        and segmentor.config,
                        classes=segmentor.classes if segmentor else []))


def _column(result: Result, method: str, key: str) -> list[float]:
    """Values of a metric, six digits each."""
    values = result.values[method]
    return [
        float(f'{values[pair["stem"]][key]:.6g}') for pair in result.complete
    ]


def _scores(result: Result, segmentor: Segmentor | None) -> dict[str, Any]:
    """mIoU over the pairs that were segmented for all methods."""
    common = [
        pair['stem'] for pair in result.complete
        if all(pair['stem'] in result.areas.get(method, {})
               for method in result.images)
    ]
    if not segmentor or not common:
        return {}
    scores = {}
    for method in result.images:
        iou = class_iou([result.areas[method][stem] for stem in common],
                        segmentor.count)
        known = [value for value in iou if value is not None]
        scores[method] = dict(mean=float(np.mean(known)), classes=iou)
    return scores


def make_strip(pair: Mapping[str, str], images: Mapping[str, Path],
               reading: PairReading, task: str = 'ivf') -> str:
    """HTML of one pair's images.

    Args:
        pair (mapping): ``stem`` and the paths of the modalities.
        images (mapping): Method -> folder of its images.
        reading (PairReading): How the pair is read.
        task (str): What the pair is.
    """
    modalities = TASKS[task].modalities
    sources = reading.read({name: pair[f'{name}_path'] for name in modalities},
                           modalities)
    fused = {
        method: read_image(str(output_path(folder, pair['stem'])))
        for method, folder in images.items()
    }
    return pair_strip(pair['stem'], {
        name: _shown(to_bytes(image)) for name, image in sources.items()
    }, {
        method: image[..., ::-1] for method, image in fused.items()
    })


def _shown(image: np.ndarray) -> np.ndarray:
    """RGB of BGR, or grey (H, W)."""
    one = image.ndim == 2 or image.shape[2] == 1
    return image.reshape(image.shape[:2]) if one else image[..., ::-1]
