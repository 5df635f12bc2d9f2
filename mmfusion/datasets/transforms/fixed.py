"""Random transforms that draw once for each sample."""
from collections.abc import Sequence

from mmcv.transforms import BaseTransform, Compose

from mmfusion.datasets.samplers import draw_seed
from mmfusion.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FixedAugment(BaseTransform):
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
        if seed < 0:
            raise ValueError(f'Expected a seed >= 0, got {seed}.')
        self.transforms = Compose(list(transforms))
        self.seed = seed

    def transform(self, results: dict) -> dict | None:
        """Transform one sample; None where a transform gives it up."""
        with draw_seed(self.seed, int(results['sample_idx'])):
            return self.transforms(results)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(transforms={self.transforms}, '
                f'seed={self.seed})')
