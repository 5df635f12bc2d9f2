"""The data sample that flows through mmfusion's pipelines and models."""
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample
from torch import Tensor


def sample_name(sample: SegDataSample, index: int = 0) -> str:
    """What messages call a pair: its first file, else its stem.

    Args:
        sample (FusionDataSample): Of the pair.
        index (int): Its place in the batch, where it has neither.
    """
    for key in ('vis_path', 'img_path', 'stem'):
        if sample.metainfo.get(key):
            return str(sample.metainfo[key])
    return f'pair {index} of the batch'


def _field(name: str, doc: str, kind: type = PixelData) -> property:
    """A typed field, as :class:`BaseDataElement` expects them."""
    key = f'_{name}'

    def read(self):
        return getattr(self, key)

    def write(self, value):
        self.set_field(value, key, dtype=kind)

    def remove(self):
        delattr(self, key)

    return property(read, write, remove, doc)


class FusionDataSample(SegDataSample):
    """A :class:`mmseg.structures.SegDataSample` with fusion fields.

    Besides ``gt_sem_seg``, ``pred_sem_seg`` and ``seg_logits``:

    - ``fused_img``: fused RGB image, data (3, H, W) float in [0, 1].
    - ``gt_fused``: target of the fused image, made by a teacher, RGB, data
      (3, H, W), uint8.
    - ``gt_feature``: a teacher's feature map, data (C, H', W').
    - ``gt_binary``: foreground map, data (1, H, W) with values 0 / 1.
    - ``gt_boundary``: class-boundary map, data (1, H, W), values 0 / 1.
    - ``gt_mask``: salient-object map, data (1, H, W), values 0 / 1.
    - ``text``: text feature, a tensor (L, C), float32.

    In the three ground-truth maps 255 marks padding. Boxes are mmdet's
    :class:`InstanceData`, ``bboxes`` (N, 4) as x1, y1, x2, y2 in pixels:

    - ``gt_instances``: ``bboxes``, ``labels``, optional ``masks``.
    - ``ignored_instances``: likewise, neither found nor missed.
    - ``pred_instances``: ``bboxes``, ``labels``, ``scores``, optional
      ``masks``, at the original size.
    - ``proposals``: ``bboxes``, ``scores``.

    Meta information: ``vis_path`` and ``ir_path`` (of another task
    ``<modality>_path``), ``img_path`` (the first one), ``seg_map_path``,
    ``modalities`` (dict from a modality's name to its (first, end)
    channels in the stacked image), ``img_id``, ``condition`` (for instance
    ``'day'`` or ``'night'``), ``ori_shape``, ``img_shape``,
    ``scale_factor``, ``flip``, ``flip_direction``, ``padding_size``,
    ``misalignment`` (see :class:`RandomMisalign`).

    Examples:
        >>> import torch
        >>> sample = FusionDataSample(metainfo=dict(ori_shape=(8, 8)))
        >>> sample.fused_img = PixelData(data=torch.rand(3, 8, 8))
        >>> sample.fused_img.shape, sample.ori_shape
        ((8, 8), (8, 8))
    """
    fused_img = _field('fused_img', 'Fused RGB image, (3, H, W).')
    gt_fused = _field('gt_fused', 'Target image, (3, H, W).')
    gt_feature = _field('gt_feature', 'Feature map, (C, H, W).')
    gt_binary = _field('gt_binary', 'Foreground map, (1, H, W).')
    gt_boundary = _field('gt_boundary', 'Boundary map, (1, H, W).')
    gt_mask = _field('gt_mask', 'Salient-object map, (1, H, W).')
    text = _field('text', 'Text feature, (L, C).', Tensor)
    gt_instances = _field('gt_instances', 'Boxes to find.', InstanceData)
    ignored_instances = _field('ignored_instances', 'Left out.', InstanceData)
    pred_instances = _field('pred_instances', 'Boxes found.', InstanceData)
    proposals = _field('proposals', 'Boxes proposed.', InstanceData)
