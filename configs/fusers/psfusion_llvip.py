# PSFusion on LLVIP, before joint training with a detector. Boxes stand in for
# masks of salient objects; there are no label maps, so the semantic, binary
# and boundary terms are zero and those heads stay untrained.
_base_ = [
    '../_base_/models/psfusion.py',
    '../_base_/datasets/llvip_det.py',
    '../_base_/schedules/psfusion_677k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
max_iters = 40000  # about 13 epochs at 4 pairs; ours, not the paper's
batch_size = 4  # pairs a process

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(fuse_only=True),  # no use of the untrained heads
    fusion_losses=dict(psfusion=dict(labels='optional')))
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(pipeline=_base_.fusion_train_pipeline))
ends = dict(PolyLR=dict(end=max_iters + 1))
param_scheduler = [
    {**step, **ends.get(step['type'], {})} for step in _base_.param_scheduler
]
train_cfg = dict(max_iters=max_iters)
val_dataloader = _base_.fusion_dataloader
test_dataloader = None
test_cfg = None
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = None
# Persons as large as in joint training: 0.3 of the loaded size, 1280x1024.
mini_crop_size = (192, 256)
scales = dict(
    mini=dict(
        run_name='psfusion_llvip_mini',
        train_cfg=dict(max_iters=300),
        param_scheduler=dict(PolyLR=dict(end=300)),
        train_dataloader=dict(
            dataset=dict(pipeline=[
                dict(type='LoadFusionPair'),
                dict(type='DeriveBoxMask'),
                dict(type='Resize', scale_factor=0.3, keep_ratio=True),
                dict(type='ResizeToCover', size=mini_crop_size),
                dict(type='RandomCrop', crop_size=mini_crop_size),
                dict(type='RandomFlip', prob=0.5),
                dict(type='PackFusionInputs'),
            ])),
        val_dataloader=dict(dataset=dict(pipeline=_base_.fusion_pipeline))))
