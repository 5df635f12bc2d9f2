"""Processes that are as good as newly started, without the wait.

They are forks of one that has imported everything and done nothing, which
saves the seconds that importing takes them each.
"""
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

CONTEXT = multiprocessing.get_context('forkserver')
# What cannot be imported is passed over there: mmdet may be missing.
CONTEXT.set_forkserver_preload([
    'mmfusion.models', 'mmfusion.datasets', 'mmfusion.datasets.detection',
    'mmfusion.evaluation.metrics', 'mmfusion.engine', 'mmfusion.visualization'
])


def run_fresh(function: Callable, *args, log: Path, ranks: int = 1,
              path: Path | None = None) -> list[int]:
    """Call a function in fresh processes.

    Args:
        function (callable): One of a module, with what it takes in ``args``.
        args: Its arguments.
        log (Path): A folder; ``rank_0.log`` there gets what is printed.
        ranks (int): Number of processes. Two or more find each other through
            gloo, see :func:`init_ranks`.
        path (Path, optional): A folder to import from.

    Returns:
        list[int]: Exit status of each; minus the signal that ended it.
    """
    log.mkdir(parents=True, exist_ok=True)
    meeting = log / 'meeting'
    meeting.unlink(missing_ok=True)  # of those that were killed
    processes = [
        CONTEXT.Process(
            target=_call,
            args=(function, args, log / f'rank_{rank}.log', path,
                  (rank, ranks, str(meeting)) if ranks > 1 else None))
        for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        if process.exitcode is None:
            process.kill()
            process.join()
    return [process.exitcode for process in processes]


def _call(function: Callable, args: tuple, log: Path, path: Path | None,
          group: tuple[int, int, str] | None) -> None:
    import torch
    torch.set_num_threads(1)
    if path:
        sys.path.insert(0, str(path))
    if group:
        rank, ranks, meeting = group
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank),
                          WORLD_SIZE=str(ranks), MEETING=meeting)
    with open(log, 'w') as file, contextlib.redirect_stdout(file), \
            contextlib.redirect_stderr(file):
        function(*args)


def init_ranks(cfg) -> None:
    """Let a config run in the processes of :func:`run_fresh`, if several."""
    if 'MEETING' not in os.environ:
        return
    import torch
    cfg.launcher = 'pytorch'
    cfg.env_cfg.dist_cfg = dict(backend='gloo',
                                init_method=f'file://{os.environ["MEETING"]}',
                                rank=int(os.environ['RANK']),
                                world_size=int(os.environ['WORLD_SIZE']))
    # mmengine hands the local rank to CUDA without asking for one
    torch.cuda.set_device = lambda device: None
    cfg.model_wrapper_cfg = dict(dict(type='MMDistributedDataParallel'),
                                 **cfg.get('model_wrapper_cfg') or {},
                                 device_ids=None)
