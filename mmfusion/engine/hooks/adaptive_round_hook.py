"""A fuser and the task network behind it, trained in turns."""
import copy
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import barrier
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from mmfusion.fileio.paths import output_path
from mmfusion.registry import HOOKS, MODELS
from mmfusion.utils.compat import advances_by_loading
from mmfusion.utils.errors import UsageError, check_least
from mmfusion.utils.files import write_image

from .loss_stage_hook import wrapper_of

FUSER, TASK = 'fuser', 'task'


class Turn(NamedTuple):
    """Where a training stands.

    Attributes:
        round (int): Counted from 0.
        part (str): Which of both learns, ``'fuser'`` or ``'task'``.
        step (int): Iterations of the turn that are done.
    """
    round: int
    part: str
    step: int


@HOOKS.register_module()
class AdaptiveRoundHook(Hook):
    """Trains a fuser and the task network behind it in turns.

    SeAFusion's joint scheme (Information Fusion 82, 2022, pp. 28-42), for
    any :class:`JointFusionModel`. A round has two turns. In the first the
    fuser learns, from its fusion losses and through the frozen task network,
    whose losses weigh the more the later the round; in the second the task
    network learns on what the frozen fuser gives. Frozen parts are in eval
    mode: neither weights nor statistics change.

    The run's ``train_dataloader``, ``optim_wrapper`` and ``param_scheduler``
    are those of the fuser; each of its turns begins them anew. The task
    network's are in ``task``; its schedule goes on from round to round. What
    an iteration does follows from its number alone, so that a resumed run
    goes on as the uninterrupted one (the sampler must have ``skip``). The
    log tells each turn, and with every line ``round``, ``fuser_learns`` (1 or
    0) and the factor ``stage/segmentor`` or ``stage/detector``.

    Args:
        fuser_iters (int): Iterations of the fuser a round.
        task_iters (int): Iterations of the task network a round.
        task (dict): ``optim_wrapper``, ``param_scheduler`` and what the
            ``train_dataloader`` has other than the fuser's.
        weights (sequence[float]): Factor of the task network's losses while
            the fuser learns, one a round; at 0 it is not run.
        aux_weights (tuple[float, float]): Further factor of its auxiliary
            heads, while the fuser and while it learns itself.
        reinit_fuser (bool): Whether the fuser begins each round as its
            config says, with new weights or those of its ``init_cfg``; else
            with those of the round before. Defaults to True.
        write_fused (bool): Whether the training set is fused before the task
            network's turn, into ``fused/<round>/<stem>.png`` of the work
            folder, and read from there: contrast is stretched over each
            batch, photometric transforms of ``vis`` act on fused images. By
            default images are fused as they come, after all transforms.

    Raises:
        UsageError: If the model is no joint one or ``max_iters`` not that of
            all rounds.
    """

    def __init__(self, fuser_iters: int, task_iters: int, task: dict,
                 weights: Sequence[float] = (0, 1, 2, 3),
                 aux_weights: tuple[float, float] = (0.1, 0.75),
                 reinit_fuser: bool = True, write_fused: bool = False) -> None:
        check_least(1, fuser_iters=fuser_iters, task_iters=task_iters,
                    rounds=len(weights))
        check_least(0, weights=min(weights), aux_weights=min(aux_weights))
        if 'optim_wrapper' not in task:
            raise ValueError('Expected task=dict(optim_wrapper=...), got '
                             f'{list(task)}.')
        self.iters = {FUSER: fuser_iters, TASK: task_iters}
        self.task = ConfigDict(task)
        self.weights = tuple(weights)
        self.aux_weights = dict(zip((FUSER, TASK), aux_weights, strict=True))
        self.reinit_fuser = reinit_fuser
        self.write_fused = write_fused
        self._prepared: tuple | None = None
        self._learners: dict[str, list] = {}

    def turn(self, iteration: int) -> Turn:
        """What the iteration of that number, counted from 0, belongs to."""
        index, step = divmod(iteration, sum(self.iters.values()))
        if step < self.iters[FUSER]:
            return Turn(index, FUSER, step)
        return Turn(index, TASK, step - self.iters[FUSER])

    def before_run(self, runner) -> None:
        """Check the length, and note which parameters may learn."""
        from mmfusion.models.wrappers.joint_model import JointFusionModel
        model = wrapper_of(runner)
        if not isinstance(model, JointFusionModel):
            raise UsageError(
                'AdaptiveRoundHook: expected a FuserSegmenter or '
                f'FuserDetector, got {type(model).__name__}. Leave it out.')
        total = len(self.weights) * sum(self.iters.values())
        if runner.max_iters != total:
            raise UsageError(
                f'AdaptiveRoundHook: expected train_cfg.max_iters={total} for '
                f'{len(self.weights)} rounds of {self.iters[FUSER]} + '
                f'{self.iters[TASK]} iterations, got {runner.max_iters}.')
        if self.write_fused and model.roles.task.name != 'ivf':
            raise UsageError('AdaptiveRoundHook: expected pairs of the task '
                             "'ivf' for write_fused=True, got "
                             f'{model.roles.task.name!r}. Set it to False.')
        task = list(model.task_network.parameters())
        known = {id(parameter) for parameter in task}
        fuser = [p for p in model.parameters() if id(p) not in known]
        self._learners = {
            part: [p for p in parameters if p.requires_grad]
            for part, parameters in {
                FUSER: fuser,
                TASK: task
            }.items()
        }

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """The states of a resumed run are those of its last turn."""
        if runner._resume:
            self._prepare(runner, self.turn(checkpoint['meta']['iter'] - 1))

    def before_train(self, runner) -> None:
        """From here on the loop gets each turn's own batches."""
        runner.train_loop.dataloader_iterator = _Batches(self, runner)

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch: Any = None) -> None:
        """Log where the training stands."""
        model, turn = wrapper_of(runner), self.turn(runner.iter)
        runner.message_hub.update_scalars({
            'train/round':
            turn.round + 1,
            'train/fuser_learns':
            int(turn.part == FUSER),
            f'train/stage/{model.TASK}':
            model.term_factors[model.TASK]
        })

    def begin(self, runner, turn: Turn) -> DataLoader:
        """Begin a turn, or go on within it.

        Returns:
            DataLoader: Of the batches that come next.
        """
        model = wrapper_of(runner)
        if turn[:2] != self._prepared:
            self._prepare(runner, turn)
        if turn.step == 0:
            scalars = runner.message_hub.log_scalars
            for key in [key for key in scalars if key.startswith('train/')]:
                if 'loss' in key or 'acc_' in key:
                    del scalars[key]  # it would be shown again and again
            if turn.part == FUSER and turn.round and self.reinit_fuser:
                self._renew(runner, model.fuser, turn.round)
            if turn.part == TASK and self.write_fused:
                self._write(runner, model, turn.round)
        learning = model.TASK if turn.part == TASK else FUSER
        runner.logger.info(
            f'Round {turn.round + 1} of {len(self.weights)}: the {learning} '
            f'learns for {self.iters[turn.part] - turn.step} iterations, '
            f'losses of the {model.TASK} times '
            f'{model.term_factors[model.TASK]:g}.')
        loader = runner.build_dataloader(self._loader_cfg(runner, turn),
                                         seed=runner.seed)
        if hasattr(loader.sampler, 'skip'):
            done = turn.round * self.iters[turn.part] + turn.step
            loader.sampler.skip(done * loader.batch_size)
        runner.train_loop.dataloader = loader
        runner.model.train()  # the loop has done so for the turn before
        return loader

    def _prepare(self, runner, turn: Turn) -> None:
        """Freeze the other part, weight the losses, make the optimizer."""
        self._prepared = turn[:2]
        model, fusing = wrapper_of(runner), turn.part == FUSER
        model.fuser_frozen, model.task_frozen = not fusing, fusing
        for part, parameters in self._learners.items():
            for parameter in parameters:
                parameter.requires_grad_(part == turn.part)
        model.given_fused = self.write_fused and not fusing
        model.term_factors.update({
            model.TASK:
            float(self.weights[turn.round]) if fusing else 1.,
            f'{model.TASK}.aux':
            self.aux_weights[turn.part]
        })
        own = copy.deepcopy(runner.cfg if fusing else self.task)
        runner.optim_wrapper = runner.build_optim_wrapper(own.optim_wrapper)
        runner.param_schedulers = runner.build_param_scheduler(
            own.get('param_scheduler') or [])
        if not fusing:
            with warnings.catch_warnings():
                # of a scheduler that is ahead of its optimizer
                warnings.simplefilter('ignore')
                for _ in range(turn.round * self.iters[TASK]):
                    for scheduler in runner.param_schedulers:
                        scheduler.step()
        runner.optim_wrapper.initialize_count_status(runner.model, runner.iter,
                                                     runner.max_iters)

    def _loader_cfg(self, runner, turn: Turn) -> ConfigDict:
        cfg = Config(dict(loader=copy.deepcopy(runner.cfg.train_dataloader)))
        if turn.part == TASK:
            cfg.merge_from_dict(
                dict(loader=self.task.get('train_dataloader', {})))
            if self.write_fused:
                folder = str(_folder(runner, turn.round).resolve())
                cfg.merge_from_dict(
                    dict(loader=dict(
                        dataset=dict(data_prefix=dict(vis_path=folder),
                                     vis_stem='{stem}', vis_suffix='.png'))))
        return cfg.loader

    @staticmethod
    def _renew(runner, fuser: torch.nn.Module, index: int) -> None:
        """Weights as at the start of a run, the same in all processes."""
        with torch.random.fork_rng():
            torch.manual_seed(runner.seed + index)
            fresh = MODELS.build(copy.deepcopy(runner.cfg.model.fuser))
            fresh.init_weights()
        fuser.load_state_dict(fresh.state_dict())

    def _write(self, runner, model: torch.nn.Module, index: int) -> None:
        """Fuse the training set, whole images in their order."""
        cfg = copy.deepcopy(runner.cfg.train_dataloader)
        cfg.batch_size = self.task.get('train_dataloader',
                                       {}).get('batch_size', cfg.batch_size)
        cfg.sampler = dict(type='DefaultSampler', shuffle=False)
        cfg.dataset.pipeline = [
            step for step in cfg.dataset.pipeline
            if step['type'] in ('LoadFusionPair', 'PackFusionInputs')
        ]
        model.eval()
        for batch in runner.build_dataloader(cfg):
            with torch.no_grad():
                samples = model.predict_fused(
                    **model.data_preprocessor(batch, training=False))
            images = [sample.fused_img.data.clamp(0, 1) for sample in samples]
            low = min(image.amin() for image in images)
            high = max(image.amax() for image in images)
            for image, sample in zip(images, samples, strict=True):
                image = 255 * (image - low) / (high - low).clamp_min(1e-6)
                write_image(
                    output_path(_folder(runner, index), sample.stem),
                    image.to(torch.uint8).permute(1, 2, 0).cpu().numpy())
        barrier()


def _folder(runner, index: int) -> Path:
    return Path(runner.work_dir, 'fused', f'round_{index + 1}')


class _Batches:
    """Endless batches, those of the turn that the training is in."""

    def __init__(self, hook: AdaptiveRoundHook, runner) -> None:
        self.hook = hook
        self.runner = runner
        self._turn: tuple | None = None
        self._batches: Iterator = iter(())
        #: batches that the loop asks for to pass over them
        self._passed_over = runner.iter if advances_by_loading() else 0

    def __iter__(self) -> '_Batches':
        return self

    def __next__(self) -> dict:
        if self._passed_over:
            self._passed_over -= 1
            return {}
        turn = self.hook.turn(self.runner.iter)
        if turn[:2] != self._turn:
            self._turn = turn[:2]
            self._batches = _endless(self.hook.begin(self.runner, turn))
        return next(self._batches)

    def skip_iter(self, num_iters: int) -> None:
        """Nothing: where to go on follows from the iteration."""


def _endless(loader: DataLoader) -> Iterator[dict]:
    while True:
        yield from loader
