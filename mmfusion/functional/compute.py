"""Measure a fused image: plain arrays in, named numbers out."""
from collections.abc import Sequence
from typing import Any

from mmfusion.utils.errors import check_choice, spelled

from .arrays import as_levels, check_match, planes, side_by_side
from .image import Image
from .metric import FUSION_METRICS, FusionMetricSpec, get_metric
from .presets import CHANNELS, get_preset

Metrics = None | str | Sequence[str]


class SourceContext:
    """Sources of one scene, measured once for every method that fuses them.

    Args:
        sources (sequence[np.ndarray | Tensor]): As :func:`compute`; one
            array is none.
        data_range (float, optional): As :func:`compute`.
        lasting (bool): Whether to keep what is large but soon computed
            again. Pass False for sources of a single fused image: new
            memory costs more than it would save. Defaults to True.

    Examples:
        >>> import numpy as np
        >>> ir, vis = np.full((2, 4, 4), 80, np.uint8)
        >>> scene = SourceContext((ir, vis))
        >>> [compute(fused, scene, 'MSE:levels') for fused in (ir, vis + 2)]
        [{'MSE:levels': 0.0}, {'MSE:levels': 4.0}]
    """

    def __init__(self, sources: Sequence[Any], data_range: float | None = None,
                 lasting: bool = True) -> None:
        self.lasting = lasting
        shape = getattr(sources, 'shape', None)
        if shape is not None:  # one image, whose rows are no sources
            raise TypeError(
                'Expected a sequence of sources such as (ir, vis), got one '
                f'array of shape {tuple(shape)}. A single source is '
                '(image, ), a stack of sources tuple(stack).')
        self.arrays = [
            as_levels(source, f'source {index}', data_range)
            for index, source in enumerate(sources)
        ]
        self._planes: dict[tuple, list] = {}

    def planes(self, channels: str, quantize: bool) -> list:
        """Contexts of every source: a list of planes each."""
        key = channels, quantize
        if key not in self._planes:
            self._planes[key] = [
                planes(array, channels, quantize, self.lasting)
                for array in self.arrays
            ]
        return self._planes[key]


def select_metrics(metrics: Metrics = None,
                   preset: str = 'default') -> dict[str, FusionMetricSpec]:
    """What a call of :func:`compute` measures.

    Args:
        metrics (str | sequence[str], optional): Names (``'SSIM'``: the
            preset's column of that name if there is one, else the default
            variant), variants (``'SSIM:film'``), or ``'all'`` for every
            correct variant that needs no weights. None: the columns of the
            preset.
        preset (str): One of ``PRESETS``. Defaults to ``'default'``.

    Returns:
        dict[str, FusionMetricSpec]: Heading -> variant.

    Raises:
        ValueError: For names that are not known.

    Examples:
        >>> select_metrics('EN, SSIM', preset='film')['SSIM'].key
        'SSIM:film'
    """
    columns = get_preset(preset).columns
    if metrics is None:
        return {head: get_metric(key) for head, key in columns.items()}
    if isinstance(metrics, str):
        metrics = [
            name for name in metrics.replace(' ', '').split(',') if name
        ]
    if [name.lower() for name in metrics] == ['all']:
        return {
            spec.name if spec.default else key: spec
            for key, spec in FUSION_METRICS.items()
            if spec.correct and not spec.needs_weights
        }
    known = {head.lower(): head for head in columns}
    chosen = {}
    for name in metrics:
        head = known.get(name.lower())
        spec = get_metric(columns[head] if head else name)
        chosen[head or (name if ':' in name else spec.name)] = spec
    return chosen


def compute(fused: Any, sources: SourceContext | Sequence[Any],
            metrics: Metrics = None, preset: str = 'default',
            data_range: float | None = None, channels: str | None = None,
            quantize: bool = True) -> dict[str, Any]:
    """Measure a fused image against its sources.

    NumPy arrays are measured by NumPy and OpenCV in float64, torch tensors
    as a batch on their device.

    Args:
        fused (np.ndarray | Tensor): uint8 (H, W) or RGB (H, W, 3); or a
            (B, H, W), (B, 1, H, W) or (B, 3, H, W) tensor.
        sources (SourceContext | sequence): Two or more images of the same
            size, infrared first.
        metrics (str | sequence[str], optional): See
            :func:`select_metrics`.
        preset (str): Columns and protocol of a family of published tables.
            Defaults to ``'default'``.
        data_range (float, optional): Largest possible value of images that
            are not 8-bit: 1, 255 or 65535.
        channels (str, optional): ``'gray'`` (BT.601 luma) or ``'rgb'``
            (each channel, then the mean). None: what the preset says.
        quantize (bool): Whether to round to the 256 levels of a saved
            image. Metrics of histograms do so anyway. Defaults to True.

    Returns:
        dict[str, float]: Value of each metric; (B, ) tensors for tensors.

    Raises:
        TypeError: For other types of images, and for one array in place of
            a sequence of sources.
        ValueError: For images that do not fit together, are too small for
            a metric or not finite, and for unknown names.

    Examples:
        >>> import numpy as np
        >>> ir = np.repeat(np.uint8([[0, 255]]), 4, axis=0)
        >>> compute(ir, (ir, ir), ['EN', 'SD', 'CC'])
        {'EN': 1.0, 'SD': 127.5, 'CC': 1.0}
    """
    specs = select_metrics(metrics, preset)
    channels = spelled(CHANNELS, channels or get_preset(preset).channels)
    check_choice(CHANNELS, channels=channels)
    if not isinstance(sources, SourceContext):
        sources = SourceContext(sources, data_range, lasting=False)
    array = as_levels(fused, 'fused image', data_range)
    check_match(array, sources.arrays)
    ours = planes(array, channels, quantize)
    theirs = sources.planes(channels, quantize)
    check_support(specs, ours[0].size, len(theirs))
    return {
        head: _as_number(_measure(spec, ours, theirs))
        for head, spec in specs.items()
    }


def check_support(specs: dict[str, FusionMetricSpec], size: Sequence[int],
                  sources: int) -> None:
    """Check that all metrics are defined for images like these.

    Args:
        specs (dict[str, FusionMetricSpec]): Metrics by heading.
        size (sequence[int]): Height and width, pixels.
        sources (int): Number of sources.

    Raises:
        ValueError: If some are not; the message names them.
    """
    small = [
        f'{head} ({spec.min_size})' for head, spec in specs.items()
        if min(size) < spec.min_size
    ]
    if small:
        raise ValueError(
            f'Expected images of the smallest side in parentheses for '
            f'{", ".join(small)}, got {size[0]}x{size[1]} (height x width). '
            'Leave these metrics out or measure larger images.')
    for_two = [
        head for head, spec in specs.items()
        if spec.max_sources and sources != spec.max_sources
    ]
    if for_two:
        raise ValueError(
            f'Expected two sources for {", ".join(for_two)}, got {sources}. '
            'Leave these metrics out.')


def _measure(spec: FusionMetricSpec, ours: list[Image],
             theirs: list[list[Image]]) -> Any:
    """One metric of all planes."""
    if spec.takes_colour:
        return spec(ours, theirs)
    if spec.joint_channels and len(ours) > 1:
        return spec(side_by_side(ours), [side_by_side(t) for t in theirs])
    values = [
        spec(plane, [source[index] for source in theirs])
        for index, plane in enumerate(ours)
    ]
    return sum(values) / len(values)


def _as_number(value: Any) -> Any:
    """A float, or the tensor of a batch."""
    return value if getattr(value, 'ndim', 0) else float(value)
