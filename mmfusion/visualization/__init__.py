from .boxes import draw_boxes
from .local_visualizer import FusionLocalVisualizer
from .panel import (draw_grid, draw_legend, draw_panel, overlay_labels,
                    resize_like, stacked_to_rgb, to_label_map, to_rgb_uint8)

__all__ = [
    'FusionLocalVisualizer', 'draw_boxes', 'draw_grid', 'draw_legend',
    'draw_panel', 'overlay_labels', 'resize_like', 'stacked_to_rgb',
    'to_label_map', 'to_rgb_uint8'
]
