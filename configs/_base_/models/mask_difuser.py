# Mask-DiFuser (TPAMI 2025), a teacher. Needs a GPU and the authors' weights,
# converted by tools/model_converters/convert.py --method mask_difuser.

# =========================== frequently modified ============================
task = 'ivf'  # mef, mff, mri_ct, mri_pet, mri_spect
num_steps = 5

# ============================= rarely modified ==============================
default_scope = 'mmfusion'
model = dict(
    type='ImageFuser', fuser=dict(type='MaskDiFuser', num_steps=num_steps))
# Ranges of clean estimates as the authors' test script has them.
medical = dict(model=dict(fuser=dict(clip=(-1., 3.))))
choices = dict(
    task=dict(
        ivf=dict(),
        mef=dict(model=dict(task='mef')),
        mff=dict(model=dict(task='mff', fuser=dict(clip=(-1.5, 1.)))),
        mri_ct=dict(model=dict(task='mri_ct', **medical['model'])),
        mri_pet=dict(model=dict(task='mri_pet', **medical['model'])),
        mri_spect=dict(model=dict(task='mri_spect', **medical['model']))))
del medical
