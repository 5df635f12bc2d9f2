"""A checkpoint written before the modules moved works as it did."""
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer, init_model
from mmfusion.utils.checkpoint import read_checkpoint
from tests.support.tiny_project import make_project, train_with

OLD = Path(__file__).resolve().parents[1] / 'data' / 'before_rooms'


@pytest.fixture
def project(tmp_path):
    """Folder of the configs, with the old checkpoint beside them."""
    configs = make_project(tmp_path)
    content = gzip.decompress((OLD / 'stage2_iter_2.pth.gz').read_bytes())
    (tmp_path / 'old.pth').write_bytes(content)
    return configs


def outputs(model, folder):
    """What a model makes of the project's first pair."""
    data = FusionInferencer(model).preprocess(folder / 'data/vis/000.png',
                                              folder / 'data/ir/000.png')
    with torch.no_grad():
        return model.test_step(data)[0]


@pytest.mark.parametrize('optimize', [False, True])
def test_computes_what_it_did(project, tmp_path, optimize):
    model = init_model(project / 'stage2.py', tmp_path / 'old.pth',
                       optimize=optimize)
    found = outputs(model, tmp_path)
    with np.load(OLD / 'expected.npz') as expected:
        np.testing.assert_allclose(found.fused_img.data.numpy(),
                                   expected['fused'], atol=2e-5)
        np.testing.assert_allclose(found.seg_logits.data.numpy()[:, ::4, ::4],
                                   expected['logits'], atol=2e-4)


def test_stage1_takes_its_fuser(project, tmp_path):
    model = init_model(project / 'stage1.py', tmp_path / 'old.pth')
    with np.load(OLD / 'expected.npz') as expected:
        np.testing.assert_allclose(
            outputs(model, tmp_path).fused_img.data.numpy(), expected['fused'],
            atol=2e-5)


def test_training_goes_on(project, tmp_path):
    work_dir = tmp_path / 'resumed'
    (tmp_path / 'stage1').mkdir()
    (tmp_path / 'stage1' / 'iter_2.pth').write_bytes(
        (tmp_path / 'old.pth').read_bytes())
    train_with(project / 'stage2.py', '--work-dir', work_dir, '--resume',
               tmp_path / 'old.pth', '--cfg-options', 'train_cfg.max_iters=3',
               'default_hooks.checkpoint.interval=1')
    state = read_checkpoint(work_dir / 'iter_3.pth')
    assert state['meta']['iter'] == 3
