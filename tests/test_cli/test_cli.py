"""Every flag, modern and legacy, of the shared command line."""
import subprocess
import sys

import pytest
import torch

from mmfusion.apis import test as score
from mmfusion.cli import flags as cli_flags
from mmfusion.cli import legacy as cli
from mmfusion.cli.legacy import UsageError, parse
from tests.support.cli_cases import make_config, run


def announced(lines, flag):
    """Exactly one line, naming the old flag and the modern form."""
    assert len(lines) == 1
    assert lines[0].startswith(f'{flag} ')
    assert cli.MODERN_FORMS[flag] in lines[0]


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_modern_flags(tool):
    cfg, lines = run(tool, '--work-dir', 'w', '--launcher', 'pytorch',
                     '--local-rank', '1')
    assert not lines
    assert cfg.work_dir == 'w' and cfg.launcher == 'pytorch'


def test_work_dir_keeps_the_config_s_or_takes_its_name():
    assert run('train')[0].work_dir == 'from_config'
    cfg = make_config()
    cfg.work_dir = None
    assert run('train', cfg=cfg)[0].work_dir == 'work_dirs/cli_cases'


def test_config_is_left_as_it_is():
    cfg = make_config()
    before = cfg.to_dict()
    with pytest.raises(FileNotFoundError):
        score(cfg, 'none.pth', tta=True, eval='mDice', show_dir='d')
    assert cfg.to_dict() == before


@pytest.mark.parametrize('name', [['mIoU'], ['mDice', 'mFscore']])
def test_eval(name):
    cfg, lines = run('test', '--eval', *name)
    assert cfg.test_evaluator.iou_metrics == name
    announced(lines, '--eval')


@pytest.mark.parametrize('names, known', [
    (['MIOU', 'mdice'], ['mIoU', 'mDice']),
    (['BBox'], ['bbox']),
])
def test_names_in_any_case(names, known):
    evaluator = dict(type='CocoMetric' if known == ['bbox'] else 'IoUMetric')
    cfg, _ = run('test', '--eval', *names,
                 cfg=make_config(test_evaluator=evaluator))
    assert known in cfg.test_evaluator.values()
    args, _ = parse('test_fusion', [
        'c', '--save-mode', 'MinMax', '--task', 'MRI_pet', '--device',
        'CUDA:1', '--vis', 'a', '--ir', 'b'
    ])
    assert (args.save_mode, args.task, args.device) == ('minmax', 'mri_pet',
                                                        'cuda:1')


def test_eval_among_several_evaluators():
    both = [dict(type='Other'), dict(type='IoUMetric')]
    cfg, _ = run('test', '--eval', 'mDice',
                 cfg=make_config(test_evaluator=both))
    assert cfg.test_evaluator[1].iou_metrics == ['mDice']
    assert 'iou_metrics' not in cfg.test_evaluator[0]


def test_eval_unknown_name_lists_the_valid_ones():
    with pytest.raises(UsageError,
                       match="mIoU.*mDice.*mFscore.*got 'beauty'.*film"):
        run('test', '--eval', 'mIoU', 'beauty')


@pytest.mark.parametrize('evaluator', [None, dict(type='Other')])
def test_eval_without_a_fitting_evaluator(evaluator):
    cfg = make_config()
    cfg.test_evaluator = evaluator
    with pytest.raises(UsageError, match='test_evaluator'):
        run('test', '--eval', 'mIoU', cfg=cfg)


@pytest.mark.parametrize('tool', cli_flags.TOOLS)
@pytest.mark.parametrize('flags', [('--gpu-id', '0'), ('--gpu-ids', '0')])
def test_gpu_id(tool, flags):
    args, lines = parse(tool, ['c', 'p'][:1 + (tool != 'train')] + [*flags])
    announced(lines, flags[0])
    environ = {}
    cli.apply_to_environment(args, environ)
    assert environ == {'CUDA_VISIBLE_DEVICES': '0'}


def test_gpu_id_counts_among_the_visible_ones():
    args, _ = parse('train', ['c', '--gpu-id', '1'])
    environ = {'CUDA_VISIBLE_DEVICES': '4,7'}
    cli.apply_to_environment(args, environ)
    assert environ['CUDA_VISIBLE_DEVICES'] == '7'
    with pytest.raises(UsageError, match='below 1'):
        cli.apply_to_environment(args, {'CUDA_VISIBLE_DEVICES': '4'})


@pytest.mark.parametrize('flags', [('--gpu-ids', '0', '1'), ('--gpus', '2')])
@pytest.mark.parametrize('tool, advice', [('train', 'dist_train.sh CONFIG 2'),
                                          ('test', 'CHECKPOINT 2'),
                                          ('test_fusion', 'one GPU')])
