"""mmseg's scores of label maps, and predictions as files."""
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.evaluation import IoUMetric as MMSegIoUMetric

from mmfusion.fileio.paths import label_map_path
from mmfusion.registry import METRICS
from mmfusion.structures import to_file_labels
from mmfusion.utils.files import write_image


@METRICS.register_module()
class IoUMetric(MMSegIoUMetric):
    """mmseg's ``IoUMetric``; what it writes can be read as labels again.

    Label maps in ``output_dir`` hold the labels of the data set's files,
    also where ``reduce_zero_label`` or chosen ``classes`` changed them. They
    keep the sub-folders of their pairs and never lie outside of the folder.

    Args:
        args, kwargs: See mmseg.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score one batch, and write it where asked for."""
        folder, self.output_dir = self.output_dir, None
        super().process(data_batch, data_samples)
        self.output_dir = folder
        if folder is None:
            return
        for sample in data_samples:
            classes = sample['pred_sem_seg']['data'][0].cpu().numpy()
            write_image(
                label_map_path(folder, sample),
                to_file_labels(classes.astype(np.uint8), self.dataset_meta))
