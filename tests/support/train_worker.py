"""Trains a config in a process of its own; see ``fresh_processes``."""
import os
import signal

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmfusion  # noqa: F401
from tests.support.fresh_processes import init_ranks


class DieAt(Hook):
    """Ends the process the hard way after a given iteration."""
    priority = 'LOWEST'

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


def train(config: str, work_dir: str, resume: bool = False,
          die_at: int | None = None) -> None:
    """``die_at`` kills the process (all ranks) right after that iteration,
    as a power cut would."""
    cfg = Config.fromfile(config)
    cfg.work_dir = work_dir
    cfg.resume = resume
    init_ranks(cfg)
    runner = Runner.from_cfg(cfg)
    if die_at:
        runner.register_hook(DieAt(die_at))
    runner.train()
