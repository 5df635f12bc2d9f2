from .adaptive_round_hook import AdaptiveRoundHook
from .checkpoint_hook import CheckpointHook
from .finite_loss_hook import FiniteLossHook
from .history_bank_hook import HistoryBankHook
from .loss_curve_hook import LossCurveHook
from .loss_stage_hook import LossStageHook
from .num_classes_hook import NumClassesHook
from .step_seed_hook import StepSeedHook
from .stop_hook import StopHook
from .training_strip_hook import TrainingStripHook
from .visualization_hook import FusionVisualizationHook

__all__ = [
    'AdaptiveRoundHook', 'CheckpointHook', 'FiniteLossHook',
    'FusionVisualizationHook', 'HistoryBankHook', 'LossCurveHook',
    'LossStageHook', 'NumClassesHook', 'StepSeedHook', 'StopHook',
    'TrainingStripHook'
]
