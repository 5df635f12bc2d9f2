"""Learning-rate finder and analysis of a model."""
from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmfusion.analysis.costs import analyze_model, benchmark_speed
from mmfusion.analysis.lr_finder import find_lr, suggest
from mmfusion.registry import MODELS
from mmfusion.tasks import TASKS
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/models'


class Bowl(torch.nn.Module):
    """A squared distance; groups of two rates."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor([3.]))
        self.b = torch.nn.Parameter(torch.tensor([-2.]))
        self.register_buffer('seen', torch.zeros(()))

    def train_step(self, data, optim_wrapper):
        self.seen += 1
        loss = (self.a**2 + self.b**2).sum()
        optim_wrapper.update_params(loss)
        return dict(loss=loss.detach())


def bowl():
    model = Bowl()
    optimizer = torch.optim.SGD(
        [dict(params=[model.a], lr=0.1),
         dict(params=[model.b], lr=0.01)], momentum=0.9)
    return model, OptimWrapper(optimizer)


def test_finder_restores_all():
    model, wrapper = bowl()
    curve = find_lr(model, wrapper, range(200), 1e-4, 10., 100, beta=0.)
    assert 20 < len(curve) < 100  # stopped when the loss blew up
    assert curve[1][0] / curve[0][0] == pytest.approx(1e5**(1 / 99))
    assert float(model.a) == 3 and float(model.b) == -2
    assert model.seen == 0 and model.a.grad is None
    optimizer = wrapper.optimizer
    assert [group['lr'] for group in optimizer.param_groups] == [0.1, 0.01]
    assert not optimizer.state_dict()['state']
    rates = suggest(curve)
    assert curve[0][0] <= rates['steepest'] < 1
    assert rates['tenth'] == min(curve, key=lambda p: p[1])[0] / 10
    assert suggest([(1., 2.), (2., 3.)])['steepest'] is None


def test_finder_restores_after_errors():
    model, wrapper = bowl()

    def broken():
        yield 0
        raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        find_lr(model, wrapper, broken(), 1e-2, 1.)
    assert float(model.a) == 3
    for bad in (dict(start=1., end=0.1), dict(iters=1), dict(beta=1.)):
        with pytest.raises(UsageError):
            find_lr(model, wrapper, range(5), **bad)
    with pytest.raises(UsageError, match='finite loss'):
        find_lr(model, wrapper, [])


def test_analysis(capsys):
    fuser = MODELS.build(dict(type='RealtimeFusionNet', size='tiny'))
    result = analyze_model(fuser, (64, 96), warmup=0, runs=2)
    assert result['parameters'] == result['trainable'] == 1368159
    assert result['modules']['fuser.vis_encoder'] < result['macs']
    assert result['size_mib']['fp16'] == result['size_mib']['fp32'] / 2
    assert {'mean_ms', 'std_ms', 'latency_ms',
            'peak_memory_mib'} <= set(result)
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(':')[0] for line in told] == [
        'Parameters', 'FLOPs (multiply-adds)', 'Inference Time', 'Memory'
    ]
    assert analyze_model(fuser, 64, warmup=0, runs=1, verbose=False)
    speed = benchmark_speed(fuser, 64, warmup=0, runs=2)
    assert speed['fastest_ms'] <= speed['mean_ms'] <= speed['slowest_ms']
    told = capsys.readouterr().out
    for word in ('64x64', 'Mean', 'Min', 'Max', 'Median', 'FPS'):
        assert word in told
    assert 'Pre-processing' not in told and 'before_ms' not in speed
    wrapper = MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='AverageFuser'),
             data_preprocessor=dict(type='FusionDataPreprocessor')))
    speed = benchmark_speed(wrapper, (64, 96), warmup=0, runs=2)
    assert speed['before_ms'] > 0 and speed['after_ms'] > 0
    assert 'Pre-processing: ' in capsys.readouterr().out


@pytest.mark.parametrize(
    'name', ['ddfm.py', 'ddfm.py@prior:gaussian', 'mask_difuser.py'] +
    [f'mask_difuser.py@task:{task}' for task in TASKS if task != 'ivf'])
def test_teacher_configs_are_read(name):
    """Each says what its file lacks, if anything."""
    cfg = load_config(BASES / name)
    if cfg.model.fuser.get('denoiser', {}).get('checkpoint'):
        with pytest.raises(FileNotFoundError, match='256x256_diffusion'):
            MODELS.build(cfg.model)
        return
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    task = name.partition('task:')[2] or 'ivf'
    assert model.roles.task == TASKS[task]
    if 'mask' in name:  # as the authors' test script
        clip = {'mff': (-1.5, 1), 'mri': (-1, 3)}.get(task[:3], (-1, 1))
        assert model.fuser.clip == clip and len(model.fuser.steps) == 5
