"""Training, in one stage or two."""
import os
import re
from contextlib import nullcontext
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmfusion.engine.hooks import StopHook
from mmfusion.fileio.paths import check_outputs
from mmfusion.utils.claims import claimed
from mmfusion.utils.compat import format_configs_once
from mmfusion.utils.config_file import (PathLike, copy_config, require_file,
                                        type_name)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.interruption import stop_request
from mmfusion.utils.loading_guard import guard_loading, weights_only
from mmfusion.utils.loading_steps import state_loading
from mmfusion.utils.progress import announce

from .checkpoint import check_overlap
from .model_loading import name_classes
from .resuming import NothingToResume, check_resumable, latest_checkpoint
from .two_stage import ensure_stage1

_CHECKPOINT = re.compile(r'(iter|epoch|best)_.*\.pth')
_WRITTEN_BY_HAND = re.compile(r'^\s*(#|from\b|import\b|_base_\b)', re.M)
#: launcher to the variable that numbers its processes
_RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


def train(cfg: PathLike | Config, work_dir: PathLike | None = None, *,
          resume: bool | PathLike = False, load_from: PathLike | None = None,
          amp: bool = False, two_stage: bool | dict = False,
          loading: dict | None = None,
          cfg_options: dict | None = None) -> Runner:
    """Train a config, and its first stage where asked for and missing.

    Args:
        cfg (str | PathLike | Config): A config, or where it lies, such as
            ``'mmfusion::fusers/psfusion_msrs.py'``.
        work_dir (str | PathLike, optional): Folder of logs and checkpoints.
            Defaults to the config's, else ``work_dirs/<config name>``.
        resume (bool | str | PathLike): Whether to go on from the last
            checkpoint in ``work_dir``, if any, or from which.
        load_from (str | PathLike, optional): Weights to start from.
        amp (bool): Mixed precision; needs a GPU.
        two_stage (bool | dict): Whether to train ``stage1_config`` first
            where its checkpoint is missing; a dict holds its
            ``cfg_options``. ``amp``, ``resume=True`` and the launcher apply
            to both stages.
        loading (dict, optional): ``on_size_mismatch`` and ``uint16_range``
            of all pipelines, see :class:`LoadFusionPair`.
        cfg_options (dict, optional): Dotted keys to values, such as
            ``{'train_cfg.max_iters': 100, 'randomness.seed': 0,
            'launcher': 'pytorch'}``.

    Returns:
        Runner: That has trained; ``runner.model`` is the model.

    Raises:
        UsageError: If an option, the first stage or a checkpoint does not
            fit, or another training has the work dir.
        KeyboardInterrupt: After SIGINT or SIGTERM, behind a checkpoint.
        FileNotFoundError: If the config or a checkpoint is missing.

    Examples:
        >>> train('fusers/psfusion_msrs.py', 'mine')  # doctest: +SKIP
    """
    cfg = _configure(cfg, cfg_options, work_dir, resume, amp, load_from)
    state_loading(cfg, **(loading or {}))

    def train_stage1(config: str, folder: str) -> None:
        options = two_stage if isinstance(two_stage, dict) else None
        try:
            first = _configure(config, options, folder, resume is True, amp)
        except NothingToResume as error:
            announce([f'{error} Stage 1 starts anew.'])
            first = _configure(config, options, folder, False, amp)
        state_loading(first, **(loading or {}))
        first.launcher = cfg.get('launcher', 'none')
        if (first.get('visualizer') or {}).get('name'):
            # mmengine keeps visualizers by name: without another name, the
            # first one would also write the second stage's curves
            first.visualizer.name += '_stage1'
        run_training(first)

    announce(ensure_stage1(cfg, two_stage is not False, train_stage1))
    return run_training(cfg)


