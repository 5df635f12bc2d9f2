"""A fuser alone imports what it needs, and says nothing besides."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.support.image_files import write_png

ROOT = Path(__file__).resolve().parents[2]
#: packages that take a second each, and no fuser needs
HEAVY = ('mmdet', 'mmseg.datasets', 'mmseg.models', 'torchvision', 'scipy',
         'matplotlib', 'timm', 'transformers', 'h5py', 'onnx', 'sympy',
         'mmengine.runner', 'torch.distributed.fsdp')
FUSE = '''
import sys
from mmfusion.cli.main import main
heavy, words = sys.argv[1].split(), sys.argv[2:]
assert main(words) == 0
print(*(name for name in heavy if name in sys.modules))
'''
EVERYTHING = '''
import warnings
from mmfusion.utils import register_all_modules
register_all_modules()
import mmcv.cnn.bricks.transformer
'''


def run(code, *words):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return subprocess.run([sys.executable, '-c', code, *words], cwd=ROOT,
                          env=environment, capture_output=True, text=True,
                          check=True)


def test_a_fuser_imports_no_other_package(tmp_path):
    pair = [
        write_png(tmp_path / name, np.full((48, 64, 3), 99, np.uint8))
        for name in ('a.png', 'b.png')
    ]
    out = tmp_path / 'c.png'
    done = run(FUSE, ' '.join(HEAVY), 'fuse', *pair, '-o', out, '--device',
               'cpu')
    assert done.stdout == f'wrote {out}\n\n' and done.stderr == ''


def test_siblings_are_silent():
    """About data sets and operators that nobody has asked for."""
    done = run(EVERYTHING)
    said = done.stdout + done.stderr
    assert 'OneDL' not in said and 'MultiScaleDeformable' not in said
