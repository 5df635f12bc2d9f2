"""Source images of a sample, as the pipeline loads them."""
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.fileio import PairReading
from mmfusion.tasks import metric_order


class PairSources:
    """Loads the sources that belong to a sample's fused image.

    They are read by what the sample was loaded with, at their original
    size, without the pipeline's geometry.

    Args:
        loader (LoadFusionPair, optional): For samples that do not say what
            they were loaded with.
        settings: Of :class:`LoadFusionPair`, in place of those that the
            sample was loaded with; None leaves them.

    Raises:
        ValueError: As the loader.
        FileNotFoundError: As the loader.
    """

    def __init__(self, loader: LoadFusionPair | None = None,
                 **settings: Any) -> None:
        self.loader = loader
        self.settings = {
            key: value for key, value in settings.items() if value is not None
        }
        PairReading(**self.settings)  # refuses what is not known

    def __call__(self, metainfo: Mapping[str, Any]) -> list[np.ndarray]:
        """Load one pair.

        Args:
            metainfo (mapping): With ``modalities``, ``<name>_path`` and
                ``loader``.

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
        loader = metainfo.get('loader') or self.loader or LoadFusionPair()
        stack = loader.changed(**self.settings).transform(
            dict(paths, modalities=layout))['img']
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
