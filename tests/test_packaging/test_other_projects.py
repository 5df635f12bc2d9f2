"""Projects of others: their own scope, new-style configs, mim."""
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import torch

from mmfusion.registry import MODELS
from mmfusion.utils.config_file import load_config

ROOT = Path(__file__).resolve().parents[2]
BASE = 'num_classes = 3\n'
NEW_STYLE = '''
from mmengine.config import read_base
from mmseg.models import EncoderDecoder, MixVisionTransformer, SegformerHead
from mmseg.models.data_preprocessor import SegDataPreProcessor

from mmfusion.models.data_preprocessor import FusionDataPreprocessor
from mmfusion.models.fusers import MMDRFuseStudent
from mmfusion.models.wrappers import FuserSegmenter

with read_base():
    from .base import *

model = dict(
    type=FuserSegmenter,
    data_preprocessor=dict(type=FusionDataPreprocessor),
    fuser=dict(type=MMDRFuseStudent),
    segmentor=dict(
        type=EncoderDecoder,
        data_preprocessor=dict(
            type=SegDataPreProcessor, mean=[1., 2., 3.], std=[4., 5., 6.],
            bgr_to_rgb=True),
        backbone=dict(
            type=MixVisionTransformer, embed_dims=8, num_layers=[1] * 4,
            num_heads=[1] * 4),
        decode_head=dict(
            type=SegformerHead, in_channels=[8] * 4, in_index=[0, 1, 2, 3],
            channels=8, num_classes=num_classes, norm_cfg=dict(type='BN')),
        test_cfg=dict(mode='whole')))
'''


def run(*command, cwd):
    environment = dict(
        os.environ, OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join(
            (str(cwd), str(ROOT), os.environ.get('PYTHONPATH', ''))))
    return subprocess.run(list(map(str, command)), cwd=cwd, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=300)


def test_a_project_with_its_own_scope(tmp_path):
    done = run(sys.executable, ROOT / 'tests/support/other_project.py',
               cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == 'ok'


def test_new_style_config(tmp_path):
    """Types are classes; bases are imported."""
    (tmp_path / 'base.py').write_text(BASE)
    path = tmp_path / 'mine.py'
    path.write_text(NEW_STYLE)
    model = MODELS.build(load_config(path).model).eval()
    assert model.task_preprocessor is None
    assert model.task_norm.stats == ([1., 2., 3.], [4., 5., 6.])
    with torch.no_grad():
        assert model(torch.rand(1, 4, 64, 64)).shape[1] == 3


if importlib.util.find_spec('mim'):  # which `make test-stock` has

    def test_mim_runs_our_tools(tmp_path):
        done = run(sys.executable, '-c', 'from mim.cli import cli; cli()',
                   'run', 'mmfusion', 'train', 'none.py', cwd=tmp_path)
        told = (done.stdout + done.stderr).splitlines()
        assert any(
            line.startswith('error: Expected a config file, got \'none.py\'')
            for line in told), told
