"""Log-average miss rate as an mmengine metric."""
from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmfusion.functional.miss_rate import (log_average_miss_rate,
                                           match_detections)
from mmfusion.registry import METRICS
from mmfusion.structures import box_tensor


@METRICS.register_module()
class MissRateMetric(BaseMetric):
    """``MR-2`` of pedestrian sets, in per cent; lower is better.

    See :func:`~mmfusion.functional.miss_rate.
    log_average_miss_rate`. Samples need their ground truth at the original
    size: put ``mmdet.LoadAnnotations`` behind the resizing of the test
    pipeline.

    Gives ``MR-2``, the mean over classes, and with several classes
    ``MR-2_<class>`` of each; a class without objects gives NaN and is left
    out of the mean.

    Args:
        iou (float): Least overlap of a hit. Defaults to 0.5.
        min_height (float): Lower objects are ignored, in pixels; KAIST's
            'reasonable' subset has 55. Defaults to 0.
        expand (float): See :func:`match_detections`. Defaults to 1.25.
        bounds (sequence[float], optional): (x1, y1, x2, y2) in pixels of
            the original image; objects that reach outside are ignored.
            KAIST's own evaluation has (5, 5, 635, 507).
        kwargs: See :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: If a sample has no ground truth, or ``bounds`` are not
            four numbers with x1 < x2 and y1 < y2.
    """
    default_prefix = 'detection'

    def __init__(self, iou: float = 0.5, min_height: float = 0.,
                 expand: float = 1.25, bounds: Sequence[float] | None = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if bounds is not None and not (len(bounds) == 4 and bounds[0]
                                       < bounds[2] and bounds[1] < bounds[3]):
            raise ValueError('MissRateMetric: expected bounds (x1, y1, x2, '
                             f'y2) with x1 < x2 and y1 < y2, got {bounds}.')
        self.iou = iou
        self.min_height = min_height
        self.expand = expand
        self.bounds = bounds

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Judge the detections of a batch."""
        for sample in data_samples:
            if 'gt_instances' not in sample:
                raise ValueError(
                    'MissRateMetric: expected gt_instances in every sample, '
                    "got one without. Add dict(type='mmdet.LoadAnnotations', "
                    'with_bbox=True) behind the resizing of the test '
                    'pipeline.')
            found, known, ignored = (_of_classes(sample.get(key) or {})
                                     for key in ('pred_instances',
                                                 'gt_instances',
                                                 'ignored_instances'))
            scores = torch.as_tensor(sample['pred_instances']['scores']).cpu()
            self.results.append([
                match_detections(found[0][found[1] == label],
                                 scores[found[1] == label],
                                 known[0][known[1] == label],
                                 ignored[0][ignored[1] == label], iou=self.iou,
                                 min_height=self.min_height,
                                 expand=self.expand, bounds=self.bounds)
                for label in range(len(self.dataset_meta['classes']))
            ])

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Miss rates of the whole set."""
        classes = self.dataset_meta['classes']
        values: list[float] = []
        for images in zip(*results, strict=True):
            empty = not any(image.objects for image in images)
            values.append(
                float('nan') if empty else 100 * log_average_miss_rate(images))
        metrics = {
            'MR-2': float(torch.tensor(values, dtype=torch.float64).nanmean())
        }
        if len(classes) > 1:
            metrics.update({
                f'MR-2_{name}': value
                for name, value in zip(classes, values, strict=True)
            })
        return metrics


def _of_classes(instances: dict) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4) and labels (N,)."""
    boxes = box_tensor(instances.get('bboxes', ())).cpu()
    labels = torch.as_tensor(instances.get('labels', ()),
                             dtype=torch.long).cpu()
    return boxes, labels
