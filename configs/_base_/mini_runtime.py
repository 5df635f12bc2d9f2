# Runtime of the short trainings: checkpoints and pictures more often.
_base_ = './default_runtime.py'

default_hooks = dict(
    checkpoint=dict(interval=300), visualization=dict(draw=True))
