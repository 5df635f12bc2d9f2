"""A fuser that learns from another one."""
from typing import Callable, Dict, Optional, Sequence

import torch
from torch import Tensor, nn

from mmfusion.registry import MODELS

from .base import OptSampleList
from .feature_pairs import TensorReader, build_pairs
from .image_fuser import ImageFuser


@MODELS.register_module()
class FuserDistiller(ImageFuser):
    """Distils any registered fuser into any other.

    The teacher is frozen, in eval mode and without gradients; it is in no
    checkpoint and no optimizer. The student is ``fuser``: checkpoints,
    ``test_fusion.py`` and joint training take it as that of an
    :class:`ImageFuser`.

    Args:
        teacher (dict): Config of a registered fuser. Without ``init_cfg``
            it is random, which is refused unless ``random_teacher``.
        student (dict): Config of a registered fuser.
        pairs (sequence[dict]): What is compared, each
            ``dict(student=PLACE, teacher=PLACE, loss=dict(type=...))``, see
            :class:`~mmfusion.models.wrappers.feature_pairs.FeaturePair`.
        losses (dict, optional): Named configs of fusion losses of the
            student, as in :class:`ImageFuser`.
        init_from_teacher (dict[str, str], optional): Layers of the student
            that start as a layer of the teacher: path in the student to
            path in the teacher.
        random_teacher (bool): Whether a teacher without weights is meant
            (tests). Defaults to False.
        kwargs: See :class:`BaseFusionModel`.

    Raises:
        ValueError: If the teacher has no weights, a place or layer does not
            exist, or layers of different shape are to be copied.

    Examples:
        >>> model = MODELS.build(dict(
        ...     type='FuserDistiller',
        ...     teacher=dict(type='TransFuser6', init_cfg=dict(
        ...         type='Pretrained', checkpoint='transfuser6.pth')),
        ...     student=dict(type='MMDRFuseStudent'),
        ...     pairs=[dict(student='luma', teacher='luma',
        ...                 loss=dict(type='DistanceLoss', distance='l1'))]))
    """

    def __init__(self,
                 teacher: dict,
                 student: dict,
                 pairs: Sequence[dict],
                 losses: Optional[Dict[str, dict]] = None,
                 init_from_teacher: Optional[Dict[str, str]] = None,
                 random_teacher: bool = False,
                 **kwargs) -> None:
        super().__init__(student, losses=losses, **kwargs)
        if not random_teacher and not teacher.get('init_cfg'):
            raise ValueError(
                'FuserDistiller: expected a teacher with weights, got none. '
                "Set teacher=dict(..., init_cfg=dict(type='Pretrained', "
                'checkpoint=FILE)).')
        network = MODELS.build(teacher)
        if teacher.get('init_cfg'):
            network.init_weights()
        # In a tuple, it is not registered: no checkpoint, no optimizer.
        self._teacher = (network.requires_grad_(False).eval(), )
        self.pairs = build_pairs(pairs)
        self._readers = [
            TensorReader(fuser, [getattr(pair, role) for pair in self.pairs],
                         role)
            for role, fuser in (('student', self.fuser),
                                ('teacher', network))
        ]
        self.init_from_teacher = dict(init_from_teacher or {})
        self._copy_layers()

    @classmethod
    def inference_config(cls, cfg: dict) -> dict:
        """That of an :class:`ImageFuser` of the student."""
        training = ('type', 'teacher', 'student', 'pairs', 'random_teacher',
                    'init_from_teacher')
        kept = {key: value for key, value in cfg.items()
                if key not in training}
        return super().inference_config(
            dict(type='ImageFuser', fuser=cfg['student'], **kept))

    @property
    def teacher(self) -> nn.Module:
        """The frozen teacher."""
        return self._teacher[0]

    def _apply(self, fn: Callable, recurse: bool = True) -> 'FuserDistiller':
        """Devices and types of the teacher follow those of the model."""
        self.teacher._apply(fn)
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """As mmengine's; layers of the teacher are copied last."""
        super().init_weights()
        self._copy_layers()

    def _copy_layers(self) -> None:
        for target, source in self.init_from_teacher.items():
            try:
                state = self.teacher.get_submodule(source).state_dict()
                self.fuser.get_submodule(target).load_state_dict(state)
            except (AttributeError, RuntimeError) as error:
                raise ValueError(
                    f'init_from_teacher: expected layer {target!r} of the '
                    f'student to be like {source!r} of the teacher, got: '
                    f'{" ".join(str(error).split())}') from error

    def loss(self, inputs: Tensor,
             data_samples: OptSampleList) -> Dict[str, Tensor]:
        """Fusion losses, and ``loss_distill.<name>`` of every pair."""
        student, teacher = self._readers
        with student.recording(self.fuser) as ours:
            output = self.fuse(inputs, data_samples)
        with torch.no_grad(), teacher.recording(self.teacher) as theirs:
            target = self.teacher(
                *self.split(inputs),
                **self.condition(data_samples, self.teacher))
            target = self.roles.recolour(target, inputs, self.teacher)
        losses = self.fusion_loss(output, inputs, data_samples)
        for pair in self.pairs:
            losses[f'loss_distill.{pair.name}'] = pair(
                student.pick(pair.student, output, ours),
                teacher.pick(pair.teacher, target, theirs).detach())
        return losses
