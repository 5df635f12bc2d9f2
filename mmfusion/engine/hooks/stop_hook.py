"""A signal ends a training behind a checkpoint."""
import torch
from mmengine.dist import all_reduce, barrier, get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, EMAHook, Hook

from mmfusion.utils.files import write_text
from mmfusion.utils.interruption import Interrupted, StopRequest


class StopHook(Hook):
    """Saves a checkpoint once a signal asked to stop, and stops.

    All processes of a training stop after the same iteration, and none
    before the checkpoint is written. Within a validation only one that
    runs alone stops.

    Args:
        request (StopRequest): Armed with the first iteration.

    Raises:
        Interrupted: From the training loop, naming the checkpoint.
    """
    # Behind the hooks that change what is saved.
    priority = 'LOWEST'

    def __init__(self, request: StopRequest) -> None:
        self.request = request
        request.armed = False

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch=None) -> None:
        self.request.armed = True

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs: dict | None = None) -> None:
        if get_world_size() > 1:
            number = torch.tensor(int(self.request.number))
            all_reduce(number, 'max')
            if number:
                self.request.ask(int(number))
        if self.request:
            self._stop(runner, runner.iter + 1)

    def after_val_iter(self, runner, batch_idx: int, data_batch=None,
                       outputs=None) -> None:
        if self.request and get_world_size() == 1:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):  # gives the weights back
                    hook.after_val_epoch(runner)
            self._stop(runner, runner.iter)

    def after_train(self, runner) -> None:
        if self.request:
            raise Interrupted('the training is complete.')

    def _stop(self, runner, done: int) -> None:
        """``done`` is the number of iterations."""
        savers = [
            hook for hook in runner.hooks if isinstance(hook, CheckpointHook)
        ]
        text = 'no CheckpointHook, nothing is saved.'
        for saver in savers[:1]:
            if not str(saver.last_ckpt).endswith(f'iter_{done}.pth'):
                self._save(runner, saver, done)
            text = (f'saved {saver.last_ckpt}. To go on, give the same '
                    'command with --resume.')
        barrier()
        raise Interrupted(text if is_main_process() else '')

    @staticmethod
    def _save(runner, saver: CheckpointHook, done: int) -> None:
        meta = dict(epoch=runner.epoch, iter=done)
        if not saver.by_epoch:
            saver._save_checkpoint_with_step(runner, done, meta)
            return
        # in the middle of an epoch, which begins again
        name = f'iter_{done}.pth'
        saver.last_ckpt = saver.file_backend.join_path(saver.out_dir, name)
        runner.save_checkpoint(saver.out_dir, name, meta=meta, by_epoch=False,
                               save_optimizer=saver.save_optimizer,
                               save_param_scheduler=saver.save_param_scheduler)
        if is_main_process():
            write_text(f'{runner.work_dir}/last_checkpoint', saver.last_ckpt)
