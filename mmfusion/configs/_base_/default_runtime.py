from mmengine.hooks import (CheckpointHook, DistSamplerSeedHook, IterTimerHook,
                            LoggerHook, ParamSchedulerHook)
from mmengine.visualization import LocalVisBackend

from mmfusion.engine.hooks import (FiniteLossHook, FusionVisualizationHook,
                                   HistoryBankHook, LossCurveHook)
from mmfusion.models.wrappers import FuserSegTTAModel
from mmfusion.visualization import FusionLocalVisualizer

load_from = None
log_level = 'INFO'
default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(
        type=CheckpointHook, by_epoch=False, interval=2000, max_keep_ckpts=3),
    sampler_seed=dict(type=DistSamplerSeedHook),
    visualization=dict(type=FusionVisualizationHook, draw=False),
    curves=dict(type=LossCurveHook),
    finite_loss=dict(type=FiniteLossHook),
    history_bank=dict(type=HistoryBankHook))
visualizer = dict(
    type=FusionLocalVisualizer,
    name='visualizer',
    vis_backends=[dict(type=LocalVisBackend)])
default_scope = 'mmfusion'
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
log_processor = dict(by_epoch=False)
resume = False
tta_model = dict(type=FuserSegTTAModel)
