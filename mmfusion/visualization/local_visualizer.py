"""mmengine visualizer of image pairs, fused images, label maps and boxes."""
from collections.abc import Sequence
from functools import partial

import numpy as np
from mmengine.dist import master_only
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmfusion.registry import VISUALIZERS
from mmfusion.tasks import caption
from mmfusion.utils.errors import printable
from mmfusion.utils.files import write_image

from .boxes import draw_boxes
from .panel import Painter, draw_panel, resize_like


@VISUALIZERS.register_module()
class FusionLocalVisualizer(Visualizer):
    """Draws visible | infrared | fused | prediction | ground truth.

    Pairs of other tasks are drawn under the names of their modalities.
    Detections and true boxes are drawn on the fused image. Class names and
    colours come from ``classes`` and ``palette``, else from
    ``dataset_meta``, which the runner sets from the dataset. Panels go to
    the configured backends, e.g.
    ``vis_backends=[dict(type='LocalVisBackend'),
    dict(type='TensorboardVisBackend')]``.

    Args:
        name (str): Name of the instance.
        classes (sequence[str], optional): Class names.
        palette (sequence, optional): One RGB triple a class.
        alpha (float): Opacity of class colours. Defaults to 0.6.
        columns (int, optional): Images a row; None puts all in one row.
        legend (bool): Whether to draw the classes below label maps.
        box_score_thr (float): Detections below it are not drawn.
        args, kwargs: See mmengine's ``Visualizer``.
    """

    def __init__(self, name: str = 'visualizer', *args,
                 classes: Sequence[str] | None = None,
                 palette: Sequence[Sequence[int]] | None = None,
                 alpha: float = 0.6, columns: int | None = None,
                 legend: bool = True, box_score_thr: float = 0.3,
                 **kwargs) -> None:
        super().__init__(name, *args, **kwargs)
        self.classes = classes
        self.palette = palette
        self.alpha = alpha
        self.columns = columns
        self.legend = legend
        self.box_score_thr = box_score_thr

    def draw(
        self, image: np.ndarray, infrared: np.ndarray | None = None,
        data_sample: BaseDataElement | None = None, draw_gt: bool = True,
        draw_pred: bool = True, dataset_meta: dict | None = None,
        more: Sequence[np.ndarray] = ()
    ) -> np.ndarray:
        """Draw one sample; unlike ``add_datasample``, on every rank.

        Args:
            image (np.ndarray): First image of the pair, RGB (H, W, 3)
                ``uint8``: the visible one.
            infrared (np.ndarray, optional): Second image.
            data_sample (FusionDataSample, optional): May hold
                ``fused_img``, ``pred_sem_seg``, ``gt_sem_seg``,
                ``pred_instances`` and ``gt_instances``, whose boxes are at
                the image's size; its ``modalities`` name the images.
            draw_gt (bool): Whether to draw the ground truth.
            draw_pred (bool): Whether to draw the prediction.
            dataset_meta (dict, optional): ``classes``, ``palette`` and
                ``modalities``. Defaults to the visualizer's own.
            more (sequence[np.ndarray]): Images of further sources.

        Returns:
            np.ndarray: RGB panel ``uint8``.
        """
        meta = dataset_meta or self.dataset_meta or {}
        own = getattr(data_sample, 'metainfo', {})
        modalities = tuple(
            own.get('modalities') or meta.get('modalities') or ('vis', 'ir'))

        def data(field: str, wanted: bool = True):
            found = wanted and data_sample is not None \
                and field in data_sample
            return getattr(data_sample, field).data if found else None

        fused = data('fused_img')
        return draw_panel(
            image, infrared,
            None if fused is None else resize_like(fused, image.shape[:2]),
            data('pred_sem_seg', draw_pred), data('gt_sem_seg', draw_gt),
            classes=self.classes or meta.get('classes'), palette=self.palette
            or meta.get('palette'), alpha=self.alpha, columns=self.columns,
            legend=self.legend,
            captions=tuple(caption(name)
                           for name in modalities)[:2 + len(more)], more=more,
            painters=self._painters(data_sample, meta, draw_gt, draw_pred))

    def _painters(self, data_sample: BaseDataElement | None, meta: dict,
                  draw_gt: bool, draw_pred: bool) -> dict[str, Painter]:
        """Tiles with boxes, by their captions."""
        fields = {
            'detections': ('pred_instances', draw_pred),
            'true boxes': ('gt_instances', draw_gt)
        }
        return {
            title:
            partial(draw_boxes, instances=getattr(data_sample,
                                                  field), classes=self.classes
                    or meta.get('classes'), palette=self.palette
                    or meta.get('palette'), score_thr=self.box_score_thr)
            for title, (field, wanted) in fields.items()
            if wanted and data_sample is not None and field in data_sample
        }

    @master_only
    def add_datasample(self, name: str, image: np.ndarray,
                       data_sample: BaseDataElement | None = None,
                       draw_gt: bool = True, draw_pred: bool = True,
                       show: bool = False, wait_time: float = 0,
                       out_file: str | None = None, step: int = 0,
                       infrared: np.ndarray | None = None,
                       more: Sequence[np.ndarray] = (), **kwargs) -> None:
        """Draw one sample and show it, or write it to a file or backends.

        Args:
            name (str): Name of the picture in the backends.
            image (np.ndarray): Visible image, RGB (H, W, 3) ``uint8``.
            data_sample (FusionDataSample, optional): See :meth:`draw`.
            draw_gt (bool): Whether to draw the ground truth.
            draw_pred (bool): Whether to draw the prediction.
            show (bool): Whether to open a window instead of writing to the
                backends.
            wait_time (float): Seconds the window stays; 0 until a key.
            out_file (str, optional): Write here instead of to the backends.
            step (int): Iteration to file the picture under.
            infrared (np.ndarray, optional): Infrared image.
            more (sequence[np.ndarray]): Images of further sources.
            kwargs: Options of sibling visualizers, which have no meaning
                here (e.g. ``with_labels``).
        """
        panel = self.draw(image, infrared, data_sample, draw_gt, draw_pred,
                          more=more)
        self.set_image(panel)
        if show:
            self.show(panel, win_name=printable(name), wait_time=wait_time)
        if out_file is not None:
            write_image(out_file, panel)
        elif not show:
            self.add_image(printable(name), panel, step)
