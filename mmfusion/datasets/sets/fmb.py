"""FMB: full-time multi-modality benchmark (Liu et al., SegMiF, ICCV 2023)."""
from mmfusion.registry import DATASETS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class FMBDataset(PairedImageDataset):
    """FMB, 1500 pairs of 600x800, fourteen classes and background.

    ``data_root`` is one split (1220 training, 280 test pairs)::

        FMB/train/{Visible,Infrared,Label}/NAME.png
        FMB/test/{Visible,Infrared,Label}/NAME.png

    Labels are 0 (background, unlabelled) and 1 to 14 in the order below,
    the order the data set's publications list the classes in; it was not
    checked against the files. The palette is our own.

    Background counts as a class here. To ignore it, as tables of fourteen
    classes do, name the fourteen: ``metainfo=dict(classes=
    FMBDataset.METAINFO['classes'][1:])`` maps label 0 to 255.
    """
    METAINFO = dict(
        classes=('background', 'Road', 'Sidewalk', 'Building', 'Traffic Lamp',
                 'Traffic Sign', 'Vegetation', 'Sky', 'Person', 'Car', 'Truck',
                 'Bus', 'Motorcycle', 'Bicycle', 'Pole'),
        palette=[[0, 0, 0], [150, 80, 160], [230, 60, 220], [90, 90, 90],
                 [240, 170, 40], [220, 220, 40], [90, 150, 50], [80, 140, 200],
                 [230, 30, 70], [20, 40, 170], [40, 40, 90], [30, 110, 130],
                 [40, 60, 230], [130, 30, 40],
                 [170, 160, 150]], modalities=dict(vis=3, ir=1))
    PREFIX = dict(vis_path='Visible', ir_path='Infrared', seg_map_path='Label')
