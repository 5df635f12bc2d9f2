"""What a pair of images is: its modalities, their roles and their colour.

Imports nothing: the command line reads it before torch.
"""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

#: How fused images become 8 bits.
SAVE_MODES = ('round', 'minmax', 'trunc')
#: Colour policies other than the name of a modality.
WEIGHTED, GREY = 'weighted', 'grey'
_POLICIES = (WEIGHTED, GREY)
_CAPTIONS = dict(vis='visible', ir='infrared', mri='MRI', ct='CT', pet='PET',
                 spect='SPECT', under='under-exposed', over='over-exposed',
                 near='near focus', far='far focus')


@dataclass(frozen=True)
class FusionTask:
    """A kind of pair, and how it meets a fuser's two inputs.

    Every fuser takes ``vis``, three channels, and ``ir``, one; some take
    further sources. A task says which of its modalities takes which place,
    and where the fused image gets its colour from.

    Attributes:
        name (str): Name of the task.
        modalities (dict[str, int]): Channels (1 or 3) of two or more
            modalities, in the order in which they are stacked.
        visible (str): The modality that takes the fuser's ``vis`` input;
            the luminance of the others becomes ``ir`` and what follows it.
        colour (str): Whose chrominance the fused image shows: the name of
            a modality of three channels, ``'weighted'`` (all, each pixel
            by its saturation, see
            :func:`~mmfusion.models.layers.weighted_chroma`) or ``'grey'``.

    Raises:
        ValueError: If these do not fit together.
    """
    name: str
    modalities: Mapping[str, int]
    visible: str
    colour: str

    def __post_init__(self) -> None:
        modalities = dict(self.modalities)
        if len(modalities) < 2 or not set(modalities.values()) <= {1, 3}:
            raise ValueError(
                'Expected two modalities or more of 1 or 3 channels, such as '
                f'dict(vis=3, ir=1), got {modalities}.')
        if self.visible not in modalities:
            raise ValueError(
                f'Expected visible as one of {list(modalities)}, got '
                f'{self.visible!r}.')
        coloured = [name for name, count in modalities.items() if count == 3]
        if self.colour not in (*coloured, *_POLICIES):
            raise ValueError(
                f'Expected colour from a modality of three channels '
                f"({coloured}), 'weighted' or 'grey', got {self.colour!r}.")
        if self.colour == WEIGHTED and len(coloured) < len(modalities):
            raise ValueError("colour='weighted' expects modalities of three "
                             f'channels, got {modalities}.')

    @property
    def other(self) -> str:
        """The modality that takes the fuser's ``ir`` input."""
        return self.others[0]

    @property
    def others(self) -> list[str]:
        """All modalities but the visible one, in order."""
        return [name for name in self.modalities if name != self.visible]

    def of_sources(self, count: int) -> 'FusionTask':
        """This task with as many sources, those of more than two added.

        Added ones are called ``more_1``, ``more_2``, ... and have the
        channels of :attr:`other`.

        Examples:
            >>> dict(TASKS['mff'].of_sources(3).modalities)
            {'near': 3, 'far': 3, 'more_1': 3}
        """
        known = list(self.modalities.items())[:count]
        added = range(1, count - len(known) + 1)
        channels = self.modalities[self.other]
        modalities = dict(known, **{f'more_{k}': channels for k in added})
        return replace(self, modalities=modalities)

    @property
    def meta(self) -> dict:
        """``METAINFO`` of the task's datasets."""
        return dict(task=self.name, modalities=dict(self.modalities))

    @classmethod
    def of(cls, task: 'str | Mapping | FusionTask') -> 'FusionTask':
        """A task from its name, from fields or from ``modalities`` alone.

        Args:
            task (str | dict | FusionTask): A name of :data:`TASKS`, in any
                case; or a dict with ``modalities`` and, optionally,
                ``name``, ``visible`` and ``colour``. What a dict leaves out
                is that of the known task with the same modalities; else the
                one colour image (or the first) is ``visible``, and colour
                comes from the one that has any.

        Returns:
            FusionTask: The task.

        Raises:
            ValueError: If the name is not known or fields do not fit.

        Examples:
            >>> FusionTask.of('mri_pet').colour
            'pet'
            >>> FusionTask.of(dict(modalities=dict(depth=1, day=3))).visible
            'day'
        """
        if isinstance(task, FusionTask):
            return task
        if isinstance(task, str):
            known = TASKS.get(task.lower())
            if known is None:
                raise ValueError(
                    f'Expected a task of {", ".join(TASKS)}, got {task!r}. '
                    'Another pair is a dict: dict(modalities=dict(a=3, '
                    "b=1), visible='a', colour='a').")
            return known
        fields = dict(task)
        modalities = dict(fields.get('modalities') or {})
        coloured = [name for name, count in modalities.items() if count == 3]
        guess = dict(
            name='custom', visible=coloured[0] if len(coloured) == 1 else next(
                iter(modalities), ''),
            colour=(GREY if not coloured else WEIGHTED
                    if len(coloured) == len(modalities) else coloured[0]))
        known = TASKS.get(task_of(modalities))
        if known is not None:
            guess = dict(name=known.name, visible=known.visible,
                         colour=known.colour)
        try:
            return cls(**{**guess, 'modalities': modalities, **fields})
        except TypeError as error:
            raise ValueError(
                'Expected a task with modalities, name, visible and colour, '
                f'got {sorted(fields)}.') from error


# Which modality is `visible` follows FILM's published networks: their first
# input (our `ir`) saw infrared, MRI, over-exposed and near-focused images.
TASKS: dict[str, FusionTask] = {
    task.name: task for task in (
        FusionTask('ivf', dict(vis=3, ir=1), 'vis', 'vis'),
        FusionTask('mri_ct', dict(mri=1, ct=1), 'ct', GREY),
        FusionTask('mri_pet', dict(mri=1, pet=3), 'pet', 'pet'),
        FusionTask('mri_spect', dict(mri=1, spect=3), 'spect', 'spect'),
        FusionTask('mef', dict(under=3, over=3), 'under', WEIGHTED),
        FusionTask('mff', dict(near=3, far=3), 'far', WEIGHTED),
    )
}


def task_of(modalities: Mapping[str, int]) -> str:
    """Name of the task with just these modalities, else ``'custom'``."""
    items = list(modalities.items())
    return next((name for name, task in TASKS.items()
                 if list(task.modalities.items()) == items), 'custom')


def channel_spans(modalities: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """(first, end) channel of each modality in the stack.

    Args:
        modalities (dict[str, int]): Channel counts, in order.

    Returns:
        dict[str, tuple[int, int]]: By name.

    Examples:
        >>> channel_spans(TASKS['ivf'].modalities)
        {'vis': (0, 3), 'ir': (3, 4)}
    """
    spans, first = {}, 0
    for name, channels in modalities.items():
        spans[name] = (first, first + channels)
        first += channels
    return spans


def metric_order(modalities: Iterable[str]) -> list[str]:
    """The order in which metrics take modalities: infrared first, then as
    they come. A few metrics depend on it.

    Examples:
        >>> metric_order(['vis', 'ir'])
        ['ir', 'vis']
    """
    return sorted(modalities, key=lambda name: name != 'ir')


def caption(modality: str) -> str:
    """What a reader calls a modality."""
    return _CAPTIONS.get(modality, modality)
