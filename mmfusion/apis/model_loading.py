"""Models for inference, of a config, a checkpoint or an exported file."""
import inspect
from typing import Any

from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from torch import nn

from mmfusion.models.exported.fuser import backend_model
from mmfusion.models.exported.runtimes import is_exported
from mmfusion.models.wrappers import BaseFusionModel, inference_config
from mmfusion.models.wrappers.network_config import asks_for_names
from mmfusion.registry import DATASETS, MODELS
from mmfusion.structures import resolve_labels
from mmfusion.tasks import TASKS, FusionTask
from mmfusion.utils.config_file import PathLike, load_config
from mmfusion.utils.config_overrides import override
from mmfusion.utils.errors import UsageError
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.model_index import box_weights_of, model_entry
from mmfusion.utils.progress import announce

from .checkpoint import load_model_weights


def init_model(config: PathLike | Config, checkpoint: PathLike | None = None,
               device: str = 'cpu', cfg_options: dict | None = None,
               optimize: bool = True, fuser_is_enough: bool = False,
               backend: str | None = None,
               backend_options: dict | None = None) -> BaseFusionModel:
    """Build a model for inference.

    Args:
        config (str | PathLike | Config): The name of a model, a config or
            where it lies (also ``'mmfusion::...'``), or an exported file
            (``.onnx``, ``.ts``, ``.pt2``), which is enough by itself.
        checkpoint (str | PathLike, optional): Weights, or an exported file,
            whose pairs the config prepares. None takes the weights in the
            box of a model that has some and leaves others as initialized;
            so does ``'none'`` all.
        device (str): Where the model goes. Defaults to ``'cpu'``.
        cfg_options (dict, optional): Dotted keys to values.
        optimize (bool): Whether to rearrange the fuser for speed; the model
            can then neither be trained nor saved. Defaults to True.
        fuser_is_enough (bool): See
            :func:`mmfusion.apis.checkpoint.load_model_weights`.
        backend (str, optional): What runs an exported file, see
            :func:`mmfusion.models.exported.open_session`.
        backend_options (dict, optional): Its ``threads``, ``precision``.

    Returns:
        BaseFusionModel: In eval mode, with ``cfg``, ``dataset_meta`` and
        ``weights_file``, where its weights are from.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        UsageError: If the checkpoint does not fit, a backend is named
            without an exported file, or an override reaches nothing.
    """
    options = dict(backend_options or {}, backend=backend, device=device)
    if is_exported(config):
        model = backend_model(config, **options)
        override(model.cfg, cfg_options)
        return model
    if backend is not None and not is_exported(checkpoint):
        raise UsageError(
            f'Expected an exported file for backend={backend!r}, got '
            f'{checkpoint!r}. Make one with tools/deployment/export.py.')
    if isinstance(config, Config):
        cfg = Config(config.to_dict(), filename=config.filename)
        override(cfg, cfg_options)
    else:
        cfg = load_config(config, cfg_options)
    if checkpoint is not None and is_exported(checkpoint):
        return backend_model(checkpoint, cfg, **options)
    if checkpoint is None:
        checkpoint = box_weights_of(config)
    elif checkpoint == 'none':
        checkpoint = None
    model = build_network(cfg)
    meta: dict = {}
    if checkpoint is not None:
        meta, notes = load_model_weights(model, checkpoint, fuser_is_enough)
        announce(notes)
    model.cfg, model.weights_file = cfg, checkpoint
    # only task networks have labels, and data sets take seconds to import
    model.dataset_meta = (complete_meta(cfg, meta) if hasattr(
        model, 'task_network') else meta.get('dataset_meta') or {})
    model.to(device).eval()
    return model.optimize_for_inference() if optimize else model


def task_of_model(model: nn.Module) -> FusionTask:
    """The task of a wrapper; IVF of a network that names none."""
    roles = getattr(model, 'roles', None)
    return TASKS['ivf'] if roles is None else roles.task


