# Stage 1 of BFFR, slim and short, on synthetic scenes. The published widths
# are the defaults: drop the line `model`.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(fuser=dict(stem_channels=8, channels=(16, 24, 32, 48)))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
