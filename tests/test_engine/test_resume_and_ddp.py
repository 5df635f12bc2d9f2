"""A run that is killed and resumed, or spread over two processes, ends
with the weights of an uninterrupted one."""
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

import mmfusion  # noqa: F401
from tests.support import train_worker as worker
from tests.support.detection_cases import write_coco
from tests.support.fresh_processes import run_fresh

ROOT = Path(__file__).resolve().parents[2]

CONFIG = '''
_base_ = ['{configs}/_base_/default_runtime.py',
          '{configs}/_base_/deterministic.py',
          'mmseg::_base_/models/segformer_mit-b0.py']
segmentor = _base_.model
segmentor.update(
    backbone=dict(num_layers=[1, 1, 1, 1]),
    decode_head=dict(
        num_classes=9, channels=16, norm_cfg=dict(type='BN')))
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    fuser=dict(
        type='TransFuser6', stem_channels=4, channels=(4, 4, 8, 8),
        heads=(1, 1, 2, 2)),
    fusion_losses=dict(correlation=dict(type='CorrelationLoss')),
    segmentor=segmentor)
{model}
train_dataloader = dict(
    batch_size={batch},
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type='MSRSDataset',
        data_root='{data}',
        data_prefix=dict(vis_path='vi', ir_path='ir', seg_map_path='label'),
        pipeline=[
            dict(type='LoadFusionPair'),
            dict(type='LoadFusionAnnotations'),
            dict(type='mmseg.RandomResize', scale=(64, 48),
                 ratio_range=(0.8, 2.0), keep_ratio=True),
            dict(type='mmseg.RandomCrop', crop_size=(32, 48)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='OnModality', modality='vis', transforms=[
                dict(type='mmseg.PhotoMetricDistortion')]),
            dict(type='PackFusionInputs')]))
data_preprocessor = dict(type='FusionDataPreprocessor', size=(32, 48))
model.update(data_preprocessor=data_preprocessor)
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=4, by_epoch=False),
    dict(type='PolyLR', power=1.0, begin=0, end=8, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=8, val_interval=100)
default_hooks = dict(
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=2, max_keep_ckpts=9))
custom_hooks = _base_.custom_hooks
{extra}
'''

# no BatchNorm and a loss that is a mean over the batch: two processes with
# one pair each then compute what one process with two pairs does
WITHOUT_BATCH_STATISTICS = '''
model = dict(
    _delete_=True,
    type='ImageFuser',
    fuser=dict(
        type='TransFuser6', stem_channels=4, channels=(4, 4, 8, 8),
        heads=(1, 1, 2, 2)),
    fusion_losses=dict(average=dict(type='AverageLoss')))
'''
# a whole detector of mmdet behind the fuser, on pairs with boxes
DETECTION = '''
from mmengine import Config
base = Config.fromfile('{configs}/_base_/models/fuser_rtmdet-tiny.py')
base.merge_from_dict(base.detector_scales.synthetic)
model = dict(
    _delete_=True,
    type='FuserDetector',
    fuser=dict(
        type='TransFuser6', stem_channels=4, channels=(4, 4, 8, 8),
        heads=(1, 1, 2, 2)),
    fusion_losses=dict(
        intensity=dict(type='IntensityLoss', target_mask='boxes')),
    detector=base.model.detector)
del Config, base
'''
BOXES = '''
train_dataloader['dataset'] = dict(
    type='PairedCocoDataset',
    data_root='{root}',
    ann_file='annotations/train.json',
    data_prefix=dict(vis_path='train/vis', ir_path='train/ir'),
    pipeline=[
        dict(type='LoadFusionPair'),
        dict(type='mmdet.LoadAnnotations', with_bbox=True),
        dict(type='RandomResize', scale=(64, 48), ratio_range=(1.0, 2.0),
             keep_ratio=True, resize_type='mmdet.Resize'),
        dict(type='mmdet.RandomCrop', crop_size=(48, 64)),
        dict(type='mmdet.RandomFlip', prob=0.5),
        dict(type='PackFusionInputs')])
data_preprocessor.pop('size')
'''
# remembers outputs of an epoch of three iterations of two pairs
REFRESH = '''
model = dict(
    _delete_=True,
    type='ImageFuser',
    fuser=dict(type='MMDRFuseStudent'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        refresh_ssim=dict(
            type='DynamicRefreshLoss', score='SSIM', pixel='l1',
            granularity='{granularity}', bank={bank}),
        refresh_gmsd=dict(
            type='DynamicRefreshLoss', score='GMSD', pixel='laplacian',
            granularity='{granularity}', bank={bank})))
'''
FIXED_PATCHES = '''
optim_wrapper.update(optimizer=dict(type='AdamW', lr=0.1))
param_scheduler = []
train_dataloader['dataset']['pipeline'] = [
    dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
default_hooks.update(history_bank=dict(type='HistoryBankHook'))
'''
# all optimizers, in turns; the fuser has no BatchNorm
ADVERSARIAL = '''
discriminator = dict(type='StridedDiscriminator', channels=(4, 4))
model = dict(
    _delete_=True,
    type='AdversarialFuser',
    fuser=dict(type='MMDRFuseStudent'),
    penalty_weight={penalty},
    fusion_losses=dict(source=dict(type='SaliencyWeightedLoss')),
    discriminators=dict(target=discriminator, detail=discriminator))
'''
IN_TURNS = '''
model_wrapper_cfg = dict(type='mmfusion.AdversarialDataParallel')
optim_wrapper.update(
    constructor='AdversarialOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9))
'''
BANK = "dict(type='HistoryBank', dtype='float32', save_state={save})"
NORM_EVAL = '''
custom_imports = dict(imports=['frozen_norm'], allow_failed_imports=False)
custom_hooks = _base_.custom_hooks + [dict(type='FreezeNormHook')]
'''
FROZEN_NORM = '''
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class FreezeNormHook(Hook):

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
'''


