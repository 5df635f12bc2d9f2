"""Boxes on images."""
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from mmfusion.structures import box_tensor
from mmfusion.utils.errors import printable

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (0, 0, 0)


def class_colour(label: int, count: int) -> tuple[int, int, int]:
    """RGB of a class without a palette: hues, evenly spaced."""
    hue = int(180 * (label % max(count, 1)) / max(count, 1))
    pixel = np.uint8([[[(hue + 55) % 180, 200, 255]]])
    return tuple(int(c) for c in cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


def draw_boxes(image: np.ndarray, instances: Mapping[str, Tensor],
               classes: Sequence[str] | None = None,
               palette: Sequence[Sequence[int]] | None = None,
               score_thr: float = 0.3, with_text: bool = True) -> np.ndarray:
    """Draw boxes with their class and score.

    Args:
        image (np.ndarray): RGB (H, W, 3) ``uint8``; left as it is.
        instances (mapping): ``bboxes`` (N, 4), ``labels`` (N,) and, of
            detections, ``scores`` (N,); an ``InstanceData`` has them.
        classes (sequence[str], optional): Names; else numbers are written.
        palette (sequence, optional): One RGB triple a class.
        score_thr (float): Detections below it are left out.
        with_text (bool): Whether to write classes and scores.

    Returns:
        np.ndarray: (H, W, 3) ``uint8``.
    """
    canvas = image.copy()
    if 'bboxes' not in instances:
        return canvas
    boxes = box_tensor(instances.get('bboxes')).cpu()
    labels = torch.as_tensor(instances.get('labels')).cpu()
    scores = instances.get('scores')
    scores = None if scores is None else torch.as_tensor(scores).cpu()
    kept = range(len(boxes)) if scores is None else [
        # The best one last, on top.
        int(k) for k in scores.argsort() if scores[k] >= score_thr
    ]
    width = max(1, round(max(image.shape[:2]) / 400))
    scale = max(image.shape[:2]) / 1600 + 0.15
    count = len(classes or ()) or int(labels.max() if len(labels) else 0) + 1
    for k in kept:
        label = int(labels[k])
        colour = (tuple(int(c) for c in palette[label]) if palette is not None
                  and label < len(palette) else class_colour(label, count))
        x1, y1, x2, y2 = (int(round(float(v))) for v in boxes[k])
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, width)
        if not with_text:
            continue
        text = printable(str(classes[label] if classes else label))
        if scores is not None:
            text += f' {float(scores[k]):.2f}'
        _write(canvas, text, (x1, y1), colour, scale)
    return canvas


def _write(canvas: np.ndarray, text: str, corner: tuple[int, int],
           colour: tuple[int, int, int], scale: float) -> None:
    """A label above a box, or inside where there is no room."""
    (width, height), base = cv2.getTextSize(text, _FONT, scale, 1)
    left, bottom = max(corner[0], 0), corner[1]
    if bottom - height - base < 0:
        bottom = corner[1] + height + base
    cv2.rectangle(canvas, (left, bottom - height - base),
                  (left + width, bottom), colour, -1)
    cv2.putText(canvas, text, (left, bottom - base // 2 - 1), _FONT, scale,
                _INK, 1, cv2.LINE_AA)
