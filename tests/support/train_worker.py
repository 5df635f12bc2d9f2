"""Trains a config in a process of its own; see ``fresh_processes``."""
import os
import signal
import sys

import psutil
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmfusion  # noqa: F401
from mmfusion.apis.training import run_training
from mmfusion.cli.legacy import run
from mmfusion.registry import HOOKS
from tests.support.fresh_processes import init_ranks


@HOOKS.register_module()
class DieAt(Hook):
    """Sends the process a signal, the hard one by default.

    Others also reach the processes that load data.

    Args:
        iteration (int): After which.
        number (int): Of the signal.
        where (str): In the hook's method of that name.
    """
    priority = 'LOWEST'

    def __init__(self, iteration: int, number: int = signal.SIGKILL,
                 where: str = 'after_train_iter') -> None:
        self.iteration, self.number, self.where = iteration, number, where

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self._send('after_train_iter', runner.iter + 1)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._send('after_val_iter', runner.iter)

    def _send(self, where: str, done: int) -> None:
        if (where, done) == (self.where, self.iteration):
            if self.number != signal.SIGKILL:  # as launchers and terminals
                for worker in psutil.Process().children():
                    worker.send_signal(self.number)
            os.kill(os.getpid(), self.number)


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


def train_as_a_tool(config: str, work_dir: str, signal_at: dict) -> None:
    """``signal_at`` holds arguments of :class:`DieAt`; of several ranks,
    the last one alone gets the signal."""
    cfg = Config.fromfile(config)
    cfg.work_dir = work_dir
    init_ranks(cfg)
    ranks = int(os.environ.get('WORLD_SIZE', 1))
    if int(os.environ.get('RANK', 0)) == ranks - 1:
        cfg.custom_hooks.append(dict(signal_at, type='DieAt'))
    sys.exit(run(lambda: run_training(cfg) and 0))
