"""The pure-Python configs equal their text namesakes."""
import inspect
from pathlib import Path

import pytest
from mmengine.config import Config

from mmfusion.registry import MODELS
from mmfusion.utils.config_file import load_config
from tests.support.config_cases import shrink_config

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'mmfusion' / 'configs'
NAMES = sorted(
    path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob('*.py')
    if '_base_' not in path.parts and path.name != '__init__.py')
COMPARED = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader',
            'fusion_dataloader', 'val_evaluator', 'test_evaluator',
            'optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg',
            'test_cfg', 'tta_model', 'tta_pipeline', 'default_hooks',
            'visualizer', 'default_scope', 'env_cfg', 'log_processor',
            'stage1_config', 'stage1_checkpoint')


def plain(node, key=''):
    """Types by their last name; without scopes and with one kind of list."""
    if isinstance(node, dict):
        return {
            name: plain(value, name)
            for name, value in node.items() if name != '_scope_'
        }
    if isinstance(node, (list, tuple)):
        return [plain(value) for value in node]
    if inspect.isclass(node):
        return node.__name__
    return node.rpartition('.')[2] if key == 'type' else node


def test_all_headline_experiments_have_a_twin():
    assert NAMES == [
        'fuser_segmenters/bffr_segformer.py',
        'fuser_segmenters/psfusion_segformer.py', 'fusers/psfusion_msrs.py',
        'fusers/transfuser6_avg_mfnet.py'
    ]


@pytest.mark.parametrize('name', NAMES)
def test_same_settings(name):
    lazy, text = Config.fromfile(FOLDER / name), load_config(name)
    for key in COMPARED:
        assert plain(lazy.get(key)) == plain(text.get(key)), key


@pytest.mark.parametrize('name', NAMES)
def test_same_parameters(name):
    lazy, text = (MODELS.build(shrink_config(cfg, (64, 64)).model)
                  for cfg in (Config.fromfile(FOLDER / name),
                              load_config(name)))
    assert ({
        key: value.shape
        for key, value in lazy.state_dict().items()
    } == {
        key: value.shape
        for key, value in text.state_dict().items()
    })
