# SeAFusion's joint scheme (Information Fusion 82, 2022, pp. 28-42) on MSRS:
# in four rounds a new fuser learns through the frozen segmentor, whose losses
# weigh 0, 1, 2 and 3, then the segmentor learns on its images. The authors'
# segmentor is a BiSeNet without spatial path; this is mmseg's BiSeNetV1 with
# one auxiliary head.
_base_ = [
    'mmseg::_base_/models/bisenetv1_r18-d32.py',
    '../_base_/datasets/msrs.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
num_classes = 9
# ResNet-18 weights, e.g. torchvision's file; None trains from scratch, which
# the paper does not.
backbone_checkpoint = None
variant = 'adaptive'  # or 'frozen': the first fuser, no more rounds
weights = (0, 1, 2, 3)  # of the segmentor's losses, one a round
fuser_iters = 1350  # a round: 10 epochs of 135 batches, 1,083 pairs
segmentor_iters = 20000  # a round

# ============================ possibly modified =============================
fuser_batch_size = 8  # pairs a process
segmentor_batch_size = 16
fuser_lr = 1e-3 / 0.75
segmentor_lr = 1e-2
crop_size = (480, 640)  # (height, width), of the segmentor's turns
enlargements = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)

# ============================= rarely modified ==============================
rounds = len(weights)
max_iters = rounds * (fuser_iters + segmentor_iters)
segmentor = _base_.model
segmentor.auxiliary_head = segmentor.auxiliary_head[1]  # at 1/16
for head in (segmentor.decode_head, segmentor.auxiliary_head):
    head.num_classes = num_classes
    head.loss_decode = dict(
        type='mmfusion.OHEMCrossEntropyLoss', threshold=0.7)
del head
if backbone_checkpoint is not None:
    segmentor.backbone.backbone_cfg.init_cfg = dict(
        type='Pretrained', checkpoint=backbone_checkpoint)
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='SeAFusion'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='GradientLoss', joint=True, loss_weight=10.0)),
    task_mean=None,  # the segmentor gets the fused image as it is
    task_std=None,
    task_channel_order='rgb',
    segmentor=segmentor)
