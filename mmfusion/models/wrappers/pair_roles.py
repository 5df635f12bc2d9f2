"""From the modalities of any task to a fuser's inputs, and back."""
from collections.abc import Mapping
from dataclasses import replace

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmfusion.models.fusers.base import BaseFuser
from mmfusion.models.layers import luma, weighted_chroma
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.tasks import GREY, WEIGHTED, FusionTask, channel_spans

TaskLike = None | str | Mapping | FusionTask


def resolve_task(
    task: TaskLike, data_preprocessor: None | dict | BaseDataPreprocessor
) -> tuple[FusionTask, BaseDataPreprocessor]:
    """The task of a model, and the preprocessor that fits it.

    Args:
        task (str | dict | FusionTask, optional): See :meth:`FusionTask.of`.
            None: what the preprocessor's modalities say.
        data_preprocessor (dict | BaseDataPreprocessor, optional): Defaults
            to a :class:`FusionDataPreprocessor`; a config without
            ``modalities`` gets those of the task.

    Returns:
        tuple[FusionTask, BaseDataPreprocessor]: Both.

    Raises:
        ValueError: If the task and the preprocessor name other modalities.
    """
    if data_preprocessor is None:
        data_preprocessor = dict(type='FusionDataPreprocessor')
    if task is not None:
        task = FusionTask.of(task)
    if isinstance(data_preprocessor, dict):
        if task is not None and data_preprocessor.get('modalities') is None:
            data_preprocessor = dict(data_preprocessor,
                                     modalities=dict(task.modalities))
        data_preprocessor = MODELS.build(data_preprocessor)
    found = getattr(data_preprocessor, 'modalities', None)
    if task is None:
        task = FusionTask.of(dict(modalities=found) if found else 'ivf')
    elif found and list(found.items()) != list(task.modalities.items()):
        raise ValueError(
            f'Expected a data_preprocessor for the modalities of task '
            f'{task.name!r}, {dict(task.modalities)}, got {dict(found)}. '
            'Leave modalities out there.')
    return task, data_preprocessor


class PairRoles:
    """Takes a stacked batch apart for a fuser, and colours its output.

    Args:
        task (FusionTask): Which modality is what.
    """

    def __init__(self, task: FusionTask) -> None:
        self.task = task
        self._spans = channel_spans(task.modalities)
        self._channels = sum(task.modalities.values())

    def split(self, inputs: Tensor, fuser: BaseFuser) -> tuple[Tensor, ...]:
        """The inputs of the fuser.

        Args:
            inputs (Tensor): Stacked modalities, (B, C, H, W), RGB where
                there are three channels.
            fuser (BaseFuser): Its colour formula takes luminance.

        Returns:
            tuple[Tensor, ...]: ``vis`` (B, 3, H, W), a grey image repeated;
            ``ir`` (B, 1, H, W) and further sources, luminance of a colour
            image, unless the fuser takes colour.

        Raises:
            ValueError: If the number of channels is another.
        """
        if inputs.ndim != 4 or inputs.shape[1] != self._channels:
            parts = ' + '.join(f'{count} ({name})'
                               for name, count in self.task.modalities.items())
            raise ValueError(
                f'Expected stacked modalities (B, {parts}, H, W), got '
                f'{tuple(inputs.shape)}. Load pairs with LoadFusionPair and '
                "set the model's task to that of the data.")
        vis = self._part(inputs, self.task.visible)
        others = [self._part(inputs, name) for name in self.task.others]
        if vis.shape[1] == 1:
            vis = vis.expand(-1, 3, -1, -1)
        if not getattr(fuser, 'colour_sources', False):
            others = [
                image if image.shape[1] == 1 else fuser.split_colour(image)[0]
                for image in others
            ]
        return vis, *others

    def recolour(self, output: FuserOutput, inputs: Tensor,
                 fuser: BaseFuser) -> FuserOutput:
        """Give the fused image the colour that the task asks for.

        A fuser joins the chrominance of its ``vis`` input; where that is
        what the task asks for, its output stays as it is, as does that of a
        fuser that makes its own colour of all sources.

        Args:
            output (FuserOutput): What the fuser gave.
            inputs (Tensor): The stacked batch.
            fuser (BaseFuser): Its colour formula is used.

        Returns:
            FuserOutput: With another ``fused`` (B, 3, H, W); the rest is
            unchanged.
        """
        own = (getattr(fuser, 'colour_sources', False)
               and self.task.colour == WEIGHTED)
        if own or self.task.colour == self.task.visible:
            return output
        y = luma(output.fused) if output.luma is None else output.luma
        cbcr = self.chroma(inputs, fuser)
        return replace(output, fused=fuser.join_colour(y, cbcr))

    def chroma(self, inputs: Tensor, fuser: BaseFuser) -> Tensor:
        """The chrominance that the task asks for.

        Args:
            inputs (Tensor): The stacked batch.
            fuser (BaseFuser): Its colour formula is used.

        Returns:
            Tensor: CbCr (B, 2, H, W), centred at 0.5; just that for grey.
        """
        if self.task.colour == GREY:
            return torch.full_like(inputs[:, :2], 0.5)
        if self.task.colour == WEIGHTED:
            return weighted_chroma(
                *(fuser.split_colour(self._part(inputs, name))[1]
                  for name in self._spans))
        return fuser.split_colour(self._part(inputs, self.task.colour))[1]

    def _part(self, inputs: Tensor, name: str) -> Tensor:
        first, end = self._spans[name]
        return inputs[:, first:end]
