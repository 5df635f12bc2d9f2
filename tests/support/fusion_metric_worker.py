"""Tests a config; run under torchrun, through gloo.

    python fusion_metric_worker.py CONFIG WORK_DIR
"""
import json
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.runner import Runner

import mmfusion  # noqa: F401


def main() -> None:
    torch.set_num_threads(1)
    cfg = Config.fromfile(sys.argv[1])
    cfg.work_dir = sys.argv[2]
    cfg.launcher = 'pytorch'
    cfg.env_cfg = dict(dist_cfg=dict(backend='gloo'))
    # mmengine hands the local rank to CUDA without asking for one
    torch.cuda.set_device = lambda device: None
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel',
                                 device_ids=None)
    metrics = Runner.from_cfg(cfg).test()
    Path(cfg.work_dir,
         f'rank_{get_rank()}.json').write_text(json.dumps(metrics))


if __name__ == '__main__':
    main()
