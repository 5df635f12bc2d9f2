# realtime_tiny.py with a registration head before the student.
_base_ = [
    './realtime_tiny.py',
    '../_base_/models/realtime_registration.py',
]

# =========================== frequently modified ============================
translate = 0.08  # up to 25 pixels of a RoadScene image

# ============================= rarely modified ==============================
choices = None
network = 'realtime_tiny_registration'
model = _base_.registration
misalign = dict(prob=1.0, translate=translate)  # the head undoes it, so always
train_pipeline = [
    {**step, **misalign} if step['type'] == 'RandomMisalign' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            registration=dict(lr_mult=_base_.registration_lr_mult))))
default_hooks = dict(loss_stages=_base_.registration_stages)
