# Evaluates and saves a moving average of all weights too.
_base_ = './psfusion_segformer_mini.py'

default_hooks = dict(
    ema=dict(
        type='EMAHook',
        momentum=0.005,  # averages about the last 200 iterations
        begin_iter=100))