def _configure(cfg: PathLike | Config, options: dict | None,
               work_dir: PathLike | None, resume: bool | PathLike, amp: bool,
               load_from: PathLike | None = None) -> Config:
    """A copy of the config as it will run; see :func:`train`."""
    cfg = copy_config(cfg, options, work_dir)
    if amp:
        _use_amp(cfg)
    if load_from is not None:
        cfg.load_from = require_file(load_from, 'the weights of --load-from',
                                     'Check the path.')
    if resume is True:
        _go_on(cfg)
    elif resume:
        cfg.load_from = require_file(
            resume, 'a checkpoint to resume from',
            'Give the path of a .pth file, or --resume alone for the last '
            f'one in {cfg.work_dir}.')
        cfg.resume = True
    return cfg


def _go_on(cfg: Config) -> None:
    """Resume from the last checkpoint, if any."""
    latest, notes = latest_checkpoint(cfg.work_dir)
    announce(notes)
    if latest is not None:
        cfg.resume, cfg.load_from = True, latest


def _use_amp(cfg: Config) -> None:
    if get_device() == 'cpu':
        raise UsageError(
            '--amp trains in mixed precision on a GPU, and none is visible '
            'here: leave --amp out to train on the CPU.')
    kind = type_name(cfg.optim_wrapper.get('type', 'OptimWrapper'))
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UsageError("--amp needs optim_wrapper.type='OptimWrapper', "
                         f'got {kind!r}: set mixed precision in the config.')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def build_runner(cfg: Config) -> Runner:
    """The runner of a config; ``runner_type`` names another class.

    It compares the classes of data and model, whatever hooks the config has.

    Raises:
        UsageError: If the run would write over the config that it is of.
    """
    guard_loading()
    _keep_config(cfg)
    format_configs_once()
    name_classes(cfg)
    _without_workers(cfg)
    cfg.default_hooks = {
        'num_classes': dict(type='mmfusion.NumClassesHook'),
        **(cfg.get('default_hooks') or {})
    }
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def _without_workers(cfg: Config) -> None:
    """Loaders of ``num_workers=0``: torch refuses what asks for workers."""
    for part in ('train', 'val', 'test'):
        loader = cfg.get(f'{part}_dataloader')
        if isinstance(loader, dict) and not loader.get('num_workers'):
            for name in ('persistent_workers', 'prefetch_factor'):
                loader.pop(name, None)


def _keep_config(cfg: Config) -> None:
    """The runner writes the whole config into the work dir, by its name."""
    source = cfg.filename
    if not source or not os.path.isfile(source):
        return
    text = Path(source).read_text(encoding='utf-8')
    if _WRITTEN_BY_HAND.search(text):  # no dump of an earlier run
        check_outputs([(Path(cfg.work_dir, Path(source).name), (source, ))])


def _keep_weights(cfg: Config) -> None:
    """Checkpoints of a run must not replace those that it starts from."""
    if cfg.get('resume'):
        return
    for start in map(cfg.get, ('load_from', 'stage1_checkpoint')):
        folder, name = os.path.split(start or '')
        if _CHECKPOINT.fullmatch(name) and os.path.isfile(start):
            check_outputs([(cfg.work_dir, ())], [folder or '.'])


def run_training(cfg: Config) -> Runner:
    """Train a config that is complete, in a work dir of its own.

    Ctrl-C and SIGTERM save a checkpoint first; a second Ctrl-C does not
    wait.
    """
    rank = os.environ.get(_RANKS.get(cfg.get('launcher'), ''), '0')
    alone = claimed(cfg.work_dir) if rank == '0' else nullcontext()
    _keep_weights(cfg)
    with alone, stop_request(hurried=True) as request, weights_only():
        if cfg.get('resume') and cfg.get('load_from') is None:
            _go_on(cfg)
        stop = StopHook(request)
        runner = build_runner(cfg)
        start = cfg.get('load_from')
        if start is not None and os.path.isfile(start):
            if cfg.get('resume'):
                check_resumable(start)
            announce(check_overlap(runner.model, start, cfg.get('resume')))
        runner.register_hook(stop)
        runner.train()
    return runner