@pytest.fixture
def data(tmp_path):
    """Six labelled 48 x 64 pairs."""
    root = tmp_path / 'data'
    rng = np.random.RandomState(0)
    for name in ('vi', 'ir', 'label'):
        (root / name).mkdir(parents=True)
    for index in range(6):
        vis = cv2.resize(rng.randint(0, 256, (6, 8, 3), np.uint8), (64, 48))
        ir = cv2.resize(rng.randint(0, 256, (6, 8), np.uint8), (64, 48))
        label = cv2.resize(rng.randint(0, 9, (6, 8), np.uint8), (64, 48),
                           interpolation=cv2.INTER_NEAREST)
        for name, image in dict(vi=vis, ir=ir, label=label).items():
            cv2.imwrite(str(root / name / f'{index}.png'), image)
    return root


@pytest.fixture
def train(tmp_path, data):
    """``train(name, batch=2, processes=1, ...)`` -> final weights."""

    def run(name, batch=2, processes=1, model='', extra='', resume=False,
            die_at=None, signal_at=None):
        (tmp_path / 'frozen_norm.py').write_text(FROZEN_NORM)
        config = tmp_path / f'{name}_{batch}.py'
        config.write_text(
            CONFIG.format(configs=ROOT / 'configs', data=data, batch=batch,
                          model=model, extra=extra))
        config, work_dir = str(config), str(tmp_path / name)
        job = ((worker.train_as_a_tool, config, work_dir,
                signal_at) if signal_at else
               (worker.train, config, work_dir, resume, die_at))
        codes = run_fresh(*job, log=tmp_path / f'{name}_log', ranks=processes,
                          path=tmp_path)
        printed = (tmp_path / f'{name}_log/rank_0.log').read_text()
        expected = (128 + signal_at['number']
                    if signal_at else -signal.SIGKILL if die_at else 0)
        assert codes == [expected] * processes, printed[-6000:]
        last = tmp_path / name / 'iter_8.pth'
        if not last.exists():
            return None
        return torch.load(last, weights_only=False)['state_dict']

    return run


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, atol=1e-6, rtol=0,
                                   msg=lambda m, k=key: k + m)


def test_killed_and_resumed(train):
    whole = train('whole')
    assert train('killed', die_at=5) is None
    assert_same(train('killed', resume=True), whole)


def test_two_processes_killed_and_resumed(train):
    """Two gloo processes, no find_unused_parameters."""
    whole = train('whole', batch=1, processes=2)
    assert train('killed', batch=1, processes=2, die_at=5) is None
    resumed = train('killed', batch=1, processes=2, resume=True)
    assert_same(resumed, whole)


def last_line(folder):
    return (folder / 'rank_0.log').read_text().splitlines()[-1]


def test_stopped_and_resumed(train, tmp_path):
    """Behind a checkpoint that the schedule has not asked for."""
    whole = train('whole')
    signal_at = dict(iteration=5, number=signal.SIGTERM)
    assert train('stopped', signal_at=signal_at) is None
    made = tmp_path / 'stopped' / 'iter_5.pth'
    assert last_line(tmp_path / 'stopped_log') == (
        f'stopped by SIGTERM: saved {made}. To go on, give the same command '
        'with --resume.')
    assert (tmp_path / 'stopped' / 'last_checkpoint').read_text() == str(made)
    assert not (tmp_path / 'stopped' / 'run.lock').exists()
    assert_same(train('stopped', resume=True), whole)


def test_two_processes_stop_together(train, tmp_path):
    """Though one of them gets the signal."""
    signal_at = dict(iteration=5, number=signal.SIGTERM)
    assert train('stopped', batch=1, processes=2, signal_at=signal_at) is None
    assert 'iter_5.pth. To go on' in last_line(tmp_path / 'stopped_log')


