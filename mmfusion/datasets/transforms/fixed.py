"""Random transforms that draw once for each sample."""
from collections.abc import Sequence

from mmcv.transforms import Compose

from mmfusion.datasets.samplers import draw_seed
from mmfusion.registry import TRANSFORMS
from mmfusion.utils.errors import check_least

from .shown import ShownTransform


@TRANSFORMS.register_module()
class FixedAugment(ShownTransform):
    """Apply random transforms alike in every epoch.

    What they draw depends on the seed and on ``sample_idx`` alone: a sample
    keeps its crop, flip and brightness. For losses that remember outputs,
    such as :class:`DynamicRefreshLoss`.

    Required key: ``sample_idx``; others as the transforms need them.

    Args:
        transforms (sequence[dict]): Configs of the transforms.
        seed (int): Another number gives other draws, not negative.
    """

    def __init__(self, transforms: Sequence[dict], seed: int = 0) -> None:
        check_least(0, seed=seed)
        self.transforms = Compose(list(transforms))
        self.seed = seed

    def transform(self, results: dict) -> dict | None:
        """Transform one sample; None where a transform gives it up."""
        with draw_seed(self.seed, int(results['sample_idx'])):
            return self.transforms(results)
