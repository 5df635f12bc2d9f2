"""The registry of fusion metrics: a pure function and what is to be known."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .image import Image


@dataclass(frozen=True)
class FusionMetricSpec:
    """One variant of a metric.

    Attributes:
        name (str): Canonical name, e.g. ``'SSIM'``.
        variant (str): What tells it from others of the name, e.g.
            ``'gauss11'``.
        function (callable): ``function(fused, sources, **options)`` on an
            :class:`Image` and a sequence of them; a number, or a (B, )
            tensor for batches.
        higher_is_better (bool, optional): None where zero is best.
        value_range (tuple[float, float]): Smallest and largest value.
        reference (str): Paper and formula.
        uses_sources (bool): Whether it looks at the sources.
        max_sources (int, optional): 2 for what is defined for pairs only.
        min_size (int): Smallest side of an image, pixels.
        needs_integers (bool): Whether values are rounded to 0..255 first.
        float32_safe (bool): Whether float32 keeps 1e-5.
        joint_channels (bool): Whether colour channels are put side by side
            instead of being measured one by one.
        takes_colour (bool): Whether ``function`` gets all planes of an image,
            a list of one or three, instead of one plane.
        needs_weights (bool): Whether it needs files that the user has to
            provide; ``'all'`` leaves it out.
        correct (bool): False for what only reproduces published tables.
        default (bool): Whether the bare name means this variant.
        options (mapping): Keyword arguments of ``function``.
    """
    name: str
    variant: str
    function: Callable
    higher_is_better: bool | None
    value_range: tuple[float, float]
    reference: str
    uses_sources: bool = True
    max_sources: int | None = None
    min_size: int = 1
    needs_integers: bool = False
    float32_safe: bool = True
    joint_channels: bool = False
    takes_colour: bool = False
    needs_weights: bool = False
    correct: bool = True
    default: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``'name:variant'``."""
        return f'{self.name}:{self.variant}'

    @property
    def arrow(self) -> str:
        """Direction of better values, for tables."""
        return {True: '↑', False: '↓', None: '→0'}[self.higher_is_better]

    @property
    def inputs(self) -> str:
        """``'F'``, ``'F, A, B'`` or ``'F, sources'``."""
        if not self.uses_sources:
            return 'F'
        return 'F, A, B' if self.max_sources == 2 else 'F, sources'

    def __call__(self, fused: Image | list[Image],
                 sources: Sequence[Image] | Sequence[list[Image]]) -> Any:
        return self.function(fused, sources, **self.options)


#: every variant under ``'name:variant'``
FUSION_METRICS: dict[str, FusionMetricSpec] = {}


def fusion_metric(name: str, variant: str, **known: Any) -> Callable:
    """Register a function as one variant of a metric.

    May be stacked: each use registers the function with other ``options``.
    One variant of a name carries ``default=True``.

    Args:
        name (str): Canonical name.
        variant (str): Name of the variant.
        **known: Further fields of :class:`FusionMetricSpec`.

    Returns:
        callable: A decorator that returns the function unchanged.

    Raises:
        KeyError: If the variant is registered already.
    """

    def register(function: Callable) -> Callable:
        spec = FusionMetricSpec(name, variant, function, **known)
        if spec.key in FUSION_METRICS:
            raise KeyError(
                f'Expected a new metric, got {spec.key} again. Name the '
                'variant otherwise.')
        FUSION_METRICS[spec.key] = spec
        return function

    return register


def get_metric(key: str) -> FusionMetricSpec:
    """Look a metric up.

    Args:
        key (str): ``'name'`` for the default variant or ``'name:variant'``;
            case does not matter.

    Returns:
        FusionMetricSpec: The variant.

    Raises:
        ValueError: If there is none; the message names what there is.

    Examples:
        >>> get_metric('ssim').key, get_metric('SD:uint8').correct
        ('SSIM:gauss11', False)
    """
    name, _, variant = key.lower().partition(':')
    of_name = [
        spec for spec in FUSION_METRICS.values() if spec.name.lower() == name
    ]
    for spec in of_name:
        if spec.variant.lower() == variant or (not variant and spec.default):
            return spec
    known = ([spec.key for spec in of_name]
             or sorted({spec.name for spec in FUSION_METRICS.values()}))
    hint = ' FILM\'s VIFF is VIF here, Han\'s VIFF is VIFF_han.' \
        if name == 'viff' else ''
    raise ValueError(f'Expected one of {", ".join(known)}, got {key!r}.{hint}')
