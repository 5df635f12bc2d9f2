# MATR (IEEE TIP 31, 2022), medical pairs. The authors train with SSIM and
# region mutual information to both sources, weights 1, 1, 1 and 2.5, ten
# epochs of batches of 64. Unknown: whose information weighs 2.5, and how
# their regions are taken; here the structural image's, as published for
# segmentation.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/harvard.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3
batch_size = 64
functional = 'pet'  # or 'spect', 'ct'

# ============================= rarely modified ==============================
# The functional image, which gives the colour, comes first: --vis. With
# --task mri_pet the structural one does, as everywhere else.
modalities = {functional: 3, 'mri': 1}
model = dict(
    task=dict(modalities=modalities),
    fuser=dict(type='MATR', colour_formula='shift'),
    output_rounding='trunc',
    fusion_losses=dict(
        ssim=dict(type='SSIMLoss', loss_weight=2.),  # the mean of both
        information=dict(
            type='RegionInformationLoss', vis_weight=1., ir_weight=2.5)))
pairs = dict(
    task=f'mri_{functional}',
    data_root=f'{_base_.data_root}/MRI_{functional.upper()}',
    metainfo=dict(modalities=modalities))
train_dataloader = dict(batch_size=batch_size, dataset=pairs)
val_dataloader = dict(dataset=pairs)
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=base_lr))
mini = dict(
    _base_.mini[f'mri_{functional}'], metainfo=dict(modalities=modalities))
scales = dict(
    mini=dict(
        run_name='matr_mini',
        train_dataloader=dict(
            batch_size=4,
            dataset=dict(
                mini, _drop_=True, pipeline=_base_.mini_pipeline)),
        val_dataloader=dict(dataset=mini),
        test_dataloader=dict(dataset=mini),
        fusion_dataloader=dict(dataset=mini)))
