"""Prepares banks of past outputs, and checks that they can work."""
from collections.abc import Iterator

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmfusion.registry import HOOKS

_ANOTHER_DRAW = 'FixedAugment'
#: what draws outside of methods that mmcv knows as random
_BY_NAME = ('Random', 'PhotoMetric', 'Albu', 'CutOut', 'InstaBoost',
            'BioMedicalGaussian')


def random_transforms(pipeline) -> Iterator[str]:
    """Names of the random transforms in a pipeline, nested ones too.

    These have methods marked by mmcv's ``cache_randomness``, or a name that
    is known.

    Args:
        pipeline: A ``Compose``, a transform or a sequence of them.
    """
    for step in getattr(pipeline, 'transforms', pipeline):
        name = type(step).__name__
        if name == _ANOTHER_DRAW:
            continue
        random = name.startswith(_BY_NAME) or bool(
            getattr(step, '_methods_with_randomness', ()))
        if random:
            yield name
        nested = getattr(step, 'transforms', ())
        for part in getattr(nested, 'transforms', nested):
            inner = part if isinstance(part, (list, tuple)) else [part]
            # ours around mmdet's of the same name is one
            yield from (found for found in random_transforms(inner)
                        if not (random and found == name))


@HOOKS.register_module()
class HistoryBankHook(Hook):
    """Sizes each :class:`HistoryBank` of the model for the training set.

    Before anything is trained it refuses pipelines that move or change a
    sample's pixels from epoch to epoch, and data sets whose samples share
    indices.

    Raises:
        ValueError: See above; says what to do.
    """

    def before_run(self, runner) -> None:
        # Before a checkpoint is loaded, which may fill the banks.
        from mmfusion.models.losses import HistoryBank
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        banks = [
            module for module in model.modules()
            if isinstance(module, HistoryBank)
        ]
        loop = getattr(runner, '_train_loop', None)
        if not banks or not hasattr(loop, 'dataloader'):
            return
        dataset = loop.dataloader.dataset
        if hasattr(dataset, 'datasets'):
            raise ValueError(
                'HistoryBankHook: expected one data set, whose samples have '
                f'indices of their own, got a {type(dataset).__name__}. '
                'Join the folders instead, or leave the refresh losses out.')
        moving = list(random_transforms(getattr(dataset, 'pipeline', ())))
        while hasattr(dataset, 'dataset'):
            dataset = dataset.dataset
            moving += random_transforms(getattr(dataset, 'pipeline', ()))
        if moving:
            raise ValueError(
                'HistoryBankHook: expected every sample to show the same '
                f'pixels in all epochs, got {", ".join(moving)} in the '
                'training pipeline. Train on fixed patches (tools/'
                'dataset_converters/make_patches.py), or put the random '
                "transforms into dict(type='FixedAugment', transforms=[...]"
                '), or leave the refresh losses out.')
        for bank in banks:
            bank.allocate(len(dataset))
