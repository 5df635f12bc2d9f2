"""A weak mask of salient objects, from their boxes."""
import numpy as np

from mmfusion.registry import TRANSFORMS
from mmfusion.structures import BOX_SHAPES, box_tensor, boxes_to_mask
from mmfusion.utils.errors import check_choice

from .shown import ShownTransform

_IGNORED = 255


@TRANSFORMS.register_module()
class DeriveBoxMask(ShownTransform):
    """Derive the map of salient objects from boxes.

    For fusion pretraining on detection sets, which have no masks.
    mmfusion's transforms (the plain names) move the map. mmdet's do not:
    with those set ``target_mask='boxes'`` of the loss instead.

    Required keys: ``instances`` of a :class:`PairedCocoDataset`
    (``bbox``, ``ignore_flag``), ``img_shape``. Added key: ``gt_mask_map``
    (H, W) uint8, 1 in objects, 255 where only ignored ones are, 0
    elsewhere; listed in ``seg_fields``; ``box_mask_flipped``, by which
    ``PackFusionInputs`` notices a flip of the image alone.

    Args:
        shape (str): ``'rectangle'``, or ``'ellipse'`` for the largest
            ellipse in each box. Defaults to ``'ellipse'``.

    Raises:
        ValueError: If the sample has no ``instances``, or was resized or
            cropped before.
    """

    def __init__(self, shape: str = 'ellipse') -> None:
        check_choice(BOX_SHAPES, shape=shape)
        self.shape = shape

    def transform(self, results: dict) -> dict:
        """Add the map."""
        instances = results.get('instances')
        if instances is None:
            raise ValueError(
                "DeriveBoxMask: expected 'instances', got a sample without "
                'boxes. Use it on a PairedCocoDataset.')
        size = tuple(results['img'].shape[:2])
        if size != tuple(results['ori_shape']) or results.get('flip'):
            raise ValueError(
                'DeriveBoxMask: expected the image as it was loaded, of '
                f'{tuple(results["ori_shape"])}, got {size} (flipped: '
                f'{results.get("flip", False)}). Put it right behind '
                'LoadFusionPair.')
        mask = np.zeros(size, np.uint8)
        for ignored, value in ((1, _IGNORED), (0, 1)):
            boxes = [
                item['bbox'] for item in instances
                if item.get('ignore_flag', 0) == ignored
            ]
            inside = boxes_to_mask(box_tensor(boxes), size, self.shape)
            mask[inside.numpy()] = value
        results['gt_mask_map'] = mask
        results['box_mask_flipped'] = False
        results.setdefault('seg_fields', []).append('gt_mask_map')
        return results