def for_sources(model: Any, count: int) -> Any:
    """A model for as many sources; see :class:`BaseFusionModel`.

    Raises:
        UsageError: If its method does not take as many.
    """
    if count == len(task_of_model(model).modalities):
        return model
    return model.for_sources(count)


def require_weights(model: BaseFusionModel, name: Any = None) -> None:
    """Refuse to fuse by a network that nobody has trained.

    Args:
        model (BaseFusionModel): Of :func:`init_model`.
        name (str | PathLike, optional): What the model was named by.

    Raises:
        UsageError: If its fuser has weights that come from no file.
    """
    fuser = model.fuser
    if getattr(model, 'weights_file', None) or not fuser.state_dict():
        return
    entry = model_entry(name or getattr(model.cfg, 'filename', None))
    advice = f' {entry.advice()}.' if entry else ''
    raise UsageError(f'{type(fuser).__name__} has weights: expected a '
                     f'checkpoint file beside the config, got none.{advice}')


def build_network(cfg: Config) -> BaseFusionModel:
    """A config's model without its losses and with plain BatchNorm.

    Raises:
        UsageError: If the config has no model.
    """
    if cfg.get('model') is None:
        raise UsageError(f'{cfg.filename}: expected a model, got none.')
    init_default_scope(cfg.get('default_scope', 'mmfusion'))
    name_classes(cfg)
    node = inference_config(cfg.model)
    with weights_only():
        model = MODELS.build(node).eval()
    if any('SyncB' in type(module).__name__ for module in model.modules()):
        return revert_sync_batchnorm(model)
    return model  # mmengine would look for more kinds in mmcv's operators


def name_classes(cfg: Config) -> None:
    """Give a task network that asks for them the names of the classes.

    Args:
        cfg (Config): Its test set's names, else those of its training set,
            become ``model.classes``, unless it has some.
    """
    model = cfg.get('model') or {}
    networks = [model.get(part) for part in ('segmentor', 'detector')]
    if model.get('classes') is None and any(network and asks_for_names(network)
                                            for network in networks):
        names = [
            _set_meta(cfg, loader).get('classes')
            for loader in ('test_dataloader', 'train_dataloader')
        ]
        model['classes'] = next(filter(None, names), None)


def complete_meta(cfg: Config, meta: dict) -> dict:
    """What a model knows of its data set.

    Args:
        cfg (Config): Tells of its test set, whose files are not read.
        meta (dict): Of a checkpoint; its ``dataset_meta`` comes first, and
            the config's rule of labels stands in where it says nothing.

    Returns:
        dict: Classes, palette and what labels of files mean, see
        :func:`~mmfusion.structures.resolve_labels`.
    """
    stored = meta.get('dataset_meta') or {}
    if 'background' in stored:
        return stored
    if 'label_map' in stored:  # of mmseg, or older
        return {**stored, **resolve_labels(stored)}
    known = _set_meta(cfg, 'test_dataloader')
    if not stored:
        return known
    if list(stored.get('classes') or ()) != list(known['classes'] or ()):
        return stored
    rule = {key: known[key] for key in ('label_map', 'reduce_zero_label')}
    return {**stored, **{key: value for key, value in rule.items() if value}}


def _set_meta(cfg: Config, loader: str) -> dict:
    dataset = (cfg.get(loader) or {}).get('dataset') or {}
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    kind: Any = DATASETS.get(dataset['type']) if 'type' in dataset else None
    own = getattr(kind, 'METAINFO', {})
    meta = {**own, **(dataset.get('metainfo') or {})}
    if hasattr(kind, 'get_label_map'):
        usual = inspect.signature(kind).parameters.get('reduce_zero_label')
        meta.update(
            label_map=kind.get_label_map(meta.get('classes')),
            reduce_zero_label=dataset.get('reduce_zero_label', usual
                                          and usual.default))
    return {**meta, **resolve_labels(meta, own)}
