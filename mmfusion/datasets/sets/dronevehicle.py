"""DroneVehicle: visible-infrared pairs from a drone, with boxes."""

from ..boxes import BoxSet


class DroneVehicleBoxes(BoxSet):
    """DroneVehicle (Sun et al., 2022): vehicles from a drone.

    28,439 pairs of 840x712, of which a frame of 100 pixels is white.
    Rotated boxes are reduced to horizontal ones::

        DroneVehicle/train/{trainimg,trainimgr}/NAME.jpg
        DroneVehicle/train/{trainlabel,trainlabelr}/NAME.xml
        DroneVehicle/annotations/{train,val,test}.json   (converted)
    """
    hint = 'train/{trainimg,trainimgr,trainlabel,trainlabelr}/NAME'
    classes = ('car', 'truck', 'bus', 'van', 'freight_car')
    aliases = {
        'feright car': 'freight_car',
        'feright_car': 'freight_car',
        'feright': 'freight_car',
        'freight car': 'freight_car',
        'truvk': 'truck',
    }

    @property
    def folders(self) -> tuple[str, str, str]:
        notes = dict(vis='label', ir='labelr')[self.labels]
        return '{0}/{0}img', '{0}/{0}imgr', '{0}/{0}' + notes
