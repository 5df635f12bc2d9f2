# One fuser of three on medical pairs; at the mini scale on MRI with CT, PET
# and SPECT together. Schedule and weights of the terms are ours.
_base_ = [
    '../_base_/models/task_fusers.py',
    '../_base_/datasets/harvard.py',
    '../_base_/schedules/film_81k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
fuser = 'transfuser6'  # mmdrfuse_student, film

# ============================ possibly modified =============================
model = dict(
    task='mri_pet',  # also reads the other two: --task mri_ct
    # Edges have no sign: too little weight on the intensity gives negatives.
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss', loss_weight=10.0),
        gradient=dict(type='GradientLoss', loss_weight=2.0),
        ssim=dict(type='SSIMLoss')))

# ============================= rarely modified ==============================
choices = dict(fuser=_base_.fusers)
run_name = '{fuser}_mif_harvard'  # the folder in work_dirs
scales = dict(mini=dict(run_name='{fuser}_mif_mini'))