def test_two_processes_compute_what_one_does(train):
    one, two = (train(name, batch=batch, processes=processes,
                      model=WITHOUT_BATCH_STATISTICS, extra=NORM_EVAL)
                for name, batch, processes in (('one', 2, 1), ('two', 1, 2)))
    assert_same(two, one)


@pytest.mark.detection
def test_two_processes_with_a_detector_killed_and_resumed(train, tmp_path):
    """Two gloo processes, no find_unused_parameters."""
    write_coco(tmp_path / 'pairs',
               [[(6 + 3 * k, 8, 30 + 3 * k, 40)] for k in range(6)],
               ('car', 'person', 'bike'))
    settings = dict(batch=1, processes=2,
                    model=DETECTION.format(configs=ROOT / 'configs'),
                    extra=BOXES.format(root=tmp_path / 'pairs'))
    whole = train('whole', **settings)
    assert any(key.startswith('detector.') for key in whole)
    assert train('killed', die_at=5, **settings) is None
    assert_same(train('killed', resume=True, **settings), whole)


def test_adversarial_killed_and_resumed(train):
    """With the states of all optimizers."""
    settings = dict(model=ADVERSARIAL.format(penalty=2.), extra=IN_TURNS)
    whole = train('whole', **settings)
    assert any(key.startswith('discriminators.detail') for key in whole)
    assert train('killed', die_at=5, **settings) is None
    assert_same(train('killed', resume=True, **settings), whole)


def test_two_adversarial_processes_compute_what_one_does(train):
    """Without the penalty, which mixes at random on each."""
    settings = dict(model=ADVERSARIAL.format(penalty=0.), extra=IN_TURNS)
    one = train('one', **settings)
    assert_same(train('two', batch=1, processes=2, **settings), one)


def refresh(granularity='batch', save=True, memmap=None):
    bank = BANK.format(save=save)
    if memmap:
        bank = bank.replace('save_state', f'memmap_dir={memmap!r}, save_state')
    return dict(model=REFRESH.format(granularity=granularity, bank=bank),
                extra=FIXED_PATCHES)


def test_killed_and_resumed_with_a_bank(train):
    """In the middle of epoch 2."""
    whole = train('whole', **refresh())
    assert any(key.endswith('bank.images') for key in whole)
    assert train('killed', die_at=5, **refresh()) is None
    assert_same(train('killed', resume=True, **refresh()), whole)


@pytest.mark.parametrize('granularity', ['batch', 'sample'])
def test_two_processes_share_a_bank(train, tmp_path, granularity):
    """Samples change ranks from epoch to epoch."""
    settings = refresh(granularity, save=False)
    one = train('one', **settings)
    in_file = str(tmp_path / 'bank') if granularity == 'batch' else None
    assert_same(
        train('two', batch=1, processes=2,
              **refresh(granularity, save=False, memmap=in_file)), one)
    if in_file:  # and the bank matters
        settings['extra'] += ("model['fusion_losses'] = dict(intensity=dict("
                              "type='MaxIntensityLoss'))\n")
        plain = train('plain', **settings)
        assert not torch.allclose(plain['fuser.out.weight'],
                                  one['fuser.out.weight'], atol=1e-4)


@pytest.mark.parametrize('change,match', [
    ("dict(type='RandomFlip', prob=0.5)", 'RandomFlip'),
    ("dict(type='mmcv.RandomApply', prob=0.5, transforms=[dict("
     "type='mmseg.RandomCrop', crop_size=(32, 32))])", 'RandomCrop'),
    ("dict(type='FixedAugment', transforms=[dict(type='RandomFlip', "
     "prob=0.5)])", None),
    (None, 'ConcatDataset'),
])
def test_banks_refuse_what_moves(tmp_path, data, change, match):
    """Before the first step, naming the transform."""
    settings = refresh()
    extra = settings['extra']
    if change:
        extra += ("train_dataloader['dataset']['pipeline'].insert(1, "
                  f'{change})\n')
    else:
        extra += ("train_dataloader['dataset'] = dict(type='ConcatDataset', "
                  "datasets=[train_dataloader['dataset']] * 2)\n")
    extra += 'train_cfg.update(max_iters=1)\n'
    path = tmp_path / 'config.py'
    path.write_text(
        CONFIG.format(configs=ROOT / 'configs', data=data, batch=2,
                      model=settings['model'], extra=extra))
    cfg = Config.fromfile(path)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    if match is None:
        runner.train()
        bank = runner.model.fusion_losses['refresh_ssim'].bank
        assert bank.images.shape == (6, 1, 48, 64) and len(bank) == 2
        return
    with pytest.raises(ValueError, match=match):
        runner.train()
