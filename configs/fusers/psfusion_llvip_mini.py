# PSFusion, slim and short, on a small set of LLVIP pairs; see
# psfusion_llvip.py.
_base_ = [
    '../_base_/models/psfusion.py',
    '../_base_/datasets/det_llvip_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

max_iters = 300
model = dict(
    fuser=dict(base_channels=8, depths=(1, 1, 1, 1), fuse_only=True),
    losses=dict(psfusion=dict(labels='optional')))
train_dataloader = dict(
    dataset=dict(pipeline=_base_.fusion_train_pipeline))
param_scheduler = _base_.param_scheduler
param_scheduler[1].end = max_iters
train_cfg = dict(max_iters=max_iters)
val_dataloader = _base_.fusion_dataloader
test_dataloader = None
test_cfg = None
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = None
