# TransFuser6, slim and short, on MRI with CT, PET and SPECT.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/fusion_medical_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(
    task='mri_pet',  # also reads the other two: --task mri_ct
    fuser=dict(stem_channels=8, channels=(16, 24, 32, 48)),
    # Edges have no sign: too little weight on the intensity gives negatives.
    losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss', loss_weight=10.0),
        gradient=dict(type='GradientLoss', loss_weight=2.0),
        ssim=dict(type='SSIMLoss')))
