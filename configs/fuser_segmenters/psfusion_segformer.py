# PSFusion and SegFormer-B2 trained jointly on MSRS. The network, its losses
# and the segmentor's optimizer and schedule are the authors'; training both
# together is not: they retrain the segmentor on fused images. Hence
# fuser_lr_mult, batch size and crop are ours.
_base_ = [
    '../_base_/models/psfusion_segformer.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
data_root = _base_.data_root  # folder with train/ and test/
num_classes = 9
stage1_config = 'fusers/psfusion_msrs.py'
stage1_checkpoint = 'work_dirs/psfusion_msrs/iter_677500.pth'
# MiT-B2 weights as mmseg's model zoo lists them; None trains from scratch,
# which the paper does not.
backbone_checkpoint = None
batch_size = 8  # pairs a process
# For comparison: frozen, the fuser keeps its stage-1 weights; visible and
# infrared, no fusion. ema: evaluates and saves a moving average too.
variant = 'joint'

# ============================ possibly modified =============================
base_lr = 1e-4
fuser_lr_mult = 0.1  # the fuser is trained already: keep it near its start
crop_size = (256, 320)  # (height, width), pixels; multiples of 32 fit best
salient_source = 'vis'  # as in stage 1, see fusers/psfusion_msrs.py
# Of PSFusion's fused MSRS images, RGB, 0-255, as the authors give them. For
# other data or fusers: tools/analysis_tools/fused_mean_std.py
task_mean = [57.34, 65.78, 56.76]
task_std = [46.75, 46.90, 46.38]

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(
        num_classes=num_classes,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(psfusion=dict(salient_source=salient_source)),
    task_mean=task_mean,
    task_std=task_std,
    data_preprocessor=dict(size=crop_size),
    segmentor=dict(
        backbone=dict(embed_dims=64, num_layers=[3, 4, 6, 3]),
        decode_head=dict(
            in_channels=[64, 128, 320, 512],
            channels=768,
            num_classes=num_classes)))
if backbone_checkpoint is not None:
    model['segmentor']['backbone']['init_cfg'] = dict(
        type='Pretrained', checkpoint=backbone_checkpoint)

train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='DeriveFusionMaps'),
    dict(
        type='RandomResize',
        scale=(640, 480),  # (width, height)
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='OnModality',
        modality='vis',
        transforms=[dict(type='mmseg.PhotoMetricDistortion')]),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(data_root=f'{data_root}/train', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=f'{data_root}/test'))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(data_root=f'{data_root}/test'))
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(
        custom_keys=dict(fuser=dict(lr_mult=fuser_lr_mult))))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
# SegFormer-B0 from scratch, normalized as for ImageNet, whole images.
small = dict(
    model=dict(
        _drop_=['task_mean', 'task_std'],
        data_preprocessor=dict(_drop_=['size']),
        fusion_losses=dict(psfusion=dict(_drop_=['salient_source'])),
        segmentor=dict(
            backbone=dict(embed_dims=32, num_layers=[2, 2, 2, 2]),
            decode_head=dict(in_channels=[32, 64, 160, 256]))))
scales = dict(
    mini=dict(run_name='{network}_mini', **small),
    synthetic=dict(run_name='{network}_synthetic', **small))

# For comparison: what else learns, with everything else the same.
run_name = network = 'psfusion_segformer'
visible, infrared = (
    dict(
        network=f'{name}_segformer',
        stage1_config=None,
        stage1_checkpoint=None,
        model=dict(
            fuser=dict(_drop_=True, type='SelectModality', modality=modality),
            fusion_losses=None))
    for name, modality in (('visible', 'vis'), ('infrared', 'ir')))
frozen = dict(
    network='psfusion_segformer_frozen', model=dict(fuser_frozen=True))
ema = dict(
    network='psfusion_segformer_ema',
    default_hooks=dict(
        ema=dict(
            type='EMAHook',
            momentum=0.005,  # averages about the last 200 iterations
            begin_iter=100)))
choices = dict(
    variant=dict(
        joint=dict(),
        frozen=frozen,
        visible=visible,
        infrared=infrared,
        ema=ema))
