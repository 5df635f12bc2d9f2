# TarDAL (CVPR 2022), its first release: two discriminators, and no detector.
# The recipe of the published files with a detector is unknown;
# AdversarialFuserDetector trains one along.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
weights = 'tardal++'  # gave the published images; or 'tardal'
base_lr = 1e-4
crop_size = (224, 224)
max_iters = 20000  # theirs: 200 epochs of a set that is not named

# ============================= rarely modified ==============================
model = dict(
    type='AdversarialFuser',
    fuser=dict(type='TarDAL', colour_formula='opencv'),
    output_rounding='trunc',
    fusion_losses=dict(source=dict(type='SaliencyWeightedLoss')),
    detail_source='released_code',
    discriminators=dict(
        target=dict(type='StridedDiscriminator', size=crop_size),
        detail=dict(type='StridedDiscriminator', size=crop_size)))
train_dataloader = dict(
    batch_size=8,
    dataset=dict(pipeline=[
        dict(type='LoadFusionPair'),
        dict(type='ResizeToCover', size=crop_size),
        dict(type='RandomCrop', crop_size=crop_size),
        dict(type='PackFusionInputs'),
    ]))
in_turns = dict(constructor='AdversarialOptimWrapperConstructor')
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='RMSprop', lr=base_lr), **in_turns)
model_wrapper_cfg = dict(type='mmfusion.AdversarialDataParallel')
train_cfg = dict(max_iters=max_iters)
choices = dict(
    weights={
        'tardal++': dict(),
        'tardal': dict(model=dict(fuser=dict(batch_statistics=True)))
    })
run_name = '{weights}'  # the folder in work_dirs
scales = dict(
    mini=dict(
        run_name='{weights}_mini',
        model=dict(
            fuser=dict(channels=8),
            discriminators=dict(
                target=dict(size=None), detail=dict(size=None))),
        optim_wrapper=in_turns,
        train_dataloader=dict(batch_size=2)))
