"""Source images of a sample, as the pipeline loads them."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.tasks import metric_order


class PairSources:
    """Loads the sources that belong to a sample's fused image.

    They come at their original size, without the pipeline's geometry.

    Args:
        loader (LoadFusionPair): What the pipeline loads with.

    Raises:
        ValueError: As the loader.
        FileNotFoundError: As the loader.
    """

    def __init__(self, loader: LoadFusionPair) -> None:
        self.loader = loader

    def __call__(self, metainfo: Mapping[str, Any]) -> list[np.ndarray]:
        """Load one pair.

        Args:
            metainfo (mapping): With ``modalities`` and ``<name>_path``.

        Returns:
            list[np.ndarray]: As :func:`~mmfusion.tasks.metric_order` orders
                them: (H, W) or (H, W, 3) RGB; uint8, or float64 in 0..1 for
                files of more than 8 bits.
        """
        layout = metainfo.get('modalities')
        if not layout:
            raise ValueError(
                'Expected samples with "modalities" and the paths of their '
                f'files, got {sorted(metainfo)}. Load pairs with '
                'LoadFusionPair and pack them with PackFusionInputs.')
        paths = {
            f'{name}_path': metainfo.get(f'{name}_path') for name in layout
        }
        stack = self.loader.transform(dict(paths, modalities=layout))['img']
        if stack.dtype != np.uint8:
            stack = stack.astype(np.float64) / 255
        return [_image(stack, *layout[name]) for name in metric_order(layout)]


def _image(stack: np.ndarray, first: int, end: int) -> np.ndarray:
    """One modality of a BGR stack."""
    if stack.ndim == 2:
        return stack
    if end - first == 1:
        return np.ascontiguousarray(stack[..., first])
    return np.ascontiguousarray(stack[..., first:end][..., ::-1])
