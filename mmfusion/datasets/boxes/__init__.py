"""Annotations of detection sets, without mmdet: readers, checks, COCO."""
from .box_set import BoxSet, Job
from .coco import Box, ImageBoxes, check_boxes, read_coco, to_coco
from .formats import read_voc

__all__ = [
    'Box', 'BoxSet', 'ImageBoxes', 'Job', 'check_boxes', 'read_coco',
    'read_voc', 'to_coco'
]
