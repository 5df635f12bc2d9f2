"""Boxes of the synthetic street scenes."""

from ..boxes import BoxSet


class SyntheticBoxes(BoxSet):
    """Street scenes of ``make_synthetic_rgbt.py``: cars, persons, bikes.

    Each image has ``condition`` day or night. ``classes`` may name more of
    what has boxes: car_stop, color_cone, bump.
    """
    classes = ('car', 'person', 'bike')
