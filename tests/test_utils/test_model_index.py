"""Short names of models, and where their weights are."""
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmfusion.apis import FusionInferencer, list_models, load_config
from mmfusion.utils import model_index
from mmfusion.utils.errors import UsageError
from mmfusion.utils.model_index import box_weights_of, is_name, model_entry

PAIR = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), np.uint8)
STUDENT = 'mmdrfuse_student_alone_llvip'


def test_every_config_has_a_name_of_its_own():
    files = list_models()
    names = list_models('*')
    assert len(names) == len(files) == len(set(names))
    for file in files:
        entry = model_entry(file)
        assert entry.config == file and model_entry(entry.name) is entry
        assert model_entry(f'mmfusion::{file}') is entry
        assert model_entry(entry.path) is entry
        assert is_name(entry.name) and not is_name(file)
        assert entry.collection or file.startswith('demo/')
    assert list_models('realtime_t*') == [
        'realtime_tiny', 'realtime_tiny_from_psfusion',
        'realtime_tiny_registration'
    ]
    assert list_models('none*') == []


def test_names_are_configs():
    cfg = load_config('PSFusion_MSRS')
    assert cfg.model.fuser.type == 'PSFusion'
    small = load_config('psfusion_msrs@synthetic')
    assert small.run_name == 'psfusion_synthetic'
    with pytest.raises(FileNotFoundError,
                       match="'psfusion_msr'. Did you mean 'psfusion_msrs'"):
        load_config('psfusion_msr')
    with pytest.raises(FileNotFoundError, match='mmfusion list'):
        load_config('x')


def test_named_models_fuse_with_weights_alone(tmp_path):
    assert FusionInferencer('laplacian_pyramid')(*PAIR)['fused'].shape
    with pytest.raises(
            UsageError, match='MMDRFuseStudent has weights: .*'
            f'mmfusion train {STUDENT}'):
        FusionInferencer(STUDENT)
    model = FusionInferencer(load_config(STUDENT), device='cpu',
                             optimize=False).model
    torch.save(model.fuser.state_dict(), tmp_path / 'w.pth')
    fuse = FusionInferencer(STUDENT, weights=tmp_path / 'w.pth')
    assert fuse(*PAIR)['fused'].shape == (32, 32, 3)


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A box with weights of the student; the fuser's keys are bare."""
    torch.manual_seed(0)
    fuser = FusionInferencer(load_config(STUDENT), device='cpu',
                             optimize=False).model.fuser
    torch.save(fuser.state_dict(), tmp_path / 'student.pth')
    module = ModuleType('mmfusion.utils.box_weights')
    module.box_weights = lambda name: tmp_path / name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entries = dict(model_index._entries())
    entries[STUDENT] = replace(entries[STUDENT], weights='student.pth')
    monkeypatch.setattr(model_index, '_entries', lambda: entries)
    return fuser


def test_weights_in_the_box_are_found(box):
    assert model_entry(STUDENT).source == 'in the box'
    path = box_weights_of(model_entry(STUDENT).config)
    assert path.name == 'student.pth' and box_weights_of(
        'psfusion_msrs') is None
    images = [
        FusionInferencer(name, device='cpu', optimize=False)
        for name in (STUDENT, model_entry(STUDENT).path)
    ]
    for inferencer in images:
        for mine, stored in zip(inferencer.model.fuser.state_dict().values(),
                                box.state_dict().values(), strict=True):
            torch.testing.assert_close(mine, stored)


def test_mmengine_reads_the_box(box):
    """As ``mmengine.hub.get_model(..., pretrained=True)`` does."""
    state = CheckpointLoader.load_checkpoint('box:student.pth', 'cpu')
    assert set(state) == {f'fuser.{key}' for key in box.state_dict()}


def test_the_default_comes_with_its_weights():
    """By name, by none, and by mmengine's hub."""
    from mmengine.hub import get_model
    fuse = FusionInferencer(device='cpu')
    assert fuse.model.weights_file == box_weights_of('default')
    assert fuse(*PAIR)['fused'].shape == (32, 32, 3)
    model = get_model('mmfusion::fusers/default.py', pretrained=True)
    stored = CheckpointLoader.load_checkpoint('box:default.safetensors', 'cpu')
    mine = model.state_dict()
    assert stored and not set(stored) - set(mine)
    for key, value in stored.items():
        torch.testing.assert_close(mine[key], value)
