"""Any metric, for the whole set and for each condition."""
from collections.abc import Sequence

from mmengine.evaluator import BaseMetric

from mmfusion.registry import METRICS


@METRICS.register_module()
class ConditionMetric(BaseMetric):
    """A metric of all samples, and of those by day, by night, ...

    The names of the latter have the condition in front, for instance
    ``coco/night/bbox_mAP``. Samples without a condition count in the whole
    only. A set of one condition gives no further values.

    Args:
        metric (dict): Config of a metric that keeps one result a sample:
            ``mmdet.CocoMetric``, ``MissRateMetric``, ``IoUMetric``.
        key (str): Of the sample's meta information. Defaults to
            ``'condition'``.
        prefix (str, optional): Defaults to that of the metric.
        kwargs: See :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: If the metric keeps no result for each sample.
    """

    def __init__(self, metric: dict, key: str = 'condition',
                 prefix: str | None = None, **kwargs) -> None:
        self.metric = METRICS.build(dict(metric))
        super().__init__(prefix=prefix or self.metric.prefix, **kwargs)
        self.key = key

    @property
    def dataset_meta(self) -> dict | None:
        """Meta information of the dataset, shared with the metric."""
        return self.metric.dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        self.metric.dataset_meta = meta

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Let the metric process a batch, and note the conditions."""
        self.metric.process(data_batch, data_samples)
        found = list(self.metric.results)
        self.metric.results.clear()
        if len(found) != len(data_samples):
            raise ValueError(
                'ConditionMetric: expected a metric with one result a '
                f'sample, got {len(found)} of {type(self.metric).__name__} '
                f'for {len(data_samples)} samples.')
        conditions = (sample.get(self.key) for sample in data_samples)
        self.results += zip(found, conditions, strict=True)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Values of the whole set, then of each condition."""
        metrics = dict(self.metric.compute_metrics([r for r, _ in results]))
        conditions = sorted({c for _, c in results if c is not None})
        if len(conditions) < 2 or not metrics:  # or only files were wanted
            return metrics
        # CocoMetric counts what is missed in all of its images, and writes
        # its file whenever it computes.
        whole = {
            key: getattr(self.metric, key)
            for key in ('img_ids', 'outfile_prefix')
            if hasattr(self.metric, key)
        }
        for condition in conditions:
            part = [r for r, found in results if found == condition]
            if whole:
                self.metric.img_ids = [gt['img_id'] for gt, _ in part]
                self.metric.outfile_prefix = None
            metrics.update({
                f'{condition}/{name}': value
                for name, value in self.metric.compute_metrics(part).items()
            })
        for key, value in whole.items():
            setattr(self.metric, key, value)
        return metrics
