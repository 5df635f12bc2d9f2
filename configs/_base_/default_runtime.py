# Logging, checkpoints, pictures: what all configs share.

# =========================== frequently modified ============================
load_from = None  # checkpoint to start from; `--resume` continues a run
log_level = 'INFO'

# ============================ possibly modified =============================
# All hooks have a name, so that a child config changes one by one line, and
# adds one likewise: default_hooks = dict(ema=dict(type='EMAHook')).
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook',
        by_epoch=False,
        interval=2000,  # iterations
        max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # draw=True writes panels of fused images at every validation
    visualization=dict(type='FusionVisualizationHook', draw=False),
    curves=dict(type='LossCurveHook'),
    finite_loss=dict(type='FiniteLossHook'),
    # checks what refresh losses need; without them it does nothing
    history_bank=dict(type='HistoryBankHook'),
    num_classes=dict(type='NumClassesHook'))
# TensorBoard: _base_/tensorboard.py in place of this file, or the line
# visualizer = dict(vis_backends=[dict(type='LocalVisBackend'),
#                                 dict(type='TensorboardVisBackend')])
visualizer = dict(
    type='FusionLocalVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend')])

# ============================= rarely modified ==============================
default_scope = 'mmfusion'
env_cfg = dict(
    cudnn_benchmark=True,  # crops have one size: pick the fastest kernels
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
log_processor = dict(by_epoch=False)
resume = False
tta_model = dict(type='FuserSegTTAModel')
# Short trainings write checkpoints and pictures more often.
short_runtime = dict(
    default_hooks=dict(
        checkpoint=dict(_drop_=['save_best'], interval=300),
        visualization=dict(draw=True)))
runtime_scales = dict(mini=short_runtime, synthetic=short_runtime)
