"""Pairs of a student's and a teacher's tensors."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.losses import PairLoss
from mmfusion.models.losses.targets import fused_luma
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

_PLACES = ("'luma', 'fused', 'aux.<key>' (an auxiliary output of the fuser) "
           "or 'module.<path>' (output of a layer)")


class TensorReader:
    """Finds tensors in a fuser's output or in its layers.

    Args:
        fuser (nn.Module): The fuser.
        places (sequence[str]): What is asked for: ``'luma'``, ``'fused'``,
            ``'aux.<key>'`` or ``'module.<path>'``.
        role (str): ``'student'`` or ``'teacher'``, for the errors' texts.

    Raises:
        ValueError: If a place has another form or the layer does not exist.
    """

    def __init__(self, fuser: nn.Module, places: Sequence[str],
                 role: str) -> None:
        self.role = role
        self._paths = {}
        for place in places:
            kind, _, path = place.partition('.')
            if kind == 'module' and path:
                self._paths[place] = path
            elif place not in ('luma',
                               'fused') and not (kind == 'aux' and path):
                raise ValueError(
                    f'Expected the {role}\'s tensor as {_PLACES}, got '
                    f'{place!r}.')
        layers = dict(fuser.named_modules())
        missing = [path for path in self._paths.values() if path not in layers]
        if missing:
            raise ValueError(
                f'Expected layers of the {role} {type(fuser).__name__}, got '
                f'{missing}; it has {list(layers)[1:12]}, ...')

    @contextmanager
    def recording(self, fuser: nn.Module) -> Iterator[dict[str, Tensor]]:
        """Outputs of the layers asked for, by place, during one forward."""
        found: dict[str, Tensor] = {}

        def keep(place: str):

            def hook(module, args, output):
                found[place] = output

            return hook

        handles = [
            fuser.get_submodule(path).register_forward_hook(keep(place))
            for place, path in self._paths.items()
        ]
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()

    def pick(self, place: str, output: FuserOutput,
             recorded: dict[str, Tensor]) -> Tensor:
        """The tensor (B, C, H, W) at a place.

        Raises:
            ValueError: If the fuser does not give it.
        """
        if place == 'luma':
            return fused_luma(output)
        if place == 'fused':
            return output.fused
        kind, _, name = place.partition('.')
        known = recorded if kind == 'module' else output.aux
        value = known.get(place if kind == 'module' else name)
        if not isinstance(value, Tensor) or value.ndim != 4:
            told = 'none' if value is None else type(value).__name__
            raise ValueError(
                f'Expected a tensor (B, C, H, W) at {place!r} of the '
                f'{self.role}, got {told}; its aux outputs are '
                f'{sorted(output.aux)}.')
        return value


class FeaturePair(nn.Module):
    """One pair and its loss.

    Args:
        student (str): Place in the student, see :class:`TensorReader`.
        teacher (str): Place in the teacher.
        loss (dict): Config of a :class:`PairLoss`.
        name (str, optional): Of the term in the log. Defaults to the last
            part of ``teacher``.
        channels (sequence[int], optional): (student's, teacher's) number of
            channels: a 1x1 convolution, trained along, translates the
            student's to the teacher's. None compares them as they are.

    Raises:
        TypeError: If the loss is no :class:`PairLoss`.
    """

    def __init__(self, student: str, teacher: str, loss: dict,
                 name: str | None = None,
                 channels: Sequence[int] | None = None) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.name = name or teacher.rpartition('.')[2]
        self.loss = MODELS.build(loss)
        if not isinstance(self.loss, PairLoss):
            raise TypeError(
                'Expected a loss of two tensors (DistanceLoss, '
                f'CosineDistillationLoss), got {type(self.loss).__name__}.')
        self.adapter = nn.Identity() if channels is None else nn.Conv2d(
            *channels, 1)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Loss of (B, C, H, W) and (B, C', H', W').

        A teacher's tensor of another size is resized (bilinear).

        Raises:
            ValueError: If the channels do not fit the loss.
        """
        student = self.adapter(student)
        if self.loss.same_channels and student.shape[1] != teacher.shape[1]:
            raise ValueError(
                f'Pair {self.name!r}: expected as many channels of student '
                f'and teacher, got {student.shape[1]} and '
                f'{teacher.shape[1]}. Set channels=({student.shape[1]}, '
                f'{teacher.shape[1]}) for an adapter, or use '
                'CosineDistillationLoss.')
        if student.shape[2:] != teacher.shape[2:]:
            teacher = F.interpolate(teacher, size=student.shape[2:],
                                    mode='bilinear', align_corners=False)
        return self.loss(student, teacher.to(student.dtype))


def build_pairs(pairs: Sequence[dict]) -> nn.ModuleList:
    """Pairs of different names.

    Raises:
        ValueError: If there is none, or two have one name.
    """
    built: list[FeaturePair] = [FeaturePair(**pair) for pair in pairs]
    names = [pair.name for pair in built]
    if not names or len(set(names)) < len(names):
        raise ValueError('Expected pairs of different names, got '
                         f'{names}. Set name=... in each.')
    return nn.ModuleList(built)
