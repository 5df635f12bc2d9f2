"""mmdet's mixes of several samples, with repeatable draws."""
from mmdet.datasets import MultiImageMixDataset as MMDetMixDataset

from mmfusion.registry import DATASETS

from ..samplers import SeededDraws


@DATASETS.register_module()
class MultiImageMixDataset(SeededDraws, MMDetMixDataset):
    """mmdet's ``MultiImageMixDataset``, with repeatable draws.

    With a deterministic sampler the draws of ``Mosaic``, ``MixUp`` and
    ``CopyPaste``, the samples that they take and those samples' own
    transforms depend on the seed and the number of the draw alone.

    Args:
        args, kwargs: See mmdet.
    """
