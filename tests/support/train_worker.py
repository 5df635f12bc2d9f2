"""Trains a config; run as a script, alone or under torchrun.

    python train_worker.py CONFIG WORK_DIR [--resume] [--die-at N]

``--die-at`` kills the process (all ranks) right after iteration N, as a
power cut would. Under torchrun the two processes talk through gloo.
"""
import argparse
import os
import signal

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmfusion  # noqa: F401


class DieAt(Hook):
    """Ends the process the hard way after a given iteration."""
    priority = 'LOWEST'

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    parser.add_argument('work_dir')
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--die-at', type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cfg = Config.fromfile(args.config)
    cfg.work_dir = args.work_dir
    cfg.resume = args.resume
    if 'RANK' in os.environ:
        cfg.launcher = 'pytorch'
        cfg.env_cfg.dist_cfg = dict(backend='gloo')
        # mmengine hands the local rank to CUDA without asking for one
        torch.cuda.set_device = lambda device: None
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel',
                                     device_ids=None)
    runner = Runner.from_cfg(cfg)
    if args.die_at:
        runner.register_hook(DieAt(args.die_at))
    runner.train()


if __name__ == '__main__':
    main()