def test_several_gpus_need_another_script(tool, advice, flags, capsys):
    with pytest.raises(SystemExit):
        parse(tool, ['c', 'p'][:1 + (tool != 'train')] + [*flags])
    assert advice in capsys.readouterr().err


def test_one_gpu_is_the_default():
    args, lines = parse('train', ['c', '--gpus', '1'])
    assert args.gpu_id is None
    announced(lines, '--gpus')


def test_gpu_id_and_launcher_contradict(capsys):
    with pytest.raises(SystemExit):
        parse('train', ['c', '--gpu-id', '1', '--launcher', 'pytorch'])
    assert '--gpu-id' in capsys.readouterr().err


def test_gpu_is_chosen_before_torch_is_there():
    """Importing torch's CUDA part first would make --gpu-id a no-op."""
    code = ('import sys, os\n'
            'from mmfusion.cli.legacy import start\n'
            'start("train", ["mmfusion::fusers/psfusion_msrs.py", '
            '"--gpu-id", "3"])\n'
            'print("torch" in sys.modules, '
            'os.environ["CUDA_VISIBLE_DEVICES"])\n')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True, check=True)
    assert done.stdout.split() == ['False', '3']
    assert 'note: --gpu-id' in done.stderr


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_options(tool):
    files = ['c', 'p'][:1 + (tool != 'train')]
    args, lines = parse(
        tool,
        [*files, '--options', 'a.b=1', 'c=[x,y]', '--cfg-options', 'a.b=2'])
    assert args.cfg_options == {'a.b': 2, 'c': ['x', 'y']}
    announced(lines, '--options')


def test_eval_options_go_to_the_evaluator():
    cfg, lines = run('test', '--eval-options', 'beta=2')
    assert cfg.test_evaluator.beta == 2
    announced(lines, '--eval-options')


@pytest.mark.parametrize('flag', ['--tta', '--aug-test'])
def test_tta(flag):
    cfg, lines = run('test', flag)
    assert cfg.test_dataloader.dataset.pipeline == ['augmented']
    assert cfg.model.type == 'FuserSegTTAModel'
    assert cfg.model.module.type == 'FuserSegmenter'
    if flag == '--tta':
        assert not lines
    else:
        announced(lines, flag)


def test_tta_needs_config_entries():
    cfg = make_config()
    cfg.tta_pipeline = None
    with pytest.raises(UsageError, match='tta_pipeline'):
        run('test', '--tta', cfg=cfg)


@pytest.mark.parametrize('flag', ['--resume', '--resume-from'])
def test_resume_from_a_file(flag, tmp_path):
    file = tmp_path / 'iter_1.pth'
    file.touch()
    cfg, lines = run('train', flag, str(file))
    assert cfg.resume is True and cfg.load_from == str(file)
    if flag == '--resume':
        assert not lines
    else:
        announced(lines, flag)


@pytest.mark.parametrize(
    'flags', [['--resume'], ['--resume', 'auto'], ['--auto-resume']])
def test_resume_takes_the_last_checkpoint(flags, tmp_path):
    last = tmp_path / 'iter_7.pth'
    torch.save(dict(meta=dict(epoch=0, iter=7), state_dict={}, message_hub={}),
               last)
    (tmp_path / 'last_checkpoint').write_text(str(last))
    cfg = make_config(load_from='pretrained.pth')
    cfg, lines = run('train', *flags, '--work-dir', str(tmp_path), cfg=cfg)
    assert cfg.resume is True and cfg.load_from == str(last)
    if flags == ['--auto-resume']:
        announced(lines, '--auto-resume')


def test_resume_of_a_new_run_keeps_load_from(tmp_path):
    cfg = make_config(load_from='pretrained.pth')
    cfg, _ = run('train', '--resume', '--work-dir', str(tmp_path), cfg=cfg)
    assert not cfg.get('resume') and cfg.load_from == 'pretrained.pth'


def test_resume_from_a_missing_file():
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        run('train', '--resume', 'nowhere.pth')


@pytest.mark.parametrize('flags', [
    ['--resume', 'a.pth', '--resume-from', 'b.pth'],
    ['--resume', '--load-from', 'a.pth'],
    ['--stage1-options', 'a=1'],
])
def test_contradictions_in_training(flags):
    with pytest.raises(SystemExit):
        parse('train', ['c', *flags])


def test_load_from(tmp_path):
    file = tmp_path / 'a.pth'
    file.touch()
    cfg, lines = run('train', '--load-from', str(file))
    assert cfg.load_from == str(file) and not cfg.get('resume')
    announced(lines, '--load-from')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        run('train', '--load-from', 'nowhere.pth')


