"""Registries of mmfusion: children of mmengine's roots, scope ``mmfusion``.

``locations`` lets a type be built from any registry without an import by
the user: the packages named there are imported on the first look-up, lazy
ones, which need mmdet, where nothing else has the type. A package may leave
its files to the first look-up of one of their types, see
:mod:`mmfusion.utils.lazy`.
"""
from collections.abc import Sequence
from importlib import import_module

from mmengine import registry as root
from mmengine.registry import Registry


class LazyRegistry(Registry):
    """Also imports ``lazy_locations``, where nothing else has a type.

    Args:
        args, kwargs: See :class:`mmengine.registry.Registry`.
        lazy_locations (sequence[str]): Packages that need more than others
            and are therefore not imported before.
    """

    def __init__(self, *args, lazy_locations: Sequence[str] = (),
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = list(lazy_locations)

    def get(self, key: str) -> type | None:
        """See :meth:`mmengine.registry.Registry.get`.

        Raises:
            ImportError: If nothing has the type and a lazy location, which
                may have it, cannot be imported; the type of its own error.
        """
        scope, _, name = key.rpartition('.')
        ours = scope in ('', self.scope)
        if ours:
            self.import_file_of(name)
        found = super().get(key)
        if found is not None or not ours:
            return found
        try:
            self.import_lazy_locations()
        except ImportError as error:
            raise type(error)(f'{key!r} is not among the types that need '
                              f'nothing more. {error}') from error
        return super().get(key)

    def import_from_location(self) -> None:
        """See mmengine, which imports everything where there is no place."""
        if self._locations:
            super().import_from_location()

    def import_file_of(self, name: str) -> None:
        """Import the file that a type of ours is in, if there is one."""
        if name in self._module_dict:
            return
        for place in self._locations:
            package = import_module(place)
            if name in getattr(package, '__all__', ()):
                getattr(package, name)

    def import_all_files(self) -> None:
        """Import whatever the locations hold, for lists of all types."""
        for place in self._locations:
            package = import_module(place)
            for name in getattr(package, '__all__', ()):
                getattr(package, name)

    def import_lazy_locations(self) -> None:
        """Import them now, each once."""
        while self._waiting:
            import_module(self._waiting[0])
            del self._waiting[0]


def _child(name: str, parent: Registry | None, *places: str,
           lazy: Sequence[str] = ()) -> LazyRegistry:
    return LazyRegistry(name, parent=parent, scope='mmfusion',
                        locations=[f'mmfusion.{place}' for place in places],
                        lazy_locations=[f'mmfusion.{place}' for place in lazy])


RUNNERS = _child('runner', root.RUNNERS)
RUNNER_CONSTRUCTORS = _child('runner constructor', root.RUNNER_CONSTRUCTORS)
LOOPS = _child('loop', root.LOOPS, 'engine')
HOOKS = _child('hook', root.HOOKS, 'engine')
LOG_PROCESSORS = _child('log processor', root.LOG_PROCESSORS)
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS)
OPTIM_WRAPPERS = _child('optim wrapper', root.OPTIM_WRAPPERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor',
                                    root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child('parameter scheduler', root.PARAM_SCHEDULERS,
                          'engine')

DATASETS = _child('dataset', root.DATASETS, 'datasets',
                  lazy=['datasets.detection'])
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'datasets.transforms')

MODELS = _child('model', root.MODELS, 'models')
MODEL_WRAPPERS = _child('model wrapper', root.MODEL_WRAPPERS, 'engine')
WEIGHT_INITIALIZERS = _child('weight initializer', root.WEIGHT_INITIALIZERS)
# Without a parent: a child of MODELS in the same scope would be passed over,
# since mmengine takes the first registry of a scope for all of it.
TEXT_ENCODERS = _child('text encoder', None, 'models')
TASK_UTILS = _child('task util', root.TASK_UTILS, 'models')

# functions of maps, for encoder - rule - decoder fusers
FUSION_RULES = _child('fusion rule', None, 'models')

# name of a fuser's class -> function that rearranges one for inference
FAST_FORMS = _child('fast form', None, 'models.fusers.fast')

METRICS = _child('metric', root.METRICS, 'evaluation.metrics')
EVALUATOR = _child('evaluator', root.EVALUATOR, 'evaluation.metrics')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'visualization')
VISBACKENDS = _child('visualization backend', root.VISBACKENDS)
INFERENCERS = _child('inferencer', root.INFERENCERS, 'apis.inferencer')
