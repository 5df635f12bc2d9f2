"""The README's commands: training, scores, learning rate."""
import json
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel

from mmfusion.cli import distill_readme as distill_flags
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError
from mmfusion.visualization import FusionLocalVisualizer
from tests.support.smooth_pairs import COUNT, smooth_pairs

ROOT = Path(__file__).resolve().parents[2]
PYRAMID = ROOT / 'configs/fusers/laplacian_pyramid.py'


def make(call, config, *flags):
    return call('distill/make_teacher.py', config, '--device', 'cpu', *flags)


def overrides(*flags, on_gpu=False, pairs=100):
    args = distill_flags.train_parser().parse_args(
        [*map(str, flags), '--train_root', 'T', '--val_root', 'V'])
    cfg = load_config(distill_flags.train_config(args))
    return distill_flags.train_overrides(args, cfg, on_gpu,
                                         lambda changes: pairs)


NO_VGG = ('--lambda_perc', 0, '--lambda_feat', 0)


@pytest.mark.parametrize('flags, key, value', [
    (('--input_size', 640), 'train_dataloader.dataset.pipeline.2.size', 640),
    (('--misalign_prob', .2), 'train_dataloader.dataset.pipeline.1.prob', .2),
    (('--in_channels', 1), 'model.student.ir_channels', 1),
    (('--out_channels', 1), 'model.student.out_mode', 'y'),
    (('--batch_size', 4), 'train_dataloader.batch_size', 4),
    (('--num_workers', 0), 'train_dataloader.persistent_workers', False),
    (('--epochs', 3), 'train_cfg.max_iters', 39),
    (('--lr', 5e-5), 'optim_wrapper.optimizer.lr', 5e-5),
    (('--weight_decay', 0), 'optim_wrapper.optimizer.weight_decay', 0),
    (('--grad_clip', 2), 'optim_wrapper.clip_grad.max_norm', 2),
    (('--grad_clip', 0), 'optim_wrapper.clip_grad', None),
    (('--log_freq', 7), 'default_hooks.logger.interval', 7),
    (('--vis_freq', 70), 'train_cfg.val_interval', 70),
    (('--save_freq', 2), 'default_hooks.checkpoint.interval', 26),
    (('--log_dir', 'L'), 'work_dir', 'L'),
    (('--checkpoint_dir', 'C'), 'default_hooks.checkpoint.out_dir', 'C'),
    (('--resume', 'R.pth'), 'load_from', 'R.pth'),
    (('--seed', 5), 'randomness.seed', 5),
])
def test_flags_become_overrides(flags, key, value):
    changes = overrides(*NO_VGG, *flags)
    assert changes[key] == value
    cfg = load_config('distillers/realtime_base_msrs.py', changes)
    node = cfg
    for part in key.split('.'):
        node = node[int(part)] if part.isdecimal() else node[part]
    assert node == value


def test_defaults_are_the_readmes():
    changes = overrides(*NO_VGG)
    cfg = load_config('distillers/realtime_base_msrs.py', changes)
    assert cfg.train_dataloader.dataset.data_root == 'T'
    assert cfg.val_dataloader.dataset.data_prefix.vis_path == 'VIS'
    assert cfg.train_dataloader.batch_size == 8
    assert cfg.train_cfg.max_iters == 120 * 13
    assert cfg.optim_wrapper.optimizer.lr == 1e-4
    assert cfg.optim_wrapper.clip_grad.max_norm == 1.0
    assert [pair.name for pair in cfg.model.pairs] == ['pix', 'ssim', 'grad']
    assert [pair.loss.loss_weight for pair in cfg.model.pairs] == [1, 1, .5]
    assert [
        list(stage.weights) for stage in cfg.default_hooks.loss_stages.stages
    ] == [['pix'], ['pix', 'ssim', 'grad'], ['pix', 'ssim', 'grad']]
    assert cfg.optim_wrapper.type == 'OptimWrapper'
    assert 'optim_wrapper.type' not in overrides(*NO_VGG, '--no-use_amp',
                                                 on_gpu=True)
    for flags in ((), ('--use_amp', ), ('--use_amp', 'true')):
        changes = overrides(*NO_VGG, *flags, on_gpu=True)
        assert changes['optim_wrapper.type'] == 'AmpOptimWrapper'


