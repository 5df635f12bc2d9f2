"""Fusion metrics inside mmengine's test and validation loops."""
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmfusion.functional import SourceContext, compute
from mmfusion.functional.presets import CHANNELS
from mmfusion.registry import EVALUATOR, METRICS
from mmfusion.utils.errors import UsageError, check_choice, spelled

from ..records import Record, write_csv
from ..scenes import check_finite
from ..selection import parse_selection
from ..sources import PairSources
from ..tables import STATISTICS

BACKENDS = ('numpy', 'torch')


# mmengine takes a config with the key ``metrics`` for that of a whole
# evaluator; this class can be one.
@EVALUATOR.register_module()
@METRICS.register_module()
class FusionMetric(BaseMetric):
    """Measures fused images against their sources.

    Each fused image is measured at the original size of its sources, whose
    files are read once more for that, without the pipeline's geometry. By
    default it is rounded to 8 bits first, as ``tools/test_fusion.py`` saves
    it. Works next to other metrics: ``val_evaluator = [dict(
    type='IoUMetric'), dict(type='FusionMetric')]``.

    Args:
        metrics (str | sequence[str], optional): Names such as ``'VIF'`` or
            ``'SSIM:film'``. None: the columns of the preset.
        preset (str): Family of published tables. Defaults to ``'default'``.
        channels (str, optional): ``'gray'`` or ``'rgb'``. None: what the
            preset says.
        quantize (bool): Whether to round to 8 bits. Defaults to True.
        data_range (float | tuple[float, float] | str, optional): What of
            deep (16-bit) one-channel sources is black and white, as
            ``uint16_range`` of :class:`LoadFusionPair`; a number stands for
            (0, number). None: as the pipeline loads them.
        on_size_mismatch (str, optional): See :class:`LoadFusionPair`. None:
            as the pipeline loads them.
        backend (str): ``'numpy'``: image by image on the CPU; ``'torch'``:
            batches, where the model runs. Both in float64.
        statistics (sequence[str]): ``'mean'``, ``'median'``, ``'std'``; the
            latter two as ``<prefix>/<name>_median``, ``_std``.
        csv_file (str, optional): Where to write the values of all images;
            each evaluation replaces the file.
        backend_args (dict, optional): File backend of the sources. None:
            that of the pipeline.
        kwargs: See :class:`BaseMetric`; ``prefix`` is ``'fusion'``.

    Raises:
        ValueError: For names that are not known.
    """
    default_prefix = 'fusion'

    def __init__(self, metrics: None | str | Sequence[str] = None,
                 preset: str = 'default', channels: str | None = None,
                 quantize: bool = True,
                 data_range: None | float | tuple[float, float] | str = None,
                 on_size_mismatch: str | None = None, backend: str = 'numpy',
                 statistics: Sequence[str] = ('mean', ),
                 csv_file: str | None = None, backend_args: dict | None = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        words = [metrics] if isinstance(metrics, str) else metrics or []
        self.selection = parse_selection([preset, *words])
        channels = spelled(CHANNELS, channels)
        check_choice((None, *CHANNELS), channels=channels)
        check_choice(BACKENDS, backend=backend)
        for name in statistics:
            check_choice(STATISTICS, statistics=name)
        self.channels = channels
        self.quantize = quantize
        self.backend = backend
        self.statistics = tuple(statistics)
        self.csv_file = csv_file
        if isinstance(data_range, (int, float)):
            data_range = (0, data_range)
        self.load = PairSources(on_size_mismatch=on_size_mismatch,
                                uint16_range=data_range,
                                backend_args=backend_args)

    def process(self, data_batch: Any,
                data_samples: Sequence[dict | BaseDataElement]) -> None:
        """Measure one batch.

        Args:
            data_batch (Any): Not used.
            data_samples (sequence[dict | FusionDataSample]): With
                ``fused_img`` and the meta information of a pair.

        Raises:
            UsageError: If a sample has no fused image, or images do not
                fit, e.g. are too small for a metric; names the sample.
        """
        data_samples = [
            sample.to_dict() if isinstance(sample, BaseDataElement) else sample
            for sample in data_samples
        ]
        names = [_name(sample) for sample in data_samples]
        try:
            values = self._measure(data_samples)
        except ValueError as error:
            raise UsageError(f'{", ".join(names)}: {error}') from error
        self.results += [
            Record('', name, row)
            for name, row in zip(names, values, strict=True)
        ]

    def compute_metrics(self, results: list[Record]) -> dict[str, float]:
        """Statistics over all images; writes the CSV file.

        Args:
            results (list[Record]): Of all processes, one an image.

        Returns:
            dict[str, float]: ``name`` (mean), ``name_median``,
            ``name_std``.
        """
        if not results:
            return {}
        headings = list(results[0].values)
        if self.csv_file is not None:
            write_csv(self.csv_file, results, headings)
        return {
            head + ('' if name == 'mean' else f'_{name}'):
            float(STATISTICS[name]([row.values[head] for row in results]))
            for head in headings for name in self.statistics
        }

    def _measure(self, samples: Sequence[dict]) -> list[dict[str, float]]:
        fused = [self._fused(sample) for sample in samples]
        sources = [self.load(sample) for sample in samples]
        if self.backend == 'numpy':
            return [
                self._compute(image.permute(1, 2, 0).cpu().numpy(), own)
                for image, own in zip(fused, sources, strict=True)
            ]
        groups = defaultdict(list)
        for index, (image, own) in enumerate(zip(fused, sources, strict=True)):
            groups[tuple(array.shape for array in (image, *own))].append(index)
        rows: dict[int, dict[str, float]] = {}
        for indices in groups.values():
            batch = torch.stack([fused[index] for index in indices])
            columns = self._compute(batch, [
                _batch([sources[index][k] for index in indices], batch)
                for k in range(len(sources[indices[0]]))
            ])
            for place, index in enumerate(indices):
                rows[index] = {
                    head: float(column[place])
                    for head, column in columns.items()
                }
        return [rows[index] for index in range(len(samples))]

    def _fused(self, sample: dict) -> Tensor:
        """(3, H, W): uint8, or float64 in 0..1 where nothing is rounded."""
        if 'fused_img' not in sample:
            raise ValueError(
                'Expected predictions with "fused_img", got '
                f'{sorted(sample)}. FusionMetric measures what ImageFuser '
                'and FuserSegmenter predict.')
        image = sample['fused_img']['data'].detach().clamp(0, 1)
        if not self.quantize:
            return image.double()
        return (image.float() * 255).round().to(torch.uint8)

    def _compute(self, fused: Any, sources: list[Any]) -> dict[str, Any]:
        values = compute(fused, SourceContext(sources, data_range=1),
                         **self.selection, data_range=1,
                         channels=self.channels, quantize=self.quantize)
        check_finite({
            head:
            value.cpu().numpy() if isinstance(value, Tensor) else value
            for head, value in values.items()
        })
        return values


def _batch(images: list[np.ndarray], like: Tensor) -> Tensor:
    """(B, C, H, W) of grey or RGB arrays, on the device of ``like``."""
    batch = torch.from_numpy(np.stack(images)).to(like.device)
    return batch[:, None] if batch.ndim == 3 else batch.permute(0, 3, 1, 2)


def _name(sample: dict) -> str:
    """A sample's stem, else the name of its first file."""
    path = sample.get('vis_path') or sample.get('img_path')
    return str(sample.get('stem') or path or 'image')
