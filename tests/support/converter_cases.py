"""The scripts of ``tools/dataset_converters``, called in this process."""
import importlib.util
import sys
from pathlib import Path

import cv2

TOOLS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'


def tool(name):
    """The converter script as a module."""
    key = f'dataset_converter_{name}'
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key,
                                                      TOOLS / f'{name}.py')
        sys.modules[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[key])
    return sys.modules[key]


def run(name, *arguments, workers=0):
    return tool(name).main([str(word) for word in arguments] +
                           ['--workers', str(workers)])


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def read(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image