@pytest.mark.parametrize('size', ['tiny', 'small', 'base'])
def test_lambdas(size):
    flags = ('--model_size', size, '--vgg_checkpoint', 'v.pth')
    for index, name in enumerate(distill_flags.TERMS):
        changes = overrides(*flags, f'--lambda_{name}', 0.25)
        cfg = load_config(f'distillers/realtime_{size}_msrs.py', changes)
        pair = cfg.model.pairs[index]
        assert (pair.name, pair.loss.loss_weight) == (name, 0.25)
        assert cfg.model.pairs[3].loss.features.init_cfg.checkpoint == \
            'v.pth'
    changes = overrides(*flags, '--lambda_perc', 0)
    pairs = changes['model.pairs']
    assert [pair['name'] for pair in pairs] == ['pix', 'ssim', 'grad', 'feat']
    assert pairs[3]['loss']['features']['init_cfg']['checkpoint'] == 'v.pth'


def test_stages_without_terms_are_left_out():
    place = 'default_hooks.loss_stages.stages'
    stages = overrides(*NO_VGG, '--lambda_pix', 0)[place]
    assert [(stage['begin'], list(stage['weights'])) for stage in stages] \
        == [(0, ['ssim', 'grad']), (1 / 3, ['ssim', 'grad'])]
    stages = overrides('--vgg_checkpoint', 'v.pth', '--lambda_pix', 0,
                       '--lambda_ssim', 0, '--lambda_grad', 0)[place]
    assert stages == [dict(begin=0, weights=dict(perc=1, feat=1))]


def test_flat_folders():
    args = distill_flags.train_parser().parse_args([
        '--ir_root', 'I', '--vis_root', 'V', '--teacher_root', 'T',
        '--train_ratio', '.8', '--val_ratio', '.1', '--test_ratio', '.1'
    ])
    changes = distill_flags.data_overrides(args)
    for name, part in dict(train='train', val='val', fusion='test').items():
        place = f'{name}_dataloader.dataset'
        assert changes[f'{place}.part'] == part
        assert changes[f'{place}.data_prefix.ir_path'] == 'I'
        assert changes[f'{place}.ratios'] == (.8, .1, .1)


@pytest.mark.parametrize(
    'flags, told',
    [(('--use_amp', ), 'GPU'), ((), '--vgg_checkpoint'),
     (tuple(f'--lambda_{name}=0'
            for name in distill_flags.TERMS), 'lambda above 0')])
def test_flags_that_are_refused(flags, told):
    with pytest.raises(UsageError, match=told):
        overrides(*flags)
    parser = distill_flags.train_parser()
    cfg = load_config('distillers/realtime_tiny_msrs.py')
    for words in (['--train_root', 'x'], ['--ir_root', 'x']):
        with pytest.raises(UsageError):
            distill_flags.train_overrides(parser.parse_args(words), cfg, False,
                                          len)


