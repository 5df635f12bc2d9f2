# U2Fusion (IEEE TPAMI 44(1), 2022): one network for infrared and visible
# pairs, exposures and focus. The authors train task after task, each from the
# weights of the one before (--load-from). Not here: their clipping of weights
# to -50..50, and elastic weight consolidation, which the released script
# switches off.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
task = 'ivf'  # then 'mef', then 'mff'
# Where the information of a source is measured: in its own gradients, or as
# the authors do, in VGG-16's features (torchvision's file, see
# docs/distillation.md).
information = 'images'  # or 'vgg'
vgg_checkpoint = 'data/weights/vgg16-397923af.pth'

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(
        type='U2Fusion', colour_formula='pillow', random_order=True),
    output_norm='minmax',
    fusion_losses=dict(u2fusion=dict(type='InformationPreservationLoss')))
patch_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='ResizeToCover', size=(64, 64)),
    dict(type='RandomCrop', crop_size=(64, 64)),
    dict(type='PackFusionInputs'),
]
patches = dict(batch_size=18, dataset=dict(pipeline=patch_pipeline))
train_dataloader = patches
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='RMSprop', lr=1e-4, alpha=0.6, momentum=0.15))
vgg = dict(
    type='VGGFeatures',
    depth=16,
    taps=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3', 'relu5_3'),
    normalize=True,
    init_cfg=dict(type='Pretrained', checkpoint=vgg_checkpoint))
# Temperatures of the authors, brought to VGG of torchvision.
choices = dict(
    task=dict(
        ivf=dict(),
        mef=dict(
            _base_='mmfusion::_base_/datasets/sice.py',
            train_dataloader=patches,
            model=dict(
                task='mef',
                fusion_losses=dict(u2fusion=dict(temperature=1.05)))),
        mff=dict(
            _base_='mmfusion::_base_/datasets/real_mff.py',
            train_dataloader=patches,
            model=dict(
                task='mff',
                fusion_losses=dict(u2fusion=dict(temperature=0.03))))),
    information=dict(
        images=dict(),
        vgg=dict(
            model=dict(fusion_losses=dict(u2fusion=dict(features=vgg))))))
run_name = 'u2fusion_{task}'  # the folder in work_dirs
scales = dict(
    mini=dict(
        run_name='u2fusion_{task}_mini',
        model=dict(fuser=dict(width=16)),
        train_dataloader=dict(
            batch_size=4, dataset=dict(pipeline=patch_pipeline))))
