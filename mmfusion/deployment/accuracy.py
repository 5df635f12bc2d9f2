"""How far a model's fused images are from another's, in numbers."""
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from mmfusion.apis.fused_image import to_uint8
from mmfusion.apis.inferencer import fuse_samples, task_of_model
from mmfusion.apis.pairs import model_pipeline
from mmfusion.evaluation import compute
from mmfusion.evaluation.sources import PairSources
from mmfusion.structures import FusionDataSample
from mmfusion.tasks import channel_spans


def compare_models(reference: nn.Module, others: dict[str, nn.Module],
                   pairs: Sequence[dict],
                   preset: str = 'default') -> dict[str, dict[str, Any]]:
    """Fuse pairs by several models; distance to the first one's images.

    Args:
        reference (nn.Module): A wrapper, e.g. of ``init_model``.
        others (dict[str, nn.Module]): Wrappers by name.
        pairs (sequence[dict]): ``vis_path`` and ``ir_path`` of each, or
            what :func:`mmfusion.apis.pairs.match_folders` gives for the
            modalities of another task; with ``text`` where the fuser reads
            one.
        preset (str): Metrics to compute, see
            :func:`mmfusion.evaluation.compute`.

    Returns:
        dict[str, dict]: By name: ``psnr_db`` of the 8-bit images (mean over
        the pairs, infinite if all are equal), ``max_difference`` of the
        float images, ``metrics``, each the mean of the reference, of this
        model and the relative change.
    """
    found: dict[str, dict] = {
        name: dict(error=[], difference=0., scores=[]) for name in others
    }
    base: list[dict] = []
    load = PairSources()
    spans = channel_spans(task_of_model(reference).modalities)
    pipelines = {
        id(model): model_pipeline(model)
        for model in (reference, *others.values())
    }

    def fuse(model: nn.Module, pair: dict) -> FusionDataSample:
        sample = pipelines[id(model)]({'modalities': spans, **pair})
        return fuse_samples(model, [sample])[0]

    for pair in pairs:
        sample = fuse(reference, pair)
        images = load(sample.metainfo)
        expected = sample.fused_img.data.cpu()
        first = to_uint8(expected)
        base.append(compute(first, images, preset=preset, data_range=1))
        for name, model in others.items():
            image = fuse(model, pair).fused_img.data.cpu()
            last = to_uint8(image)
            note = found[name]
            note['error'].append(
                float(np.square(first.astype(float) - last).mean()))
            note['difference'] = max(note['difference'],
                                     (expected - image).abs().max().item())
            note['scores'].append(
                compute(last, images, preset=preset, data_range=1))
    return {name: _summary(base, note) for name, note in found.items()}


def _summary(base: list[dict], note: dict) -> dict[str, Any]:
    error = float(np.mean(note['error']))
    metrics = {}
    for name in base[0]:
        old = float(np.mean([scores[name] for scores in base]))
        new = float(np.mean([scores[name] for scores in note['scores']]))
        metrics[name] = dict(
            reference=old, value=new,
            change=(new - old) / abs(old) if old else new - old)
    return dict(psnr_db=10 * math.log10(255**2 / error) if error else math.inf,
                max_difference=note['difference'], metrics=metrics)


def accuracy_table(results: dict[str, dict[str, Any]]) -> str:
    """Results of :func:`compare_models` as a Markdown table."""
    names = list(next(iter(results.values()))['metrics'])
    lines = [
        '| model | dB | max difference | ' + ' | '.join(names) + ' |',
        '|---' * (3 + len(names)) + '|'
    ]
    for model, result in results.items():
        cells = ' | '.join(f'{result["metrics"][name]["change"]:+.2%}'
                           for name in names)
        lines.append(f'| {model} | {result["psnr_db"]:.1f} | '
                     f'{result["max_difference"]:.1e} | {cells} |')
    return '\n'.join(lines)
