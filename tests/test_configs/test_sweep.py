"""Every experiment builds and runs, from its file alone."""
import copy
import importlib.util
from functools import cache

import pytest
import torch
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS

from mmfusion.registry import MODELS, PARAM_SCHEDULERS, VISUALIZERS
from mmfusion.utils.config_file import (default_work_dir, find_config,
                                        load_config)
from tests.support.config_cases import (config_files, demo_fusion_inputs,
                                        experiments, shrink_config)

SIZE = (64, 64)
# what mmdet is needed for: detectors, and fusers pretrained on their sets
DETECTION = ('fuser_detectors/', 'fusers/psfusion_llvip',
             'fusers/transfuser6_llvip', 'fusers/mmdrfuse_student_alone_llvip')
# what further packages are needed for, which `make test-stock` has
PACKAGES = dict(mmpretrain='fuser_detectors/mmdrfuse_mmpretrain')
NAMES = [
    pytest.param(name, marks=pytest.mark.detection)
    if name.startswith(DETECTION) else name for name in experiments() if all(
        importlib.util.find_spec(package) or not name.startswith(form)
        for package, form in PACKAGES.items())
]


@cache
def read(name):
    """A config, parsed once: mmdet's index alone takes a second."""
    return load_config(name)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_all_experiments_are_found():
    names = [getattr(name, 'values', [name])[0] for name in NAMES]
    assert set(config_files()) - {name.partition('@')[0]
                                  for name in names} <= {
                                      f'{form}.py'
                                      for form in PACKAGES.values()
                                  }
    assert len(names) == len(set(names)) >= 100
    assert {
        'fuser_segmenters/psfusion_segformer.py@mini,variant:frozen',
        'fusers/mif_harvard.py@mini,fuser:mmdrfuse_student',
        'fusers/psfusion_msrs.py@synthetic'
    } <= set(names)
    assert not any('_base_' in name.split('/') for name in names)


@pytest.mark.no_cover
def test_model_trains_predicts_and_runs(name):
    torch.manual_seed(0)
    cfg = shrink_config(read(name), SIZE)
    model = MODELS.build(cfg.model)
    model.init_weights()
    batch = demo_fusion_inputs(batch_size=2, size=SIZE, task=model.roles.task)
    if list(model.parameters()):
        train_one_step(model, cfg, batch)
    else:
        assert 'train_dataloader' not in cfg

    model.eval()
    with torch.no_grad():
        data = model.data_preprocessor(batch, training=False)
        output = model(**copy.deepcopy(data), mode='tensor')
        samples = model(**data, mode='predict')
    outputs = tensors(output)
    assert outputs and all(torch.isfinite(value).all() for value in outputs)
    for sample in samples:
        fused = sample.fused_img.data
        assert fused.shape == (3, *SIZE)
        assert 0 <= fused.min() <= fused.max() <= 1
    if cfg.model.type == 'FuserSegmenter':
        assert samples[0].seg_logits.data.shape == (9, *SIZE)
        assert samples[0].pred_sem_seg.data.shape == (1, *SIZE)
        assert output.shape[0] == 2
    if cfg.model.type == 'FuserDetector':
        found = samples[0].pred_instances
        assert found.bboxes.shape == (len(found.scores), 4)


def train_one_step(model, cfg, batch):
    """Every loss is finite and reaches every parameter."""
    model.train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    parts = (list(optimizer.values())
             if isinstance(optimizer, OptimWrapperDict) else [optimizer])
    assert (len(parts) == 2) == hasattr(model, 'discriminators')
    schedulers = [
        PARAM_SCHEDULERS.build({
            **item, 'optimizer': part
        }) for part in parts for item in cfg.param_scheduler
    ]
    # A name that mmengine does not sum up would train nothing.
    data = model.data_preprocessor(copy.deepcopy(batch), training=True)
    # some parts learn in turns, batch by batch
    for _ in range(2 if cfg.model.type == 'GIFNetTrainer' else 1):
        losses = model(**data, mode='loss')
        loss, log = model.parse_losses(losses)
        assert all('loss' in key or 'acc' in key for key in losses), losses
        assert torch.isfinite(loss), log
        loss.backward()
    missing = [
        key for key, value in model.named_parameters()
        if value.requires_grad and value.grad is None
    ]
    assert not missing
    for part in parts:
        part.step()
    for scheduler in schedulers:
        scheduler.step()
    if cfg.model.type == 'FuserSegmenter':
        assert any(key.startswith('segmentor.decode') for key in losses)
    if cfg.model.type == 'FuserDetector':
        assert any(key.startswith('detector.loss') for key in losses)


def tensors(output):
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, dict):
        output = output.values()
    elif not isinstance(output, (list, tuple)):
        return []
    return [value for item in output for value in tensors(item)]


def lazily(dataset):
    """A dataset's config whose folders, and files of text, need not exist."""
    parts = [lazily(part) for part in dataset.get('datasets', ())]
    if parts:
        return {**dataset, 'lazy_init': True, 'datasets': parts}
    pipeline = [{
        key: value for key, value in step.items() if key != 'features'
    } for step in dataset['pipeline']]
    return {**dataset, 'lazy_init': True, 'pipeline': pipeline}


def test_rest_of_the_config_builds(name, tmp_path):
    cfg = copy.deepcopy(read(name))
    for part in ('train', 'val', 'test', 'fusion'):
        loader = cfg.get(f'{part}_dataloader')
        if loader is None:
            continue
        dataset = ROOT_DATASETS.build(lazily(loader.dataset))
        for single in getattr(dataset, 'datasets', [dataset]):
            assert single.pipeline.transforms, part
    if 'train_dataloader' in cfg:
        assert cfg.train_dataloader.sampler.type == 'DeterministicSampler'
    for part in ('val', 'test'):
        evaluators = cfg.get(f'{part}_evaluator') or []
        for item in (evaluators
                     if isinstance(evaluators, list) else [evaluators]):
            ROOT_METRICS.build(dict(item))
    for key, hook in cfg.default_hooks.items():
        assert ROOT_HOOKS.build(dict(hook)) is not None, key
    VISUALIZERS.build({
        **cfg.visualizer, 'name': name,
        'save_dir': str(tmp_path)
    })
    assert cfg.default_scope == 'mmfusion'
    if not name.startswith('demo/'):
        # left free for _base_/deterministic.py
        assert 'custom_hooks' not in cfg and 'randomness' not in cfg


def test_stage_two_fits_its_stage_one(name):
    cfg = read(name)
    if not cfg.get('stage1_config'):
        assert not cfg.get('stage1_checkpoint')
        return
    first = read(cfg.stage1_config)
    assert find_config(cfg.stage1_config, near=find_config(name)).is_file()
    folder, _, last = cfg.stage1_checkpoint.rpartition('/')
    assert last == f'iter_{first.train_cfg.max_iters}.pth'
    if not name.startswith('demo/'):
        assert folder == default_work_dir(first)
    # A teacher's checkpoint may be that of a student.
    one, two = (first.model.get('fuser') or first.model.student,
                cfg.model.get('fuser') or cfg.model.teacher)
    assert two.init_cfg == dict(type='Pretrained',
                                checkpoint=cfg.stage1_checkpoint)
    one, two = ({
        key: value.shape
        for key, value in MODELS.build({
            **fuser, 'init_cfg': None
        }).state_dict().items()
    } for fuser in (one, two))
    assert one == two
