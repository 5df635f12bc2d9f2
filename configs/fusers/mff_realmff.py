# One fuser of three on pairs of focus depths: each pixel like the image with
# more local contrast, which is in focus there. Schedule and weights of the
# terms are ours.
_base_ = [
    '../_base_/models/task_fusers.py',
    '../_base_/datasets/real_mff.py',
    '../_base_/schedules/film_81k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
fuser = 'transfuser6'  # mmdrfuse_student, film

# ============================ possibly modified =============================
model = dict(
    task='mff',
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='IntensityLoss', loss_weight=10.0),
        gradient=dict(type='GradientLoss', loss_weight=5.0)))

# ============================= rarely modified ==============================
choices = dict(fuser=_base_.fusers)
run_name = '{fuser}_mff_realmff'  # the folder in work_dirs
scales = dict(mini=dict(run_name='{fuser}_mff_mini'))
