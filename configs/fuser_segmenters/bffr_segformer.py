# BFFR (arXiv 2211.12286), stage 2: TransFuser6 and SegFormer-B0 trained end
# to end on MFNet, under the switches that reproduce the authors' code. For a
# new project rather start from psfusion_segformer.py, which normalizes what
# the segmentor sees and shows the very image that it segments.
_base_ = [
    '../_base_/models/bffr_segformer.py',
    '../_base_/datasets/mfnet.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
data_root = _base_.data_root  # folder with vis/, ir/, labels/ and the splits
num_classes = 9
stage1_config = 'fusers/transfuser6_avg_mfnet.py'
stage1_checkpoint = 'work_dirs/transfuser6_avg_mfnet/iter_20000.pth'
# MiT-B0 weights as mmseg's model zoo lists them; None trains from scratch,
# which the paper does not.
backbone_checkpoint = None
batch_size = 4  # pairs a process
# Classes that are not taught, as in BFFR's ablation: ('car', 'person')
ignore_classes = ()

# ============================ possibly modified =============================
fuser_lr_mult = 1.0  # learning-rate factor of the fuser
crop_size = (240, 320)  # (height, width), pixels
stride = (120, 160)  # of slide inference: nine overlapping crops of 480x640

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(
        channel_order='bgr',
        clamp=False,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fuse_first=False,  # every crop is fused anew
    task_mean=None,  # the backbone gets the raw fused image
    task_std=None,
    task_channel_order='bgr',
    data_preprocessor=dict(size=crop_size),
    segmentor=dict(
        decode_head=dict(num_classes=num_classes),
        test_cfg=dict(mode='slide', crop_size=crop_size, stride=stride)))
if backbone_checkpoint is not None:
    model['segmentor']['backbone'] = dict(
        init_cfg=dict(type='Pretrained', checkpoint=backbone_checkpoint))
train_pipeline = [
    {**step, 'crop_size': crop_size} if step['type'] == 'RandomCrop' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        data_root=data_root,
        pipeline=train_pipeline,
        ignore_classes=ignore_classes))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(data_root=data_root))
# The longest matching name wins, so the fuser's norms need keys of their own
# to keep both its factor and their freedom from weight decay.
fuser_norms = {
    f'_attentions.{scale}.{part}norm': dict(
        lr_mult=fuser_lr_mult, decay_mult=0.)
    for scale in range(4)
    for part in ('', 'before.0.', 'before.1.', 'after.0.', 'after.1.')
}
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(fuser=dict(lr_mult=fuser_lr_mult), **fuser_norms)))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
# Without the switches that reproduce the authors' code.
small = dict(
    train_dataloader=dict(dataset=dict(ignore_classes=ignore_classes)),
    model=dict(
        _drop_=['fuse_first', 'task_mean', 'task_std', 'task_channel_order'],
        fuser=dict(_drop_=['channel_order', 'clamp']),
        data_preprocessor=dict(_drop_=['size']),
        segmentor=dict(
            test_cfg=dict(_drop_=['crop_size', 'stride'], mode='whole'))))
scales = dict(
    mini=dict(run_name='bffr_segformer_mini', **small),
    synthetic=dict(run_name='bffr_segformer_synthetic', **small))
