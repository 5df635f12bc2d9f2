# Runtime of short trainings of detectors.
_base_ = './det_runtime.py'

default_hooks = dict(
    checkpoint=dict(interval=300),
    visualization=dict(draw=True, interval=5))