# Of the fuser's turns: whole images, as they are.
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs'),
]
segmentor_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(
        type='OnModality',
        modality='vis',  # which the fused images take the place of
        transforms=[
            dict(
                type='ColorJitter',
                brightness=0.5,
                contrast=0.5,
                saturation=0.5,
                hue=0.0,
                prob=1.0)
        ]),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=[(int(640 * k), int(480 * k)) for k in enlargements],
        keep_ratio=True),
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=fuser_batch_size, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=fuser_lr))
param_scheduler = [
    dict(
        type='StepLR',
        by_epoch=False,
        step_size=fuser_iters // 10,
        gamma=0.75)
]
output_heads = dict(lr_mult=10.)
not_decayed = dict(output_heads, decay_mult=0.)
segmentor_training = dict(
    train_dataloader=dict(
        batch_size=segmentor_batch_size,
        sampler=dict(shuffle=False),
        dataset=dict(pipeline=segmentor_pipeline)),
    optim_wrapper=dict(
        type='OptimWrapper',
        optimizer=dict(
            type='SGD', lr=segmentor_lr, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=dict(
            norm_decay_mult=0.,
            bias_decay_mult=0.,
            # where a name is given, the decay of norms must be, too
            custom_keys={
                '_head': output_heads,
                '_head.convs.0.bn': not_decayed,
                'conv_seg.bias': not_decayed
            })),
    # over all rounds
    param_scheduler=[
        dict(
            type='ExponentialWarmupLR',
            start_factor=1e-3,
            by_epoch=False,
            begin=0,
            end=1000),
        dict(
            type='PolyLR',
            power=0.9,
            by_epoch=False,
            begin=1000,
            end=rounds * segmentor_iters + 1)
    ])
default_hooks = dict(
    checkpoint=dict(save_best='mIoU'),
    rounds=dict(
        type='AdaptiveRoundHook',
        fuser_iters=fuser_iters,
        task_iters=segmentor_iters,
        weights=weights,
        write_fused=True,
        task=segmentor_training))
train_cfg = dict(
    type='IterBasedTrainLoop',
    max_iters=max_iters,
    val_interval=fuser_iters + segmentor_iters)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
find_unused_parameters = True  # of more processes: one part always rests
# Half-size scenes, a quarter of the channels and AdamW, for a CPU; the fuser
# goes on from round to round, since it learns for so short a time.
small_iters = dict(fuser=120, segmentor=200)  # a round
small_total = {key: rounds * value for key, value in small_iters.items()}
small_model = dict(
    fuser=dict(channels=(4, 8, 12)),
    segmentor=dict(
        backbone=dict(
            spatial_channels=(16, 16, 16, 32),
            context_channels=(32, 64, 128),
            out_channels=64,
            backbone_cfg=dict(base_channels=16)),
        decode_head=dict(in_channels=64, channels=64, dropout_ratio=0.0),
        auxiliary_head=dict(in_channels=32, channels=16, dropout_ratio=0.0)))
small_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(96, 128)),
    dict(type='PackFusionInputs'),
]
small_training = dict(
    train_dataloader=dict(
        batch_size=4,
        dataset=dict(
            pipeline=dict(
                OnModality=dict(
                    transforms=dict(
                        ColorJitter=dict(
                            brightness=0.2, contrast=0.2, saturation=0.2))),
                RandomChoiceResize=dict(
                    scales=[(320, 240), (400, 300), (480, 360)]),
                ResizeToCover=dict(size=(160, 192)),
                RandomCrop=dict(crop_size=(160, 192))))),
    optim_wrapper=dict(
        optimizer=dict(
            _drop_=True, type='AdamW', lr=2e-3, weight_decay=0.01),
        paramwise_cfg=dict(_drop_=['custom_keys'])),
    param_scheduler=dict(
        ExponentialWarmupLR=dict(end=30),
        PolyLR=dict(begin=30, end=small_total['segmentor'] + 1)))
small_test = dict(
    dataset=dict(pipeline=dict(Resize=dict(scale=(320, 240)))))
small = dict(
    run_name='seafusion_bisenetv1_synthetic',
    val_dataloader=small_test,
    test_dataloader=small_test,
    model=small_model,
    train_dataloader=dict(
        batch_size=4, dataset=dict(pipeline=small_pipeline)),
    optim_wrapper=dict(optimizer=dict(lr=4e-3)),
    param_scheduler=dict(StepLR=dict(step_size=small_iters['fuser'] // 10)),
    default_hooks=dict(
        logger=dict(interval=10),
        visualization=dict(interval=10),
        rounds=dict(
            fuser_iters=small_iters['fuser'],
            task_iters=small_iters['segmentor'],
            reinit_fuser=False,
            task=small_training)),
    train_cfg=dict(
        max_iters=sum(small_total.values()),
        val_interval=sum(small_iters.values())))
scales = dict(synthetic=small)
# No turns: one fuser, then the segmentor on its images, as long as the other
# learns on all.
choices = dict(
    variant=dict(
        adaptive=dict(),
        frozen=dict(
            default_hooks=dict(
                rounds=dict(
                    weights=weights[:1], task_iters=rounds * segmentor_iters)),
            train_cfg=dict(max_iters=fuser_iters + rounds * segmentor_iters),
            scales=dict(
                synthetic=dict(
                    small,
                    run_name='seafusion_bisenetv1_frozen_synthetic',
                    param_scheduler=dict(
                        StepLR=dict(step_size=small_total['fuser'] // 10)),
                    default_hooks=dict(
                        small['default_hooks'],
                        rounds=dict(
                            small['default_hooks']['rounds'],
                            fuser_iters=small_total['fuser'],
                            task_iters=small_total['segmentor'])))))))
