"""Boxes as tensors and as masks."""
from typing import Any

import torch
from torch import Tensor

from mmfusion.utils.errors import check_choice

BOX_SHAPES = ('rectangle', 'ellipse')
#: boxes whose distances are held in memory at once
_CHUNK = 16


def box_tensor(boxes: Any) -> Tensor:
    """Boxes as float32 (N, 4) on the CPU or where they are.

    Args:
        boxes: Tensor, array, list, or mmdet's box structure.

    Returns:
        Tensor: x1, y1, x2, y2.

    Raises:
        ValueError: If there are not four numbers a box.
    """
    boxes = getattr(boxes, 'tensor', boxes)
    boxes = torch.as_tensor(boxes, dtype=torch.float32)
    boxes = boxes.reshape(-1, 4) if boxes.numel() == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError('Expected boxes (N, 4) as x1, y1, x2, y2, got '
                         f'{tuple(boxes.shape)}. Rotated boxes have to be '
                         'reduced to horizontal ones first.')
    return boxes


def boxes_to_mask(boxes: Any, size: tuple[int, int],
                  shape: str = 'rectangle') -> Tensor:
    """Pixels whose centre lies in any of the boxes.

    Args:
        boxes: See :func:`box_tensor`, in pixels.
        size (tuple[int, int]): (height, width) of the mask.
        shape (str): ``'rectangle'``, or ``'ellipse'`` for the largest
            ellipse in each box, which holds less background around a
            person.

    Returns:
        Tensor: (height, width) of bool.

    Raises:
        ValueError: On another shape.

    Examples:
        >>> boxes_to_mask([[1, 0, 3, 1]], size=(2, 4)).int()
        tensor([[0, 1, 1, 0],
                [0, 0, 0, 0]], dtype=torch.int32)
    """
    check_choice(BOX_SHAPES, shape=shape)
    boxes = box_tensor(boxes)
    height, width = size
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    # Boxes without an extent cover nothing.
    half = ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=1e-6)
    x = torch.arange(width, device=boxes.device) + 0.5
    y = torch.arange(height, device=boxes.device) + 0.5
    across = (x - centre[:, :1]) / half[:, :1]
    down = (y - centre[:, 1:]) / half[:, 1:]
    if shape == 'rectangle':
        inside_x = ((across >= -1) & (across < 1)).float()
        inside_y = ((down >= -1) & (down < 1)).float()
        return inside_y.t() @ inside_x > 0
    mask = torch.zeros(size, dtype=torch.bool, device=boxes.device)
    for part_x, part_y in zip(across.square().split(_CHUNK),
                              down.square().split(_CHUNK), strict=True):
        distance = part_y[:, :, None] + part_x[:, None, :]
        mask |= (distance <= 1).any(dim=0)
    return mask
