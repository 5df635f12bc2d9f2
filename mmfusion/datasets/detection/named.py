"""Detection sets that have a name.

``tools/dataset_converters/boxes_to_coco.py`` writes the JSON of each into
``<root>/annotations``, with file names from the root.
"""
from mmfusion.registry import DATASETS

from ..boxes.classes import CLASSES
from .paired_coco import PairedCocoDataset


class _Converted(PairedCocoDataset):
    """A set whose JSON names its files from ``data_root``."""
    PREFIX = dict(vis_path='', ir_path='')


def _meta(name: str) -> dict:
    return dict(classes=CLASSES[name], modalities=dict(vis=3, ir=1))


@DATASETS.register_module()
class LLVIPDetDataset(_Converted):
    """LLVIP (Jia et al., ICCV Workshops 2021): pedestrians at night.

    15,488 pairs of 1280x1024::

        LLVIP/{visible,infrared}/{train,test}/NAME.jpg
        LLVIP/Annotations/NAME.xml
        LLVIP/annotations/{train,test}.json   (converted)
    """
    METAINFO = _meta('llvip')


@DATASETS.register_module()
class M3FDDetDataset(_Converted):
    """M3FD (Liu et al., TarDAL, CVPR 2022): six classes on the road.

    4,200 pairs of 1024x768; there is no official split::

        M3FD_Detection/{Vis,Ir}/NAME.png
        M3FD_Detection/Annotation/NAME.xml
        M3FD_Detection/annotations/{train,val}.json   (converted)
    """
    METAINFO = _meta('m3fd')


@DATASETS.register_module()
class FLIRAlignedDataset(_Converted):
    """FLIR-aligned (Zhang et al., ICIP 2020): persons, cars, bicycles.

    5,142 pairs of 640x512, cut out of Teledyne FLIR's set::

        align/JPEGImages/FLIR_00002_{RGB.jpg,PreviewData.jpeg}
        align/Annotations/FLIR_00002_PreviewData.xml
        align/align_{train,validation}.txt
        align/annotations/{train,validation}.json   (converted)
    """
    METAINFO = _meta('flir')


@DATASETS.register_module()
class KAISTDataset(_Converted):
    """KAIST multispectral pedestrians (Hwang et al., CVPR 2015), 640x512.

    Each image has ``condition`` day or night, by its set::

        kaist/images/set00/V000/{visible,lwir}/I00000.jpg
        kaist/annotations/set00/V000/I00000.txt
        kaist/imageSets/NAME.txt
        kaist/annotations/NAME.json   (converted)
    """
    METAINFO = _meta('kaist')


@DATASETS.register_module()
class VEDAIDataset(_Converted):
    """VEDAI (Razakarivony and Jurie, 2016): vehicles from the air.

    The infrared band is near infrared. Rotated boxes are reduced to
    horizontal ones::

        VEDAI/Vehicules512/00000000_{co,ir}.png
        VEDAI/Annotations512/00000000.txt
        VEDAI/annotations/{train,test}.json   (converted)
    """
    METAINFO = _meta('vedai')


@DATASETS.register_module()
class DroneVehicleDataset(_Converted):
    """DroneVehicle (Sun et al., 2022): vehicles from a drone.

    28,439 pairs of 840x712, of which a frame of 100 pixels is white.
    Rotated boxes are reduced to horizontal ones::

        DroneVehicle/train/{trainimg,trainimgr}/NAME.jpg
        DroneVehicle/train/{trainlabel,trainlabelr}/NAME.xml
        DroneVehicle/annotations/{train,val,test}.json   (converted)
    """
    METAINFO = _meta('dronevehicle')


@DATASETS.register_module()
class SyntheticDetDataset(_Converted):
    """Street scenes of ``make_synthetic_rgbt.py``: cars, persons, bikes.

    Each image has ``condition`` day or night. ``classes`` may name more of
    what has boxes: car_stop, color_cone, bump.
    """
    METAINFO = _meta('synthetic')
