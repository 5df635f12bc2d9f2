"""Commands that fuse, and never train, start without what training needs."""
import sys
from importlib import import_module
from types import ModuleType

#: what mmengine's optimizers do without where it is missing; seconds
_ABSENT = ('torch.distributed.optim', 'transformers')
_SHARDED = 'mmengine.model.wrappers.fully_sharded_distributed'
_WRAPPER = 'MMFullyShardedDataParallel'


def import_without_training() -> None:
    """Import mmengine's models in half the time.

    mmengine imports its optimizers and its wrapper for sharded training
    beside its base classes of models; they import most of torch's distributed
    training and the package transformers. A process that calls this first
    cannot train: for command lines alone.
    """
    if 'mmengine.model' in sys.modules:
        return
    absent = [name for name in _ABSENT if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    stand_in = ModuleType(_SHARDED)
    setattr(stand_in, _WRAPPER, type(_WRAPPER, (), {}))
    sys.modules[_SHARDED] = stand_in
    try:
        import_module('mmengine.model')
    finally:
        for name in absent:
            del sys.modules[name]
