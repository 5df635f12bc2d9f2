"""Registries of mmfusion: children of mmengine's roots, scope ``mmfusion``.

``locations`` lets a type be built from any registry without an import by
the user: the packages named there are imported on the first look-up. What
needs mmdet is imported when it is asked for by name, and not before.
"""
from importlib import import_module
from typing import Optional

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import EVALUATOR as MMENGINE_EVALUATOR
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import INFERENCERS as MMENGINE_INFERENCERS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as MMENGINE_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import (
    RUNNER_CONSTRUCTORS as MMENGINE_RUNNER_CONSTRUCTORS,
)
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TASK_UTILS as MMENGINE_TASK_UTILS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import (
    WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS,
)
from mmengine.registry import Registry


class _DatasetRegistry(Registry):
    """Imports the detection datasets, and mmdet with them, on demand."""
    NAMES = ('PairedCocoDataset', 'LLVIPDetDataset', 'M3FDDetDataset',
             'FLIRAlignedDataset', 'KAISTDataset', 'VEDAIDataset',
             'DroneVehicleDataset', 'SyntheticDetDataset',
             'MultiImageMixDataset')

    def get(self, key: str) -> Optional[type]:
        """See :meth:`mmengine.registry.Registry.get`."""
        scope, _, name = key.rpartition('.')
        if name in self.NAMES and scope in ('', self.scope):
            import_module('mmfusion.datasets.detection')
        return super().get(key)


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(
        name,
        parent=parent,
        scope='mmfusion',
        locations=[f'mmfusion.{place}' for place in locations])


RUNNERS = _child('runner', MMENGINE_RUNNERS)
RUNNER_CONSTRUCTORS = _child('runner constructor',
                             MMENGINE_RUNNER_CONSTRUCTORS)
LOOPS = _child('loop', MMENGINE_LOOPS, 'engine')
HOOKS = _child('hook', MMENGINE_HOOKS, 'engine')
LOG_PROCESSORS = _child('log processor', MMENGINE_LOG_PROCESSORS)
OPTIMIZERS = _child('optimizer', MMENGINE_OPTIMIZERS)
OPTIM_WRAPPERS = _child('optim wrapper', MMENGINE_OPTIM_WRAPPERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor',
                                    MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child('parameter scheduler', MMENGINE_PARAM_SCHEDULERS,
                          'engine')

DATASETS = _DatasetRegistry(
    'dataset',
    parent=MMENGINE_DATASETS,
    scope='mmfusion',
    locations=['mmfusion.datasets'])
DATA_SAMPLERS = _child('data sampler', MMENGINE_DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'datasets')

MODELS = _child('model', MMENGINE_MODELS, 'models')
MODEL_WRAPPERS = _child('model wrapper', MMENGINE_MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child('weight initializer',
                             MMENGINE_WEIGHT_INITIALIZERS)
# Without a parent: a child of MODELS in the same scope would be passed over,
# since mmengine takes the first registry of a scope for all of it.
TEXT_ENCODERS = Registry(
    'text encoder', scope='mmfusion', locations=['mmfusion.models'])
TASK_UTILS = _child('task util', MMENGINE_TASK_UTILS, 'models')

METRICS = _child('metric', MMENGINE_METRICS, 'evaluation.metrics')
EVALUATOR = _child('evaluator', MMENGINE_EVALUATOR, 'evaluation.metrics')
VISUALIZERS = _child('visualizer', MMENGINE_VISUALIZERS, 'visualization')
VISBACKENDS = _child('visualization backend', MMENGINE_VISBACKENDS)
INFERENCERS = _child('inferencer', MMENGINE_INFERENCERS, 'apis.inferencer')
