# For a distiller: brings the infrared image into register before the student
# sees it. It learns from the matrices that RandomMisalign draws.
registration = dict(
    registration=dict(type='RegistrationHead', fit='affine'),
    fusion_losses=dict(registration=dict(type='RegistrationLoss')))
registration_lr_mult = 4.0  # of the student's rate, for short runs
# those of realtime_base.py, with the registration in each
registration_stages = dict(stages=[
    dict(begin=0, weights=dict(pix=1, registration=1)),
    dict(
        begin=0.125, weights=dict(pix=1, ssim=1, grad=1, registration=1)),
])
