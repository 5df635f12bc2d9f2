"""From two files to everything that the page shows."""
import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from mmfusion.apis.inferencer import FusionInferencer, task_of_model
from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.evaluation.sources import PairSources
from mmfusion.fileio import PairReading
from mmfusion.functional import compute, select_metrics
from mmfusion.tasks import channel_spans, metric_order
from mmfusion.utils.errors import printable
from mmfusion.visualization.panel import (draw_legend, overlay_labels,
                                          to_rgb_uint8)

from .uploads import naming

#: models that stay in memory
_KEPT = 3


@dataclass(frozen=True)
class PageModel:
    """A model that the page offers.

    Attributes:
        config (str): A name or a config file.
        weights (str, optional): A file; None takes what the name comes with.
    """
    config: str
    weights: str | None = None

    @property
    def title(self) -> str:
        """As the page calls it."""
        return f'{self.config} ({self.weights})' if self.weights \
            else self.config

    def load(self) -> FusionInferencer:
        """The model, ready to fuse images of any size."""
        return FusionInferencer(self.config, self.weights, native=True)


@dataclass(frozen=True)
class FusedPair:
    """What became of a pair.

    Attributes:
        sources (tuple[np.ndarray, np.ndarray]): Both images as they were
            given, RGB (H, W, 3) ``uint8``.
        fused (np.ndarray): RGB (H, W, 3) ``uint8``.
        overlay (np.ndarray, optional): Classes on the fused image, and
            their legend, of a model that segments.
        scores (list[tuple[str, float]]): Metric with its arrow, and value.
        lines (str): The Python lines that do the same.
        notes (list[str]): What its loading warned of.
    """
    sources: tuple[np.ndarray, np.ndarray]
    fused: np.ndarray
    overlay: np.ndarray | None
    scores: list[tuple[str, float]]
    lines: str
    notes: list[str]


@dataclass
class PageFuser:
    """Fuses pairs with one of several models, one at a time.

    Args:
        models (dict[str, PageModel]): By their titles.
    """
    models: dict[str, PageModel]
    _loaded: dict[str, FusionInferencer] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, title: str, vis: str, ir: str,
                 **loading: str) -> FusedPair:
        """Fuse two files.

        Args:
            title (str): Of the model.
            vis (str): Visible image, or that of the first modality.
            ir (str): Infrared image, or that of the second.
            loading: ``on_size_mismatch``, ``uint16_range`` and
                ``register`` of :class:`LoadFusionPair`.

        Raises:
            UsageError: If they do not fit together, cannot be read, or need
                more memory than there is.
        """
        with self._lock, naming(
                vis, ir), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter('always', UserWarning)
            loaded = self._model(title)
            # loading is stated in the config
            loaded.model.cfg = copy.deepcopy(loaded.cfg)
            fuse = FusionInferencer(loaded.model, native=True, loading=loading)
            result = fuse(vis, ir)
            layout = channel_spans(task_of_model(fuse.model).modalities)
            sources = _sources(fuse, layout, (vis, ir))
            by_name = dict(zip(metric_order(layout), sources, strict=True))
            first, second = (to_rgb_uint8(by_name[name]) for name in layout)
            return FusedPair(
                sources=(first, second), fused=result['fused'],
                overlay=_overlay(fuse, result),
                scores=_scores(result['fused'], sources),
                lines=self._lines(title, loading), notes=[
                    printable(str(warning.message)) for warning in warned
                    if 'mmfusion' in warning.filename
                ])

    def _model(self, title: str) -> FusionInferencer:
        found = self._loaded.pop(title, None)
        if found is None:
            found = self.models[title].load()
        self._loaded[title] = found  # the last used is the last to go
        for old in list(self._loaded)[:-_KEPT]:
            del self._loaded[old]
        return found

    def _lines(self, title: str, loading: dict[str, str]) -> str:
        model = self.models[title]
        arguments = [repr(model.config)]
        arguments += [repr(model.weights)] if model.weights else []
        stated = PairReading(**loading).stated()
        arguments += [f'loading={stated}'] if stated else []
        return ('from mmfusion.apis import FusionInferencer\n'
                'from mmfusion.utils.files import write_image\n\n'
                f'fuse = FusionInferencer({", ".join(arguments)}, native=True)'
                "\nresult = fuse('visible.png', 'infrared.png')\n"
                "write_image('fused.png', result['fused'])\n")


def _sources(fuse: FusionInferencer, layout: dict,
             files: tuple[str, str]) -> list[np.ndarray]:
    """Both images as the model's pipeline reads them, for metrics."""
    loader: Callable = next(step for step in fuse.pipeline.transforms
                            if isinstance(step, LoadFusionPair))
    paths = {
        f'{name}_path': path for name, path in zip(layout, files, strict=True)
    }
    return PairSources(loader)(dict(paths, modalities=layout))


def _overlay(fuse: FusionInferencer, result: dict) -> np.ndarray | None:
    """Classes on the fused image, above their legend."""
    meta = getattr(fuse.model, 'dataset_meta', None) or {}
    if 'pred_sem_seg' not in result or not meta.get('palette'):
        return None
    image = overlay_labels(result['fused'], result['pred_sem_seg'],
                           meta['palette'], classes=meta.get('classes'))
    if not meta.get('classes'):
        return image
    legend = draw_legend(meta['classes'], meta['palette'], image.shape[1])
    return np.concatenate((image, legend))


def _scores(fused: np.ndarray,
            sources: list[np.ndarray]) -> list[tuple[str, float]]:
    """The default preset, without what is undefined for small images."""
    specs = {
        name: spec for name, spec in select_metrics().items()
        if spec.min_size <= min(fused.shape[:2])
    }
    deep = sources[0].dtype != np.uint8
    images = [to_rgb_uint8(image) if deep else image for image in sources]
    values = compute(fused, images, list(specs))
    return [(f'{name} {specs[name].arrow}', value)
            for name, value in values.items()]
