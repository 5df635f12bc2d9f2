"""A fuser that learns from another one."""
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.errors import one_line

from .base import OptSampleList
from .feature_pairs import TensorReader, build_pairs
from .image_fuser import ImageFuser


@MODELS.register_module()
class FuserDistiller(ImageFuser):
    """Distils any registered fuser into any other.

    Without a ``teacher`` the student learns from what one has written
    before: ``gt_fused`` of the data samples is the teacher's ``'fused'``
    (and its luminance ``'luma'``), ``gt_feature`` its ``'aux.feature'``.

    The teacher is frozen, in eval mode and without gradients; it is in no
    checkpoint and no optimizer. The student is ``fuser``: checkpoints,
    ``test_fusion.py`` and joint training take it as that of an
    :class:`ImageFuser`.

    Args:
        teacher (dict, optional): Config of a registered fuser. Without
            ``init_cfg`` it is random, which is refused unless
            ``random_teacher`` or it has no weights to load. None: targets
            come with the samples, see :class:`FusionDistillDataset`.
        student (dict): Config of a registered fuser.
        pairs (sequence[dict]): What is compared, each
            ``dict(student=PLACE, teacher=PLACE, loss=dict(type=...))``, see
            :class:`~mmfusion.models.wrappers.feature_pairs.FeaturePair`.
        fusion_losses (dict, optional): Of the student; see
            :class:`BaseFusionModel`.
        init_from_teacher (dict[str, str], optional): Layers of the student
            that start as a layer of the teacher: path in the student to
            path in the teacher.
        motion (dict, optional): Config of a ``MotionConsistencyLoss``: a
            second pass over moved pairs, whose output should move along, for
            steady videos. The name of its term is ``'motion'``. Off by
            default.
        random_teacher (bool): Whether a teacher without weights is meant
            (tests). Defaults to False.
        kwargs: See :class:`BaseFusionModel`.

    Raises:
        ValueError: If the teacher has no weights, a place or layer does not
            exist, or layers of different shape are to be copied.

    Examples:
        >>> # a network takes init_cfg=dict(type='Pretrained', checkpoint=FILE)
        >>> model = MODELS.build(dict(
        ...     type='FuserDistiller',
        ...     teacher=dict(type='LaplacianPyramidFuser'),
        ...     student=dict(type='MMDRFuseStudent'),
        ...     pairs=[dict(student='luma', teacher='luma',
        ...                 loss=dict(type='DistanceLoss', distance='l1'))]))
        >>> sum(p.numel() for p in model.fuser.parameters())
        113
    """

    def __init__(self, teacher: dict | None, student: dict,
                 pairs: Sequence[dict],
                 fusion_losses: dict[str, dict] | None = None,
                 init_from_teacher: dict[str, str] | None = None,
                 motion: dict | None = None, random_teacher: bool = False,
                 **kwargs) -> None:
        super().__init__(student, fusion_losses, **kwargs)
        network = nn.Module()
        if teacher is not None:
            network = MODELS.build(teacher)
            if teacher.get('init_cfg'):
                network.init_weights()
            elif not random_teacher and any(True
                                            for _ in network.parameters()):
                raise ValueError(
                    'FuserDistiller: expected a teacher with weights, got '
                    "none. Set teacher=dict(..., init_cfg=dict(type="
                    "'Pretrained', checkpoint=FILE)).")
        self.cached = teacher is None
        # In a tuple, it is not registered: no checkpoint, no optimizer.
        self._teacher = (network.requires_grad_(False).eval(), )
        self.pairs = build_pairs(pairs)
        self._readers = [
            TensorReader(fuser, [getattr(pair, role)
                                 for pair in self.pairs], role)
            for role, fuser in (('student', self.fuser), ('teacher', network))
        ]
        self.motion = None if motion is None else MODELS.build(motion)
        self.init_from_teacher = dict(init_from_teacher or {})
        self._copy_layers()

    @classmethod
    def inference_config(cls, cfg: dict) -> dict:
        """That of an :class:`ImageFuser` of the student."""
        training = ('type', 'teacher', 'student', 'pairs', 'random_teacher',
                    'init_from_teacher', 'motion')
        kept = {
            key: value for key, value in cfg.items() if key not in training
        }
        return super().inference_config(
            dict(type='ImageFuser', fuser=cfg['student'], **kept))

    @property
    def teacher(self) -> nn.Module:
        """The frozen teacher; an empty module where targets are cached."""
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
                    f'{one_line(error)}') from error

    def loss(self, inputs: Tensor,
             data_samples: OptSampleList) -> dict[str, Tensor]:
        """Fusion losses, ``loss_distill.<name>`` of every pair, and
        ``loss_motion`` where asked for."""
        student, teacher = self._readers
        with student.recording(self.fuser) as ours:
            output = self.fuse(inputs, data_samples)
        with torch.no_grad(), teacher.recording(self.teacher) as theirs:
            if self.cached:
                target = cached_output(data_samples, inputs)
            else:
                target = self.teacher(
                    *self.split(inputs),
                    **self.condition(data_samples, self.teacher))
                target = self.roles.recolour(target, inputs, self.teacher)
        losses = self.fusion_loss(output, inputs, data_samples)
        for pair in self.pairs:
            factor = self.term_factors.get(pair.name, 1.)
            # DDP wants gradients for adapters, be they zero.
            if factor == 0 and not any(True for _ in pair.parameters()):
                continue
            losses[f'loss_distill.{pair.name}'] = factor * pair(
                student.pick(pair.student, output, ours),
                teacher.pick(pair.teacher, target, theirs).detach())
        factor = self.term_factors.get('motion', 1.)
        if self.motion is not None and factor != 0:
            losses['loss_motion'] = factor * self.motion(
                lambda moved: self.fuse(moved, data_samples).fused, inputs,
                output.fused)
        return losses

    @property
    def term_names(self) -> list[str]:
        return [
            *super().term_names, *(pair.name for pair in self.pairs),
            *(['motion'] if self.motion is not None else [])
        ]


def cached_output(data_samples: OptSampleList, inputs: Tensor) -> FuserOutput:
    """What a teacher gave before the training.

    Args:
        data_samples (list[FusionDataSample]): With ``gt_fused`` of the size
            of the inputs, and ``gt_feature`` where there are features.
        inputs (Tensor): Stacked batch, gives size and device.

    Returns:
        FuserOutput: ``fused`` and, with features, ``aux['feature']``.

    Raises:
        ValueError: If a sample has no target or one of another size.
    """
    images = []
    for sample in data_samples or [None] * len(inputs):
        field = None if sample is None else sample.get('gt_fused')
        size = None if field is None else tuple(field.data.shape[-2:])
        if size != tuple(inputs.shape[-2:]):
            raise ValueError(
                "FuserDistiller: expected 'gt_fused' of "
                f'{tuple(inputs.shape[-2:])} in every sample, since there '
                f'is no teacher network, got {size}. Train on a '
                'FusionDistillDataset, or set teacher=dict(...).')
        images.append(field.data.to(inputs))
    features = [sample.get('gt_feature') for sample in data_samples]
    aux = {}
    if all(feature is not None for feature in features):
        aux['feature'] = torch.stack(
            [feature.data.to(inputs) for feature in features])
    return FuserOutput(torch.stack(images), aux=aux)
