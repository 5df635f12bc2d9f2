# realtime_tiny_mini.py with a registration head before the student.
_base_ = [
    './realtime_tiny_mini.py',
    '../_base_/models/realtime_registration.py',
]

model = _base_.registration
train_pipeline = _base_.train_pipeline
# up to 25 pixels of a RoadScene image; the head undoes it, so always
train_pipeline[1].update(prob=1.0, translate=0.08)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            registration=dict(lr_mult=_base_.registration_lr_mult))))
default_hooks = dict(loss_stages=_base_.registration_stages)
