"""Checkpoints that are whole, and older ones that stay until they are."""
from pathlib import Path
from typing import Any

from mmengine import hooks
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.runner import Runner

from mmfusion.registry import HOOKS
from mmfusion.utils.files import PathLike, finished_file, write_text


@register_backend('local', force=True, prefixes='')
class FinishedFileBackend(LocalBackend):
    """mmengine's writer of local files, which appear complete or not at all.

    A process that is killed while it writes leaves the older file.
    """

    def put(self, obj: bytes, filepath: PathLike) -> None:
        """Write bytes; see :func:`mmfusion.utils.files.finished_file`."""
        with finished_file(filepath) as draft:
            super().put(obj, draft)


class _RemovesLater:
    """A file backend that notes what it is to remove.

    Args:
        backend (BaseStorageBackend): Does all else.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.outdated: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.outdated.append(path)

    rmtree = remove


@HOOKS.register_module()
class CheckpointHook(hooks.CheckpointHook):
    """mmengine's hook, under its name, that loses no checkpoint.

    What a new checkpoint replaces goes when the new one is there. The names
    of older ones come from the checkpoint that was resumed: what lies
    outside this run's folder stays.

    Args:
        args, kwargs: See :class:`mmengine.hooks.CheckpointHook`.
    """

    def before_train(self, runner: Runner) -> None:
        """See mmengine."""
        hub = runner.message_hub
        steps = hub.runtime_info.get('keep_ckpt_ids')
        if steps is not None:
            hub.update_info('keep_ckpt_ids',
                            [step for step in steps if isinstance(step, int)])
        super().before_train(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        outdated = []
        if self.max_keep_ckpts > 0 and [*self.keep_ckpt_ids][-1:] != [step]:
            while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
                outdated.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids',
                                           list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(self.out_dir, name, self.file_client_args,
                               save_optimizer=self.save_optimizer,
                               save_param_scheduler=self.save_param_scheduler,
                               meta=meta, by_epoch=self.by_epoch,
                               backend_args=self.backend_args, **self.args)
        if is_main_process():
            write_text(Path(runner.work_dir, 'last_checkpoint'),
                       str(self.last_ckpt))
            self._remove([
                self.file_backend.join_path(self.out_dir,
                                            self.filename_tmpl.format(old))
                for old in outdated
            ])

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        backend = self.file_backend
        self.file_backend = later = _RemovesLater(backend)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = backend
        self._remove(later.outdated)

    def _remove(self, paths: list[str]) -> None:
        """Remove files, or DeepSpeed's folders, of this run."""
        known = vars(self)
        current = {
            known.get('best_ckpt_path'),
            *known.get('best_ckpt_path_dict', {}).values()
        }
        folder = Path(self.out_dir).resolve()
        for path in paths:
            if path in current or Path(path).parent.resolve() != folder:
                continue
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                self.file_backend.rmtree(path)
