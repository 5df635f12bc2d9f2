"""MSRS: multi-spectral road scenarios (Tang et al., PIAFusion, 2022)."""
from mmfusion.registry import DATASETS

from ..paired_dataset import PairedImageDataset
from .mfnet import MFNET_CLASSES, MFNET_PALETTE


@DATASETS.register_module()
class MSRSDataset(PairedImageDataset):
    """MSRS, 1444 pairs of 480x640 by day and night, nine classes.

    ``data_root`` is one split::

        MSRS/train/{vi,ir,label}/NAME.png   1083 pairs
        MSRS/test/{vi,ir,label}/NAME.png    361 pairs

    PSFusion's folders ``bi`` (foreground), ``bd`` (class boundaries) and
    ``mask`` (salient objects) are used where they exist;
    ``DeriveFusionMaps`` makes what is missing from the labels.
    Label 0 is a class of its own, 255 is ignored.
    """
    METAINFO = dict(classes=MFNET_CLASSES, palette=MFNET_PALETTE,
                    modalities=dict(vis=3, ir=1))
    PREFIX = dict(vis_path='vi', ir_path='ir', seg_map_path='label',
                  binary_path='bi', boundary_path='bd', mask_path='mask')
    IF_PRESENT = ('binary_path', 'boundary_path', 'mask_path')
