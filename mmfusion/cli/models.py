"""Models that command lines name."""
import argparse
import os
from typing import Any

from mmfusion.utils.errors import UsageError
from mmfusion.utils.model_index import box_weights_of, model_entry

from .flags import loading_of


def check_model(name: str, weights: str | None) -> None:
    """Refuse what cannot be loaded, before torch is imported.

    Raises:
        FileNotFoundError: If there is no such model or file.
        UsageError: If a named model needs weights, and none are given.
    """
    entry = model_entry(name)
    if entry is None and not os.path.isfile(name):
        from mmfusion.utils.config_file import find_config
        find_config(name)
    if weights is not None and not os.path.isfile(weights):
        raise FileNotFoundError(
            f'Expected weights at {weights!r}, but there are none.')
    if entry is not None and weights is None and not entry.ready:
        raise UsageError(f'Expected --weights FILE for {entry.name}, whose '
                         f'weights are not in the box. {entry.advice()}.')


def load_model(args: argparse.Namespace) -> Any:
    """The model of :func:`.flags.add_model`.

    Args:
        args (argparse.Namespace): Also with what :func:`.flags.add_device`,
            ``add_task``, ``add_backend`` and ``add_loading`` declare.

    Raises:
        UsageError: If the weights do not fit.
        FileNotFoundError: If a file is missing.
    """
    import torch

    from mmfusion.apis.model_loading import init_model, require_weights
    from mmfusion.models.exported.runtimes import is_exported
    from mmfusion.utils.loading_steps import state_loading
    config: Any = args.model
    weights = args.weights or box_weights_of(config)
    exported = is_exported(config) or is_exported(weights)
    if args.task:
        from mmfusion.apis.fusing import use_task
        from mmfusion.utils.config_file import load_config
        if is_exported(config):
            raise UsageError('--task is not of exported files: they know '
                             'theirs.')
        config = load_config(config)
        use_task(config, args.task)
    device = args.device or ('cuda' if torch.cuda.is_available()
                             and not exported else 'cpu')
    model = init_model(config, weights, device, fuser_is_enough=True,
                       backend=args.backend)
    state_loading(model.cfg, **loading_of(args))
    require_weights(model, args.model)
    return model
