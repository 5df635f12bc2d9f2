# One fuser of three on pairs of exposures: mean brightness, the stronger
# edge. Schedule and weights of the terms are ours.
_base_ = [
    '../_base_/models/task_fusers.py',
    '../_base_/datasets/sice.py',
    '../_base_/schedules/film_81k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
fuser = 'transfuser6'  # mmdrfuse_student, film

# ============================ possibly modified =============================
model = dict(
    task='mef',
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='AverageLoss', loss_weight=2.0),
        gradient=dict(type='GradientLoss', loss_weight=5.0),
        ssim=dict(type='SSIMLoss')))

# ============================= rarely modified ==============================
_base_.fusers.film.model.fusion_losses.film.target = 'mean'
choices = dict(fuser=_base_.fusers)
run_name = '{fuser}_mef_sice'  # the folder in work_dirs
scales = dict(mini=dict(run_name='{fuser}_mef_mini'))
