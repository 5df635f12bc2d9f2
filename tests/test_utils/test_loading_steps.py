"""What a config says of loading pairs, and saying it from outside."""
import pytest
from mmengine.config import Config

from mmfusion.apis.pairs import inference_pipeline
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError
from mmfusion.utils.loading_steps import state_loading, stated_loading

RANGE = (7000, 9000)


def config(**stated):
    """Settings of the loading step of some loaders."""
    return Config(
        dict({
            f'{name}_dataloader':
            dict(dataset=dict(
                type='PairedImageDataset', pipeline=[
                    dict(type='mmfusion.LoadFusionPair', **settings),
                    dict(type='PackFusionInputs')
                ])) for name, settings in stated.items()
        }))


@pytest.mark.parametrize('place', ['test', 'fusion'])
def test_either_loader_states_it(place):
    """Pairs of two folders are loaded as either says."""
    cfg = config(**{'test': {}, 'fusion': {}, place: dict(uint16_range=RANGE)})
    assert inference_pipeline(cfg)[0]['uint16_range'] == RANGE


def test_two_statements():
    cfg = config(test=dict(uint16_range=[0, 4095]),
                 fusion=dict(uint16_range=RANGE))
    with pytest.raises(UsageError, match=r'\(0, 4095\).*--uint16-range'):
        inference_pipeline(cfg)
    state_loading(cfg, uint16_range='minmax', on_size_mismatch=None)
    assert stated_loading(cfg) == dict(uint16_range='minmax')


def test_all_data_sets():
    cfg = config(train={}, val=dict(on_size_mismatch='resize_vis'))
    part = cfg.train_dataloader.dataset
    cfg.test_dataloader = dict(
        dataset=dict(type='ConcatDataset', datasets=[part, part]))
    state_loading(cfg, on_size_mismatch='resize_ir')
    datasets = cfg.test_dataloader.dataset.datasets
    for dataset in (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset,
                    *datasets):
        assert dataset.pipeline[0].on_size_mismatch == 'resize_ir'


def test_a_config_without_data():
    cfg = load_config('fusers/laplacian_pyramid.py')
    state_loading(cfg)
    assert 'fusion_pipeline' not in cfg
    state_loading(cfg, uint16_range=RANGE)
    load, pack = inference_pipeline(cfg, native=True)
    assert load == dict(type='LoadFusionPair', uint16_range=RANGE)
    assert pack == dict(type='PackFusionInputs')


def test_another_loading_step():
    cfg = config(test={})
    cfg.test_dataloader.dataset.pipeline[0].type = 'LoadMyPair'
    with pytest.raises(UsageError, match='LoadFusionPair.*--uint16-range'):
        state_loading(cfg, uint16_range=RANGE)
