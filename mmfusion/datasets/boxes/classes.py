"""Classes of the detection sets, in the order of their categories."""

CLASSES: dict[str, tuple[str, ...]] = dict(
    llvip=('person', ), m3fd=('People', 'Car', 'Bus', 'Lamp', 'Motorcycle',
                              'Truck'), flir=('person', 'car', 'bicycle'),
    kaist=('person', ),
    vedai=('car', 'truck', 'pickup', 'tractor', 'camping_car', 'boat',
           'motorcycle', 'bus', 'van', 'other', 'plane'),
    dronevehicle=('car', 'truck', 'bus', 'van', 'freight_car'),
    synthetic=('car', 'person', 'bike'))

#: names in the files that mean another class
ALIASES: dict[str, dict[str, str]] = dict(
    dronevehicle={
        'feright car': 'freight_car',
        'feright_car': 'freight_car',
        'feright': 'freight_car',
        'freight car': 'freight_car',
        'truvk': 'truck',
    })

#: classes whose objects are neither found nor missed
IGNORED: dict[str, tuple[str,
                         ...]] = dict(kaist=('people', 'person?', 'cyclist'),
                                      flir=('dog', ))

#: numbers in VEDAI's files
VEDAI_NUMBERS: dict[int, str] = {
    1: 'car',
    2: 'truck',
    4: 'tractor',
    5: 'camping_car',
    7: 'motorcycle',
    8: 'bus',
    9: 'van',
    10: 'other',
    11: 'pickup',
    23: 'boat',
    31: 'plane',
}
