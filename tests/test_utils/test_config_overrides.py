"""Overrides that reach something, and those that would be lost."""
import pytest
from mmengine.config import Config

from mmfusion.utils.config_file import copy_config, load_config
from mmfusion.utils.config_overrides import override
from mmfusion.utils.errors import UsageError

RULE = 'fusers/laplacian_pyramid.py'
TRAINED = 'fusers/psfusion_msrs.py'
FIRST_STEP = 'dataloader.dataset.pipeline.0'


@pytest.mark.parametrize('options', [
    {
        f'fusion_{FIRST_STEP}.uint16_range': (1, 2)
    },
    {
        'randomness.seed': 3,
        'launcher': 'none',
        'runner_type': 'Mine'
    },
    {
        'optim_wrapper.clip_grad.max_norm': 1,
        'train_cfg.max_iters': 1
    },
    {
        'train_dataloader.num_workers': 0,
        'val_evaluator': None
    },
    {
        'default_hooks.ema.type': 'EMAHook',
        'default_hooks.ema.begin': 5
    },
    {
        'model.fuser.init_cfg.type': 'Pretrained',
        'model.fuser.init_cfg.checkpoint': 'a.pth'
    },
    {
        'model.fuser._delete_': True,
        'model.fuser.type': 'AverageFuser'
    },
])
def test_what_is_read(options):
    cfg = load_config(TRAINED, options)
    for key, value in options.items():
        node = cfg._cfg_dict
        *path, last = key.split('.')
        for name in path:
            node = node[int(name) if name.isdecimal() else name]
        assert last == '_delete_' or node[last] == value


@pytest.mark.parametrize('key, message', [
    (f'fusion_{FIRST_STEP}.uint16_range',
     "no 'fusion_dataloader', but.*Or give --uint16-range"),
    (f'test_{FIRST_STEP}.uint16_range', "no 'test_dataloader', but"),
    ('fuser', "no entry 'fuser'"),
    ('modle.fuser.type', "no entry 'modle'"),
])
def test_what_a_rule_without_data_has_not(key, message):
    with pytest.raises(UsageError, match=message) as error:
        load_config(RULE, {key: 1})
    assert '\n' not in str(error.value) and key in str(error.value)


@pytest.mark.parametrize('key, message', [
    ('test_dataloader.dataset.pipeline.9.x', 'N below 3.*0 is LoadFusionPair'),
    ('test_dataloader.dataset.pipeline.LoadFusionPair.x', 'N below 3'),
    ('fusion_dataloader.datasett.pipeline', "no 'datasett', but batch_size"),
    ('fusion_dataloader.batchsize', "no 'batchsize', but batch_size"),
    ('default_hooks.ema.begin', "default_hooks has no 'ema'"),
    ('train_cfg.max_iters.x', 'train_cfg.max_iters is 677500'),
    ('data_root',
     'read .data_root. before.*test_dataloader.dataset.data_root'),
    ('train_pipeline.0.uint16_range', 'train_dataloader.dataset.pipeline'),
    ('batch_size', 'train_dataloader.batch_size'),
])
def test_what_is_not_there(key, message):
    with pytest.raises(UsageError, match=message):
        load_config(TRAINED, {key: 1})
    with pytest.raises(UsageError, match=message):
        copy_config(load_config(TRAINED), {key: 1})


def test_a_choice_that_is_not_offered():
    with pytest.raises(UsageError,
                       match="no entry 'variant'. It offers fuser"):
        load_config('fusers/mef_sice.py', dict(variant='film'))


def test_entries_of_one_s_own_code():
    cfg = Config(dict(custom_imports=dict(imports=['mine']), mine=1, model={}))
    override(cfg, dict(mine=2))
    assert cfg.mine == 2


@pytest.mark.parametrize('name', ['model.onnx', 'weights.pth'])
def test_a_file_that_is_no_config(tmp_path, name):
    (tmp_path / name).write_bytes(b'x')
    with pytest.raises(UsageError, match=r'Expected a config \(.py.*' + name):
        load_config(tmp_path / name)
