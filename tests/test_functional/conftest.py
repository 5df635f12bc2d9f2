"""Images with known values for the tests of metrics."""
import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

PAIRS = ('carShadow', 'fight', 'labMan', 'manWalking', 'peopleshadow',
         'walking2')
METHODS = ('CBF', 'GTF', 'U2Fusion')


def formula_triplet(height, width):
    """Fused image and two sources, uint8, all made by a formula."""
    y, x = np.mgrid[:height, :width]
    first = np.floor(127.5 + 100 * np.sin(x / 7) + 27 * np.cos(y / 5))
    second = np.floor(127.5 + 90 * np.cos(x / 11 + y / 13) +
                      37 * np.sin(y / 3))
    noise = np.random.RandomState(3).randint(-10, 11, (height, width))
    fused = np.clip(np.rint(0.5 * first + 0.5 * second + noise), 0, 255)
    return [image.astype(np.uint8) for image in (fused, first, second)]


@pytest.fixture(params=[(96, 120), (61, 75)], ids=['96x120', '61x75'])
def synthetic_triplet(request):
    """(fused, first source, second source), uint8."""
    return formula_triplet(*request.param)


@pytest.fixture(scope='session')
def oracle():
    """Folder of images with values of reference implementations."""
    root = os.environ.get('MMFUSION_ORACLE')
    if not root:
        pytest.skip('MMFUSION_ORACLE does not name the reference values')
    return Path(root)


@pytest.fixture(scope='session')
def read_gray():
    """Reader of 8-bit grey images."""

    def read(path):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert image is not None, path
        return image

    return read


@pytest.fixture(scope='session')
def triplets(oracle, read_gray):
    """Maker of ``{(pair, method): (fused, ir, vis)}`` of a grey folder."""
    loaded = {}

    def make(folder='gray'):
        if folder not in loaded:
            read = {
                path.stem: read_gray(path)
                for path in sorted((oracle / folder).glob('*.png'))
            }
            loaded[folder] = {
                (pair, method): (read[f'{pair}_{method}'], read[f'{pair}_ir'],
                                 read[f'{pair}_vi']) for pair in PAIRS
                for method in METHODS
            }
        return loaded[folder]

    return make


@pytest.fixture(scope='session')
def read_table(oracle):
    """Reader of a table of reference values: a list of rows."""

    def read(name):
        with open(oracle / name, newline='') as file:
            return list(csv.DictReader(file))

    return read
