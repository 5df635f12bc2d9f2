"""Optimizers and processes of fusers that learn against discriminators."""
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel, is_model_wrapper
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from torch import Tensor, nn

from mmfusion.registry import MODEL_WRAPPERS, OPTIM_WRAPPER_CONSTRUCTORS
from mmfusion.utils.errors import UsageError


@MODEL_WRAPPERS.register_module()
class AdversarialDataParallel(MMDistributedDataParallel):
    """DDP of a model that trains in turns with its discriminators.

    Each half of a step reaches other parameters.

    Args:
        args, kwargs: See :class:`mmengine.model.MMDistributedDataParallel`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(
            *args, **{
                'find_unused_parameters': True,
                'broadcast_buffers': False,
                **kwargs
            })

    def train_step(self, data: dict,
                   optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """The model's step, whose networks run through this wrapper."""
        return self.module.train_step(data, optim_wrapper, network=self)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class AdversarialOptimWrapperConstructor:
    """An optimizer of the discriminators and one of all else, alike.

    Args:
        optim_wrapper_cfg (dict): As of any training. What its
            ``discriminators`` says is changed in theirs, such as
            ``dict(optimizer=dict(lr=1e-4))``.
        paramwise_cfg (dict, optional): See
            :class:`mmengine.optim.DefaultOptimWrapperConstructor`.
    """

    def __init__(self, optim_wrapper_cfg: dict,
                 paramwise_cfg: dict | None = None) -> None:
        cfg = dict(optim_wrapper_cfg)
        changes = cfg.pop('discriminators', None) or {}
        self.generator = Config(dict(cfg, paramwise_cfg=paramwise_cfg))
        self.discriminators = Config(self.generator.to_dict())
        self.discriminators.merge_from_dict(dict(changes))

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """``generator`` and ``discriminators`` of a wrapper.

        Raises:
            UsageError: If it has no discriminators, or is spread over
                processes by another wrapper.
        """
        if is_model_wrapper(model):
            if not isinstance(model, AdversarialDataParallel):
                raise UsageError(
                    'Discriminators train on several processes with '
                    "model_wrapper_cfg=dict(type='mmfusion."
                    f"AdversarialDataParallel'), got {type(model).__name__}.")
            model = model.module
        if not hasattr(model, 'discriminators'):
            raise UsageError(
                'Expected a model with discriminators for '
                f'{type(self).__name__}, got {type(model).__name__}. Leave '
                'optim_wrapper.constructor out.')
        parts = dict(model.named_children())
        judges = dict(discriminators=parts.pop('discriminators'))
        return OptimWrapperDict(
            generator=build_optim_wrapper(nn.ModuleDict(parts),
                                          self.generator.to_dict()),
            discriminators=build_optim_wrapper(nn.ModuleDict(judges),
                                               self.discriminators.to_dict()))
