# LRRNet (IEEE TPAMI 45(9), 2023) with VGG-16 features, of torchvision's file
# (the authors': a third party's conversion); `features='none'` does without.
# The authors train on 20,000 pairs of KAIST.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
# torchvision's vgg16 file, see docs/realtime.md
vgg_checkpoint = 'data/weights/vgg16-397923af.pth'
features = 'vgg'
base_lr = 1e-5
max_iters = 4 * 2500  # epochs of theirs

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='LRRNet'),
    output_colour='grey',  # as published
    output_rounding='trunc',
    fusion_losses=dict(
        lrrnet=dict(
            type='LRRNetLoss',
            features=dict(
                type='VGGFeatures',
                depth=16,
                taps=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3'),
                init_cfg=dict(
                    type='Pretrained', checkpoint=vgg_checkpoint)))))
train_dataloader = dict(
    batch_size=8,
    dataset=dict(pipeline=[
        dict(type='LoadFusionPair'),
        dict(type='ResizeToCover', size=(128, 128)),
        dict(type='RandomCrop', crop_size=(128, 128)),
        dict(type='PackFusionInputs'),
    ]))
optim_wrapper = dict(optimizer=dict(lr=base_lr, weight_decay=0.9))
train_cfg = dict(max_iters=max_iters)
choices = dict(
    features=dict(
        vgg=dict(),
        none=dict(
            model=dict(fusion_losses=dict(lrrnet=dict(features=None))))))
run_name = 'lrrnet_{features}'  # the folder in work_dirs
scales = dict(
    mini=dict(
        run_name='lrrnet_{features}_mini',
        model=dict(fuser=dict(channels=16)),
        train_dataloader=dict(batch_size=4)))
