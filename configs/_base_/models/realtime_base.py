# The real-time student, learning from a teacher's images; without the terms
# that need VGG weights, which are in realtime_vgg.py.
student = dict(
    type='RealtimeFusionNet',
    size='base',
    ir_channels=3,
    out_mode='rgb')  # 'y' for teachers that fuse luminance
model = dict(
    type='FuserDistiller',
    teacher=None,  # its images come with the data
    student=student,
    pairs=[
        dict(
            name='pix',
            student='fused',
            teacher='fused',
            loss=dict(type='DistanceLoss', distance='l1', loss_weight=1.0)),
        dict(
            name='ssim',
            student='fused',
            teacher='fused',
            loss=dict(type='DistanceLoss', distance='ssim', loss_weight=1.0)),
        dict(
            name='grad',
            student='luma',
            teacher='luma',
            loss=dict(type='DistanceLoss', distance='sobel',
                      loss_weight=0.5)),
    ])
# For default_hooks. Shares of the training: epochs 0 and 15 of 120.
stages = [
    dict(begin=0, weights=dict(pix=1)),
    dict(begin=0.125, weights=dict(pix=1, ssim=1, grad=1)),
]
loss_stages = dict(
    type='LossStageHook', stages=stages, ramp=1 / 60, by_epoch=False)
