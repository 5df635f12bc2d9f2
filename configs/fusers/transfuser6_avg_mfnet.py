# BFFR (arXiv 2211.12286), stage 1: TransFuser6 learns the plain average of
# luminance and infrared, as a start for the joint training of stage 2.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/mfnet.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
data_root = _base_.data_root  # folder with vis/, ir/, labels/ and the splits
batch_size = 2  # pairs a process
max_iters = 20000  # the authors train on iteration 20,000 of a 160,000 run

# ============================ possibly modified =============================
base_lr = 6e-4
crop_size = (240, 320)  # (height, width), pixels

# ============================= rarely modified ==============================
# The authors' code sees images in OpenCV's channel order and never clamps.
model = dict(fuser=dict(channel_order='bgr', clamp=False))
train_pipeline = [
    {**step, 'crop_size': crop_size} if step['type'] == 'RandomCrop' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
# Stops early on the slope of the long schedule: 5.25e-4 at the end.
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
default_hooks = dict(
    checkpoint=dict(interval=1000), visualization=dict(draw=True))
# Without the switches that reproduce the authors' code.
small = dict(model=dict(fuser=dict(_drop_=['channel_order', 'clamp'])))
scales = dict(
    mini=dict(run_name='transfuser6_mini', **small),
    synthetic=dict(run_name='transfuser6_synthetic', **small))