def test_no_validate():
    cfg, lines = run('train', '--no-validate')
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    announced(lines, '--no-validate')


@pytest.mark.parametrize('flags, expected', [
    (['--seed', '0'], dict(seed=0)),
    (['--deterministic'], dict(deterministic=True)),
    (['--diff-seed'], dict(diff_rank_seed=True)),
    (['--diff_seed'], dict(diff_rank_seed=True)),
])
def test_randomness(flags, expected):
    cfg, lines = run('train', *flags)
    assert cfg.randomness == expected
    announced(lines, flags[0].replace('_', '-'))


def test_randomness_keeps_the_config_s_other_entries():
    cfg = make_config(randomness=dict(seed=3, deterministic=True))
    cfg, _ = run('train', '--seed', '5', cfg=cfg)
    assert cfg.randomness == dict(seed=5, deterministic=True)


def test_amp_on_a_gpu():
    cfg, lines = run('train', '--amp', device='cuda')
    assert not lines
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_amp_on_the_cpu_says_so():
    with pytest.raises(UsageError, match='leave --amp out'):
        run('train', '--amp', device='cpu')


def test_amp_with_a_foreign_wrapper():
    cfg = make_config(optim_wrapper=dict(type='OptimWrapperDict'))
    with pytest.raises(UsageError, match='OptimWrapperDict'):
        run('train', '--amp', device='cuda', cfg=cfg)


def test_out():
    cfg, lines = run('test', '--out', 'maps')
    assert not lines
    assert cfg.test_evaluator.output_dir == 'maps'
    assert not cfg.test_evaluator.get('format_only')


def test_out_is_a_folder(capsys):
    with pytest.raises(SystemExit):
        parse('test', ['c', 'p', '--out', 'results.pkl'])
    assert 'results.pkl' in capsys.readouterr().err


def test_format_only():
    cfg, lines = run('test', '--format-only')
    assert cfg.test_evaluator.format_only is True
    assert cfg.test_evaluator.output_dir == 'from_config/predictions'
    announced(lines, '--format-only')


def test_tmpdir_and_gpu_collect():
    cfg, lines = run('test', '--tmpdir', 'shared')
    assert cfg.test_evaluator.collect_device == 'cpu'
    assert cfg.test_evaluator.collect_dir == 'shared'
    announced(lines, '--tmpdir')
    cfg, lines = run('test', '--gpu-collect')
    assert cfg.test_evaluator.collect_device == 'gpu'
    announced(lines, '--gpu-collect')
    with pytest.raises(SystemExit):
        parse('test', ['c', 'p', '--tmpdir', 'd', '--gpu-collect'])


def test_show():
    cfg, lines = run('test', '--show', '--wait-time', '0.5')
    hook = cfg.default_hooks.visualization
    assert not lines
    assert hook.draw and hook.show and hook.wait_time == 0.5


def test_show_dir_draws_every_sample():
    cfg, lines = run('test', '--show-dir', 'panels')
    hook = cfg.default_hooks.visualization
    assert not lines
    assert hook.draw and hook.show_dir == 'panels' and hook.interval == 1


def test_show_dir_needs_the_hook():
    with pytest.raises(UsageError, match='default_hooks.visualization'):
        run('test', '--show-dir', 'd', cfg=make_config(default_hooks=None))


def test_opacity():
    cfg, lines = run('test', '--opacity', '0.3')
    assert cfg.visualizer.alpha == 0.3
    announced(lines, '--opacity')
    with pytest.raises(UsageError, match='1.5'):
        run('test', '--opacity', '1.5')


@pytest.mark.parametrize('flag', ['--local_rank', '--local-rank'])
def test_local_rank_fills_in_the_environment(flag):
    args, lines = parse('train', ['c', flag, '2'])
    assert not lines
    environ = {}
    cli.apply_to_environment(args, environ)
    assert environ == {'LOCAL_RANK': '2'}
    environ = {'LOCAL_RANK': '1'}
    cli.apply_to_environment(args, environ)
    assert environ == {'LOCAL_RANK': '1'}


@pytest.mark.parametrize('tool', cli_flags.TOOLS)
def test_help_lists_every_flag(tool, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(tool, ['--help'])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert '--cfg-options' in text and 'legacy' in text


def test_unknown_tool():
    with pytest.raises(ValueError, match='train'):
        cli_flags.build_parser('publish')


def test_user_errors_become_one_line(capsys):

    def broken():
        raise UsageError('do this instead')

    assert cli.run(broken) == 2
    assert capsys.readouterr().err == 'error: do this instead\n'
    assert cli.run(lambda: None) == 0
    assert cli.run(lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        cli.run(lambda: 1 / 0)
