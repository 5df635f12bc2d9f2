"""The full-size configs train as the papers' code does."""
from collections import Counter

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmfusion.registry import MODELS, PARAM_SCHEDULERS
from mmfusion.utils.config_file import config_folders, load_config
from tests.support.config_cases import get_fuser_cfg


def groups(name, **changes):
    """Parameters and tensors of each (learning rate, weight decay)."""
    cfg = get_fuser_cfg(name)
    cfg.merge_from_dict(changes)
    optimizer = build_optim_wrapper(MODELS.build(cfg.model),
                                    cfg.optim_wrapper).optimizer
    sizes, tensors = Counter(), Counter()
    for group in optimizer.param_groups:
        key = (round(group['lr'], 12), group['weight_decay'])
        sizes[key] += sum(value.numel() for value in group['params'])
        tensors[key] += len(group['params'])
    return {key: (sizes[key], tensors[key]) for key in sizes}


def learning_rates(cfg, steps):
    """The learning rate before each of the given steps, in one pass."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)],
                                lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build({
            **item, 'optimizer': optimizer
        }) for item in cfg.param_scheduler
    ]
    optimizer.step()
    rates = []
    for step in range(max(steps) + 1):
        if step in steps:
            rates.append(optimizer.param_groups[0]['lr'])
        for scheduler in schedulers:
            scheduler.step()
    return rates


def test_bffr_parameter_groups():
    """Counts of the authors' run, less their 16 tensors without gradient
    (of 8 unused BatchNorms, 704 parameters)."""
    assert groups('fuser_segmenters/bffr_segformer.py') == {
        (6e-5, 0.01): (7215873 - 704, 294 - 16),
        (6e-5, 0.): (12544, 132),
        (6e-4, 0.01): (398089, 17),
    }


def test_fuser_lr_mult_leaves_norms_without_decay():
    name = 'fuser_segmenters/bffr_segformer.py'
    keys = load_config(name).optim_wrapper.paramwise_cfg.custom_keys
    fuser_keys = [
        key for key in keys if key not in ('pos_block', 'norm', 'decode_head')
    ]
    cfg = get_fuser_cfg(name)
    for key in fuser_keys:
        cfg.optim_wrapper.paramwise_cfg.custom_keys[key]['lr_mult'] = 0.5
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    rates = {
        id(value): (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups for value in group['params']
    }
    for key, value in model.fuser.named_parameters():
        assert rates[id(value)] == (pytest.approx(3e-5),
                                    0. if 'norm' in key else 0.01), key
    assert all(rates[id(value)][0] > 5e-5
               for value in model.segmentor.parameters())


def test_bffr_schedule():
    """Warm-up and decay multiply, from the first iteration on."""
    steps = [0, 1, 700, 1499, 1500, 1501, 3000]
    for name, base in (('fusers/transfuser6_avg_mfnet.py', 6e-4),
                       ('fuser_segmenters/bffr_segformer.py', 6e-5)):
        expected = [
            base * (1 - t / 160000) * (1 - max(0, 1 - t / 1500) * (1 - 1e-6))
            for t in steps
        ]
        rates = learning_rates(load_config(name), steps)
        assert rates == pytest.approx(expected, rel=1e-6)


def test_bffr_first_stage_stops_on_the_long_slope():
    cfg = load_config('fusers/transfuser6_avg_mfnet.py')
    assert cfg.train_cfg.max_iters == 20000
    assert cfg.train_dataloader.batch_size == 2
    assert learning_rates(cfg, [20000])[0] == pytest.approx(5.25e-4)


def test_psfusion_schedule():
    steps = [0, 1, 500, 999, 1000, 1001, 3000]
    cfg = load_config('fusers/psfusion_msrs.py')
    total = 2500 * 271
    assert cfg.train_cfg.max_iters == total
    expected = [
        1e-5 * 100**(t / 1000) if t <= 1000 else 1e-3 *
        (1 - (t - 1000) / (total - 1000))**0.9 for t in steps
    ]
    assert learning_rates(cfg, steps) == pytest.approx(expected, rel=1e-6)


def test_psfusion_optimizer_is_one_group():
    assert list(groups('fusers/psfusion_msrs.py')) == [(1e-3, 5e-4)]


def test_psfusion_segformer_groups():
    """The segmentor as its authors, the fuser at a tenth."""
    rates = {lr for lr, _ in groups('fuser_segmenters/psfusion_segformer.py')}
    assert rates == {1e-5, 1e-4, 1e-3}


def test_bffr_parity_switches():
    model = load_config('fuser_segmenters/bffr_segformer.py').model
    assert model.fuser.channel_order == model.task_channel_order == 'bgr'
    assert model.task_mean is None and model.task_std is None
    assert model.fuse_first is False and model.fuser.clamp is False
    assert model.segmentor.test_cfg == dict(mode='slide', crop_size=(240, 320),
                                            stride=(120, 160))
    head = model.segmentor.decode_head
    assert not head.loss_decode.get('avg_non_ignore', False)


@pytest.mark.parametrize('name', [
    'fuser_segmenters/bffr_segformer.py',
    'fuser_segmenters/psfusion_segformer.py', 'fusers/psfusion_msrs.py'
])
def test_deterministic_is_one_more_base(tmp_path, name):
    folder = config_folders()[0]
    path = tmp_path / 'mine.py'
    path.write_text(f'_base_ = [{str(folder / name)!r}, '
                    f'{str(folder / "_base_" / "deterministic.py")!r}]')
    cfg = Config.fromfile(path)
    assert cfg.randomness == dict(seed=0, deterministic=True)
    assert cfg.custom_hooks[0].type == 'StepSeedHook'
    assert cfg.train_dataloader.sampler.type == 'DeterministicSampler'


def test_tensorboard_replaces_the_runtime():
    folder = config_folders()[0] / '_base_'
    cfg = Config.fromfile(folder / 'tensorboard.py')
    assert [item.type for item in cfg.visualizer.vis_backends
            ] == ['LocalVisBackend', 'TensorboardVisBackend']
    assert cfg.visualizer.type == 'FusionLocalVisualizer'


def test_comparison_differs_in_the_fuser_alone():
    cfgs = [
        load_config('fuser_segmenters/psfusion_segformer.py',
                    dict(variant=variant), scale='mini')
        for variant in ('visible', 'infrared', 'frozen', 'joint')
    ]
    for key in ('train_dataloader', 'val_dataloader', 'optim_wrapper',
                'param_scheduler', 'train_cfg', 'val_evaluator'):
        assert all(cfg[key] == cfgs[0][key] for cfg in cfgs), key
    assert all(cfg.model.segmentor == cfgs[0].model.segmentor for cfg in cfgs)
    assert [cfg.model.fuser.type for cfg in cfgs
            ] == ['SelectModality', 'SelectModality', 'PSFusion', 'PSFusion']
    assert [cfg.model.fuser.get('modality')
            for cfg in cfgs[:2]] == ['vis', 'ir']
    assert [bool(cfg.model.get('fuser_frozen'))
            for cfg in cfgs] == [False, False, True, False]
