"""Log-average miss rate of detections."""
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: False positives per image at which the miss rate is read.
REFERENCES = tuple(10**(-2 + k / 4) for k in range(9))


@dataclass
class Matches:
    """Judged detections of one image.

    Attributes:
        scores (Tensor): (N,), of those detections that count.
        hits (Tensor): (N,) of bool, whether each found an object.
        objects (int): Objects that were to be found.
    """
    scores: Tensor
    hits: Tensor
    objects: int


def overlaps(boxes: Tensor, others: Tensor, of_first: bool = False) -> Tensor:
    """Intersection over union of all pairs of boxes.

    Args:
        boxes (Tensor): (N, 4) as x1, y1, x2, y2.
        others (Tensor): (M, 4).
        of_first (bool): Divide by the area of ``boxes`` instead.

    Returns:
        Tensor: (N, M) in [0, 1]; 0 for boxes without an area.
    """
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    area, other = ((part[:, 2:] - part[:, :2]).clamp(min=0).prod(dim=1)
                   for part in (boxes, others))
    total = area[:, None].expand_as(shared)
    if not of_first:
        total = total + other[None] - shared
    return torch.where(total > 0, shared / total.clamp(min=1e-12), 0.)


def match_detections(boxes: Tensor, scores: Tensor, objects: Tensor,
                     ignored: Tensor, iou: float = 0.5, min_height: float = 0.,
                     expand: float = 1.25,
                     bounds: Sequence[float] | None = None) -> Matches:
    """Judge the detections of one class in one image.

    Detections that are too low are dropped at first. In the order of their
    scores, each of the others takes the free object that it overlaps most.
    One that finds none, but lies in an ignored region by at least ``iou``
    of its own area, does not count. This is the protocol of Dollar et al.
    (TPAMI 34, 2012).

    Args:
        boxes (Tensor): (N, 4) as x1, y1, x2, y2.
        scores (Tensor): (N,).
        objects (Tensor): (M, 4), to be found.
        ignored (Tensor): (K, 4), neither found nor missed.
        iou (float): Least overlap. Defaults to 0.5.
        min_height (float): Lower objects are ignored ones, in pixels.
        expand (float): Detections lower than ``min_height / expand`` are
            dropped, whatever they overlap.
        bounds (sequence[float], optional): (x1, y1, x2, y2) in pixels;
            objects that reach outside are ignored ones.

    Returns:
        Matches: In the order of the scores.
    """
    wanted = objects[:, 3] - objects[:, 1] >= min_height
    if bounds is not None:
        low, high = objects.new_tensor(bounds).reshape(2, 2)
        wanted &= ((objects[:, :2] >= low) & (objects[:, 2:] <= high)).all(1)
    objects, ignored = objects[wanted], torch.cat((ignored, objects[~wanted]))
    seen = boxes[:, 3] - boxes[:, 1] >= min_height / expand
    boxes, scores = boxes[seen], scores[seen]
    order = scores.argsort(descending=True, stable=True)
    boxes, scores = boxes[order], scores[order]
    # A small table for each image: its rows depend on those above.
    table = overlaps(boxes, objects)
    hits = torch.zeros(len(boxes), dtype=torch.bool)
    for row in range(len(boxes) if len(objects) else 0):
        best, place = table[row].max(dim=0)
        if best >= iou:
            hits[row] = True
            table[:, place] = -1
    counts = torch.ones_like(hits)
    if len(ignored):
        inside = overlaps(boxes, ignored, of_first=True).amax(dim=1)
        counts &= inside < iou
    counts |= hits
    return Matches(scores[counts], hits[counts], len(objects))


def miss_rate_curve(images: Sequence[Matches]) -> tuple[Tensor, Tensor]:
    """Miss rate against false positives per image.

    Args:
        images (sequence[Matches]): Of all images, also those without
            objects or detections.

    Returns:
        tuple[Tensor, Tensor]: False positives per image, ascending, and
        miss rate, both (P,), for every threshold between two scores.

    Raises:
        ValueError: If there is no object in any image.
    """
    total = sum(image.objects for image in images)
    if not total:
        raise ValueError('Expected at least one object to be found, got '
                         'none: the miss rate is not defined.')
    scores = torch.cat([image.scores for image in images])
    hits = torch.cat([image.hits for image in images])
    order = scores.argsort(descending=True, stable=True)
    scores, hits = scores[order], hits[order].double()
    # Detections of one score pass a threshold together.
    last = torch.ones_like(scores, dtype=torch.bool)
    last[:-1] = scores[1:] != scores[:-1]
    false = (1 - hits).cumsum(0)[last] / len(images)
    return false, 1 - hits.cumsum(0)[last] / total


def log_average_miss_rate(images: Sequence[Matches],
                          references: Sequence[float] = REFERENCES) -> float:
    """Geometric mean of the miss rate at nine rates of false positives.

    ``MR-2`` of pedestrian detection: the miss rates at 0.01 to 1 false
    positives per image, evenly spaced in the logarithm. At each the lowest
    miss rate that is reached with no more false positives is taken, and 1
    where there is none. Lower is better.

    Args:
        images (sequence[Matches]): See :func:`miss_rate_curve`.
        references (sequence[float]): False positives per image.

    Returns:
        float: In [0, 1].

    Raises:
        ValueError: If there is no object in any image.
    """
    false, missed = miss_rate_curve(images)
    values: list[float] = []
    for reference in references:
        # The tolerance keeps 1/100 below a reference of 0.01.
        reached = missed[false <= reference * (1 + 1e-9)]
        values.append(float(reached.min()) if len(reached) else 1.)
    logs = torch.tensor(values, dtype=torch.float64).clamp(min=1e-10).log()
    return float(logs.mean().exp())
