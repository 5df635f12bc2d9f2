# PSFusion with its own semantic heads, slim and short, on a small real set.
# The published widths are the defaults: drop the line `model`.
_base_ = [
    '../_base_/models/psfusion.py',
    '../_base_/datasets/seg_msrs9_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(fuser=dict(base_channels=8, depths=(1, 1, 1, 1)))