def test_from_teacher_to_scores(call, tmp_path, capsys, monkeypatch):
    """Pseudo-teacher, training, resume, scores, speed: all by tools."""
    # one of an earlier training would write into its own folder
    FusionLocalVisualizer._instance_dict.clear()
    root = tmp_path / 'data'
    for split in ('train', 'val'):
        smooth_pairs(root / split)
        assert make(call, PYRAMID, '--data-root', root / split) == 0
    work = tmp_path / 'work'
    train = ('--model_size', 'tiny', '--train_root', root / 'train',
             '--val_root', root / 'val', '--input_size', 64, '--in_channels',
             1, *NO_VGG, '--batch_size', 2, '--num_workers', 0, '--lr', 2e-3,
             '--log_freq', 2, '--vis_freq', 20, '--save_freq', 5,
             '--misalign_prob', 0, '--log_dir', work)
    assert call('distill/train.py', *train, '--epochs', 10, '--dry_run') == 0
    told = capsys.readouterr().out
    assert 'train_cfg.max_iters = 20' in told and not work.exists()
    assert call('distill/train.py', *train, '--epochs', 10) == 0
    log = [
        json.loads(line) for line in next(work.glob(
            '*/vis_data/scalars.json')).read_text().splitlines()
    ]
    steps = [line for line in log if 'loss_distill.pix' in line]
    assert steps[-1]['loss_distill.pix'] < 0.8 * steps[0]['loss_distill.pix']
    assert steps[-1]['stage/ssim'] == 1 and steps[0]['stage/ssim'] == 0
    assert any('distill/SSIM' in line for line in log)
    assert list(work.glob('best_distill_SSIM_iter_*.pth'))
    assert list(work.glob('*/vis_data/vis_image/*.png'))
    checkpoint = work / 'iter_20.pth'
    assert call('distill/train.py', *train, '--epochs', 11, '--resume',
                checkpoint) == 0
    assert (work / 'iter_22.pth').is_file() or 'iter_22' in (
        work / 'last_checkpoint').read_text()

    scores = tmp_path / 'scores'
    capsys.readouterr()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))  # no LPIPS weights
    moved, plain = [], BaseModel.to
    monkeypatch.setattr(
        BaseModel, 'to', lambda self, *args, **kwargs:
        (moved.append(args), plain(self, *args, **kwargs))[1])
    assert call('distill/eval.py', '--checkpoint', checkpoint, '--data_root',
                root / 'val', '--num_workers', 0, '--save_dir', scores,
                '--benchmark_speed', '--analyze', '--warmup', 0, '--runs', 1,
                '--device', 'cpu:0') == 0
    assert moved[1] == ('cpu:0', )  # after the runner's own choice
    told = capsys.readouterr().out
    for word in ('SSIM:', 'PSNR:', 'EN:', 'Parameters: 1.37M', 'FPS:',
                 '5.38G'):
        assert word in told, word
    result = json.loads((scores / 'metrics.json').read_text())
    assert 0 < result['metrics']['SSIM'] <= 1
    assert result['metrics']['PSNR_std'] >= 0
    assert result['analysis']['parameters'] == 1367583
    rows = (scores / 'metrics.csv').read_text().splitlines()
    assert len(rows) == 1 + COUNT and rows[0].startswith('image,SSIM,PSNR')

    # resized as in the README, mixed scales, without a teacher
    (root / 'val/TEACHER_FUSED').rename(root / 'val/away')
    assert call('distill/eval.py', '--checkpoint', checkpoint, '--data_root',
                root / 'val', '--num_workers', 0, '--save_dir', scores,
                '--input_size', 32, '--scale', 'code') == 0
    result = json.loads((scores / 'metrics.json').read_text())['metrics']
    assert 'SSIM' not in result and result['SD'] < 1
    assert call('distill/eval.py', '--checkpoint', checkpoint, '--save_dir',
                scores) == 2
    assert 'something to do' in capsys.readouterr().err
    # flat folders, and a checkpoint that does not say how it was made
    bare = tmp_path / 'bare.pth'
    content = torch.load(checkpoint, weights_only=False)
    torch.save(dict(state_dict=content['state_dict']), bare)
    flat = ('--vis_root', root / 'train/VIS', '--ir_root', root / 'train/IR',
            '--teacher_root', root / 'train/TEACHER_FUSED', '--train_ratio',
            .25, '--val_ratio', .25, '--test_ratio', .5, '--num_workers', 0,
            '--save_dir', scores)
    assert call('distill/eval.py', '--checkpoint', bare, *flat) == 2
    assert '--config' in capsys.readouterr().err
    own = tmp_path / 'own.py'
    own.write_text(content['meta']['cfg'])
    assert call('distill/eval.py', '--checkpoint', bare, '--config', own,
                *flat) == 0
    assert len((scores / 'metrics.csv').read_text().splitlines()) == 3

    # the finder leaves a config's data and model alone
    out = tmp_path / 'lr'
    assert call('distill/lr_find.py', own, '--iters', 5, '--start', 1e-5,
                '--end', 1e-2, '--out-dir', out, '--device', 'cpu') == 0
    assert len((out / 'lr_find.csv').read_text().splitlines()) == 6
    assert 'lr = ' in capsys.readouterr().out


def test_speed_of_exported_files(call, tmp_path, capsys):
    file, scores = tmp_path / 'rule.ts', tmp_path / 'scores'
    assert call('deployment/export.py', PYRAMID, 'none', '--out', file,
                '--format', 'torchscript', '--shape', 64, 96) == 0
    flags = ('--checkpoint', file, '--save_dir', scores, '--warmup', 0,
             '--runs', 1)
    assert call('distill/eval.py', *flags, '--benchmark_speed') == 0
    told = capsys.readouterr().out
    assert 'network at 64x96' in told and 'post-processing' in told
    speed = json.loads((scores / 'metrics.json').read_text())['speed']
    assert speed['mean_ms'] > 0 and speed['before_ms'] > 0
    assert call('distill/eval.py', *flags, '--analyze') == 2
    assert 'exported file' in capsys.readouterr().err


def test_all_flags_are_tested():
    text = Path(__file__).read_text()
    flags = [
        flag for action in distill_flags.train_parser()._actions
        for flag in action.option_strings
    ]
    for name in ('eval', 'lr_find'):
        flags += [
            line.split("'")[1]
            for line in (ROOT /
                         f'tools/distill/{name}.py').read_text().splitlines()
            if line.strip().startswith("add('--")
        ]
    generic = ('-h', '--help', '--cfg-options')
    missing = [
        flag for flag in flags if flag not in text and flag not in generic
        and not flag.startswith('--lambda_')
    ]
    assert not missing and len(flags) > 40
