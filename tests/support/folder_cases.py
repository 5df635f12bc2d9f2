"""Folders of sources and of two methods' fused images."""
import csv

import cv2
import numpy as np

from mmfusion.evaluation.folders import FolderEvaluation
from mmfusion.evaluation.protocol import Protocol

NAMES = ('EN', 'SD', 'AG', 'MI', 'CC', 'PSNR')
METHODS = ('first', 'second')


def picture(seed, size=(30, 41), channels=3):
    rng = np.random.RandomState(seed)
    small = rng.randint(0, 256, (5, 7, channels), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


def make_folders(root):
    """``ir``, ``vis`` and two methods' images of four scenes."""
    for index, name in enumerate(('ir', 'vis', *METHODS)):
        (root / name).mkdir()
        suffix = '.bmp' if name == 'second' else '.png'
        for scene in range(4):
            image = picture(10 * index + scene)
            if name == 'ir':
                image = image[..., 0]
            cv2.imwrite(str(root / name / f'{scene}{suffix}'), image)
    return root


def evaluation(root, protocol=None, methods=METHODS, **kwargs):
    return FolderEvaluation({name: root / name for name in methods},
                            dict(ir=root / 'ir',
                                 vis=root / 'vis'), root / 'out', protocol
                            or Protocol(NAMES), **kwargs)


def rows(root):
    with open(root / 'out' / 'per_image.csv', newline='') as file:
        return list(csv.DictReader(file))
