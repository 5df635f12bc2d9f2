"""Run from a folder outside the tree, by test_install.py.

    python scratch_project.py PACKAGE_FOLDER

Inherits mmfusion's experiments in every supported way and prints 'ok'.
"""
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hub import get_config, get_model

import mmfusion
from mmfusion.registry import MODELS
from mmfusion.utils.config_file import load_config

TEXT = '''
_base_ = 'mmfusion::fuser_segmenters/psfusion_segformer.py'
model = dict(
    fuser=dict(init_cfg=None, base_channels=8, depths=(1, 1, 1, 1)),
    segmentor=dict(decode_head=dict(num_classes=5)))
train_dataloader = dict(batch_size=3)
'''
DETERMINISTIC = '''
_base_ = [
    'mmfusion::fuser_segmenters/bffr_segformer.py',
    'mmfusion::_base_/deterministic.py',
]
'''
SHORT = '''
_base_ = 'mmfusion::fuser_segmenters/psfusion_segformer.py'
variant = 'visible'
'''


def read(name, text):
    Path(name).write_text(text)
    return Config.fromfile(name)


def logits(model, size=(64, 64)):
    with torch.no_grad():
        return model.eval()(torch.rand(1, 4, *size), mode='tensor').shape


package = Path(mmfusion.__file__).parent
assert package == Path(sys.argv[1]), package
for name in ('configs', 'tools', 'model-index.yml'):
    assert (package / '.mim' / name).exists(), name
assert (package / '.mim' / 'tools' / 'train.py').is_file()

with torch.random.fork_rng():
    text = read('text.py', TEXT)
    assert text.train_dataloader.batch_size == 3
    assert text.model.segmentor._scope_ == 'mmseg'
    assert logits(MODELS.build(text.model))[1] == 5
    Path('short.py').write_text(SHORT)
    short = load_config('short.py', scale='synthetic')
    assert short.model.fuser.type == 'SelectModality'
    assert short.model.fuser.modality == 'vis'
    assert short.train_cfg.max_iters == 600
    assert logits(MODELS.build(short.model))[1] == 9

cfg = read('deterministic.py', DETERMINISTIC)
assert cfg.randomness == dict(seed=0, deterministic=True)
assert cfg.train_dataloader.sampler.type == 'DeterministicSampler'
assert [hook.type for hook in cfg.custom_hooks] == ['StepSeedHook']

name = 'mmfusion::fuser_segmenters/bffr_segformer.py'
assert get_config(name).model.type == 'FuserSegmenter'
model = get_model(name)
assert type(model.data_preprocessor).__name__ == 'FusionDataPreprocessor'
assert logits(model)[1] == 9
print('ok')
