# default_runtime.py, with curves and pictures for TensorBoard as well:
# tensorboard --logdir work_dirs
_base_ = './default_runtime.py'

visualizer = dict(
    vis_backends=[
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend')
    ])
