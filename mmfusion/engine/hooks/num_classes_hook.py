"""Compares the numbers of classes of data and model when a run starts."""
from collections.abc import Iterator, Sized
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn

from mmfusion.datasets.paired_dataset import brief
from mmfusion.registry import HOOKS
from mmfusion.utils.errors import UsageError

#: heads whose classes are not those of the data
_OTHER_HEADS = ('rpn_head', 'semantic_head')
_OTHER_TYPES = ('STDCHead', )
_OF_IMAGES = ('FusionMetric', 'DistillMetric')


@HOOKS.register_module()
class NumClassesHook(Hook):
    """Stops a run whose model has not the classes of its data.

    Compared are the heads of segmentor or detector, the ``class_weight`` of
    their losses (in training) and ``fuser.num_classes`` where a loss or the
    scores read its semantic logits; in validation and test only where labels
    are scored. Where a data set names no classes, heads are compared with
    each other.

    Raises:
        UsageError: If one differs; names both places.
    """

    def before_run(self, runner) -> None:
        """Before weights are loaded, which may not fit either."""
        model = runner.model
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        for mode in ('train', 'val', 'test'):
            loop = getattr(runner, f'_{mode}_loop', None)
            if not hasattr(loop, 'dataloader'):
                continue
            train = mode == 'train'
            if train or _scores_labels(loop.evaluator):
                for dataset in _leaves(loop.dataloader.dataset):
                    _compare(model, dataset, f'{mode}_dataloader', train)


def _scores_labels(evaluator: Any) -> bool:
    # mmengine takes a metric with an option "metrics" for an evaluator
    metrics = getattr(evaluator, 'metrics', None) or [evaluator]
    inner = [getattr(metric, 'metric', metric) for metric in metrics]
    return any(type(metric).__name__ not in _OF_IMAGES for metric in inner)


def _leaves(dataset: Any) -> Iterator[Any]:
    """The data sets inside of wrappers such as ``RepeatDataset``."""
    inner = getattr(dataset, 'datasets',
                    None) or [getattr(dataset, 'dataset', None)]
    for part in inner:
        if part is None:
            yield dataset
        else:
            yield from _leaves(part)


def _compare(model: nn.Module, dataset: Any, loader: str, train: bool) -> None:
    classes = getattr(dataset, 'metainfo', {}).get('classes') or ()
    name = type(dataset).__name__
    if isinstance(classes, str):
        raise UsageError(f'Expected the classes of {loader} ({name}) as a '
                         f'sequence of names, got the text {classes!r}: '
                         f'write ({classes!r}, ).')
    heads = dict(_heads(model))
    found = {
        f'{key}.num_classes': 2 if _one_logit(head) else head.num_classes
        for key, head in heads.items()
    }
    labelled = getattr(dataset, 'data_prefix', {}).get('seg_map_path')
    if labelled and _uses_semantic_logits(model, train):
        found['fuser.num_classes'] = model.fuser.num_classes
    if not found:
        return
    place, count = next(iter(found.items()))
    told = f'{count} classes of model.{place}'
    if classes:
        count = len(classes)
        told = (f'{count} classes of {loader} ({name}: '
                f'{brief(list(map(str, classes)))})')
    wrong = {key: value for key, value in found.items() if value != count}
    if train:
        wrong.update(_unfitting_weights(heads, count))
    if wrong:
        got = ', '.join(f'model.{key} of {n}' for key, n in wrong.items())
        raise UsageError(
            f'Expected the {told} everywhere, got {got}. Set these to '
            f'{count}, or name the classes in the metainfo of {loader}.')


def _heads(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Places and heads that tell the classes of the data apart."""
    for name, head in model.named_modules():
        last = name.rstrip('.0123456789').rpartition('.')[2]
        if (last.endswith('head') and last not in _OTHER_HEADS
                and type(head).__name__ not in _OTHER_TYPES
                and isinstance(getattr(head, 'num_classes', None), int)):
            yield name, head


def _one_logit(head: nn.Module) -> bool:
    """Whether two classes share a logit, as they may in mmseg."""
    return getattr(head, 'out_channels', None) == 1


def _unfitting_weights(heads: dict[str, nn.Module],
                       count: int) -> Iterator[tuple[str, int]]:
    """Places and lengths of weights of classes that are not ``count``."""
    for name, head in heads.items():
        if _one_logit(head):
            continue
        for part, loss in head.named_modules():
            weight = getattr(loss, 'class_weight', None)
            # detection's softmax has one more, for no object
            more = 0 if part.startswith('loss_decode') else 1
            if part and isinstance(
                    weight,
                    Sized) and not (count <= len(weight) <= count + more):
                yield f'{name}.{part}.class_weight', len(weight)


def _uses_semantic_logits(model: nn.Module, train: bool) -> bool:
    from mmfusion.models.losses import OHEMSemanticLoss
    from mmfusion.models.wrappers import BaseFusionModel, ImageFuser
    if (not isinstance(model, BaseFusionModel)
            or getattr(model.fuser, 'num_classes', None) is None):
        return False
    if not train:
        return isinstance(model, ImageFuser)
    return not model.fuser_frozen and any(
        isinstance(loss, OHEMSemanticLoss)
        for loss in model.fusion_losses.modules())
