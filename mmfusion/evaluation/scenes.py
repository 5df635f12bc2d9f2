"""Measuring many fused images: scene by scene, in several processes."""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mmfusion.functional import SourceContext, compute
from mmfusion.utils.errors import one_line
from mmfusion.utils.processes import in_processes, single_threaded_opencv
from mmfusion.utils.progress import track

from .protocol import Protocol
from .records import Record

Load = Callable[[Any], list[np.ndarray]]


@dataclass(frozen=True)
class Scene:
    """The sources of one scene and what methods made of them.

    Attributes:
        stem (str): Name of the scene.
        sources (Any): What the loader of the sources takes: by default
            their paths, infrared first.
        fused (dict[str, str]): Method -> path of its image.
    """
    stem: str
    sources: Any
    fused: dict[str, str]


def measure_scene(scene: Scene, protocol: Protocol,
                  load: Load | None = None) -> list[Record]:
    """Measure every fused image of one scene; its sources are read once.

    Args:
        scene (Scene): What to measure.
        protocol (Protocol): How.
        load (callable, optional): From ``scene.sources`` to images, as
            :meth:`Protocol.read_sources` gives them, which is the default.

    Returns:
        list[Record]: One of each method; a single one without a method
        where the sources cannot be read. Errors are in the records.
    """
    try:
        images = (load or protocol.read_sources)(scene.sources)
        sources = SourceContext(images, data_range=1)
    except Exception as error:  # other scenes must go on, whatever it is
        return [Record('', scene.stem, error=_reason(error))]
    records = []
    for method, path in scene.fused.items():
        try:
            values = measure_image(protocol.read_fused(path), sources,
                                   protocol)
            records.append(Record(method, scene.stem, values))
        except Exception as error:
            records.append(Record(method, scene.stem, error=_reason(error)))
    return records


def measure_image(fused: np.ndarray, sources: SourceContext,
                  protocol: Protocol) -> dict[str, float]:
    """Values of one fused image, every one finite.

    Raises:
        ValueError: If images do not fit together or a value is not finite.
    """
    values = compute(fused, sources, protocol.metrics, protocol.preset,
                     data_range=1, channels=protocol.channels,
                     quantize=protocol.quantize)
    check_finite(values)
    return values


def check_finite(values: dict[str, Any]) -> None:
    """Raise ``ValueError`` where a number would spoil every mean."""
    wrong = [
        head for head, value in values.items() if not np.isfinite(value).all()
    ]
    if wrong:
        raise ValueError(
            f'Expected finite values, got NaN or infinity for '
            f'{", ".join(wrong)}. Leave these metrics out and report it.')


def measure(scenes: Sequence[Scene], protocol: Protocol, workers: int = 1,
            load: Load | None = None) -> Iterator[list[Record]]:
    """Measure scenes, in the order in which they are finished.

    A bar on stderr counts the fused images. Every process uses one thread
    of OpenCV.

    Args:
        scenes (sequence[Scene]): What to measure; every one has a name of
            its own.
        protocol (Protocol): How.
        workers (int): Processes; 1 measures in this one.
        load (callable, optional): See :func:`measure_scene`.

    Yields:
        list[Record]: Of one scene.

    Raises:
        ChildProcessError: If a process was killed, e.g. for want of memory.
    """
    workers = min(workers, len(scenes))
    task = partial(measure_scene, protocol=protocol, load=load)
    images = {scene.stem: len(scene.fused) for scene in scenes}
    with single_threaded_opencv():
        found = (in_processes(task, scenes, workers) if workers > 1 else map(
            task, scenes))
        yield from track(found, sum(images.values()),
                         lambda records: images[records[0].stem])


def _reason(error: Exception) -> str:
    """Its text alone where that is likely to tell what is wrong."""
    text, name = one_line(error), type(error).__name__
    if isinstance(error, (OSError, TypeError, ValueError)) or text == name:
        return text
    return f'{name}: {text}'
