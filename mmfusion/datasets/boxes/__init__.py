"""Annotations of detection sets, without mmdet: readers, checks, COCO."""
from .classes import CLASSES
from .coco import ImageBoxes, check_boxes, to_coco
from .layouts import LAYOUTS, Layout

__all__ = [
    'CLASSES', 'ImageBoxes', 'LAYOUTS', 'Layout', 'check_boxes', 'to_coco'
]
