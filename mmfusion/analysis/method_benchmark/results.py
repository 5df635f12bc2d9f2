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
from mmfusion.tasks import TASKS

from .measuring import Table
from .methods import Method
from .page import describe_tables
from .pair_sets import PairSet
from .segmentation import Segmentor, class_iou
from .strips import pair_strip


@dataclass(frozen=True)
class Result:
    """What was measured on one set.

    Attributes:
        pairs (PairSet): The set.
        complete (list[dict]): Pairs that all methods have values for.
        values (dict): Method -> stem -> key of a column -> value.
        areas (dict): Method -> stem -> areas of the segmentor.
        problems (list[str]): One line for each thing that failed.
    """
    pairs: PairSet
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
        dict: ``methods``, ``sets``, ``presets``, ``values`` (set -> method
        -> key of a column -> a value of each pair), ``segmentation`` (set ->
        method -> ``mean`` and ``classes``, %) and ``setting``.
    """
    keys = sorted({column.key for table in tables for column in table.columns})
    return dict(
        methods=[
            dict(name=method.name, source=method.source,
                 costs=costs[method.name]) for method in methods
        ], sets=[
            dict(name=result.pairs.name, pairs=len(result.complete),
                 stems=[pair['stem']
                        for pair in result.complete], problems=result.problems)
            for result in results
        ], presets=describe_tables(tables), values={
            result.pairs.name: {
                method.name: {
                    key: _column(result, method.name, key) for key in keys
                } for method in methods
            } for result in results
        }, segmentation={
            result.pairs.name: scores for result in results
            if (scores := _scores(result, methods, segmentor))
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


def _scores(result: Result, methods: Sequence[Method],
            segmentor: Segmentor | None) -> dict[str, Any]:
    """mIoU over the pairs that were segmented for all methods."""
    common = [
        pair['stem'] for pair in result.complete
        if all(pair['stem'] in result.areas.get(method.name, {})
               for method in methods)
    ]
    if not segmentor or not common:
        return {}
    scores = {}
    for method in methods:
        iou = class_iou([result.areas[method.name][stem] for stem in common],
                        segmentor.count)
        known = [value for value in iou if value is not None]
        scores[method.name] = dict(mean=float(np.mean(known)), classes=iou)
    return scores


def make_strip(pair: Mapping[str, str], images: Mapping[str, Path],
               reading: PairReading) -> str:
    """HTML of one pair's images.

    Args:
        pair (mapping): ``stem``, ``vis_path``, ``ir_path``.
        images (mapping): Method -> folder of its images.
        reading (PairReading): How the pair is read.
    """
    sources = reading.read(
        {name: pair[f'{name}_path'] for name in ('vis', 'ir')},
        TASKS['ivf'].modalities)
    vis, ir = map(to_bytes, sources.values())
    fused = {
        method: read_image(str(output_path(folder, pair['stem'])))
        for method, folder in images.items()
    }
    return pair_strip(pair['stem'], vis[..., ::-1], ir.reshape(ir.shape[:2]), {
        name: image[..., ::-1] for name, image in fused.items()
    })
