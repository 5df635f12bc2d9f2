"""Scales and choices: how they are applied, and names of older releases."""
import shutil
import sys

import pytest
from mmengine.config import Config

from mmfusion.apis.two_stage import ensure_stage1
from mmfusion.cli.legacy import parse
from mmfusion.utils.config_choice import choose, shrink
from mmfusion.utils.config_file import (config_folders, default_work_dir,
                                        find_config, load_config,
                                        resolve_config)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.former_configs import FORMER, former_config

BFFR = 'fuser_segmenters/bffr_segformer.py'


def scaled(part, **config):
    """A config after a scale of one part."""
    cfg = Config(dict(scales=dict(mini=part), **config))
    shrink(cfg, 'mini', lambda name: Config(FILES[name]))
    return cfg


FILES = dict(set=dict(data=dict(root='small'), test=dict(n=1), score=[1]))


# ----------------------------------------------------------------- the rules
def test_dicts_are_merged_and_values_replaced():
    cfg = scaled(dict(a=dict(b=2, c=dict(d=3)), x=1), a=dict(b=1, e=0))
    assert cfg.a == dict(b=2, e=0, c=dict(d=3)) and cfg.x == 1


def test_drop():
    before = dict(type='T', k=1, keep=2)
    assert scaled(dict(a=dict(_drop_=True, x=1)), a=before).a == dict(x=1)
    assert scaled(dict(a=dict(_drop_=['k'])),
                  a=before).a == dict(type='T', keep=2)
    # nothing is made of what is not there
    assert scaled(dict(a=dict(b=dict(_drop_=['k']))), a=before).a == before


def test_what_is_switched_off_stays_off():
    cfg = scaled(dict(_base_='set', a=dict(b=1)), data=dict(root='big'),
                 test=None, score=[], a=None)
    assert cfg.data.root == 'small'
    assert cfg.test is None and cfg.score == [] and cfg.a is None


def test_small_values_are_of_a_type():
    part = dict(fuser=dict(_of_='PSFusion', width=1))
    for name, width in (('PSFusion', 1), ('mine.PSFusion', 1), ('Other', 9)):
        assert scaled(part, fuser=dict(type=name,
                                       width=9)).fuser.width == width


def test_members_of_lists_are_named():
    steps = [
        dict(type='Load'),
        dict(type='mmdet.Crop', size=9), [[dict(type='Crop', size=8)]]
    ]
    part = dict(p=dict(Crop=dict(size=1), _after_=dict(Load=dict(
        type='Text'))))
    assert scaled(part, p=steps).p == [
        dict(type='Load'),
        dict(type='Text'),
        dict(type='mmdet.Crop', size=1), [[dict(type='Crop', size=1)]]
    ]
    with pytest.raises(ValueError, match=r"p: .*\['Flip'\]"):
        scaled(dict(p=dict(Flip=dict())), p=steps)


def test_bases_add_to_a_scale_that_the_form_offers():
    cfg = scaled(dict(a=3), a=1, b=1, model_scales=dict(mini=dict(a=2, b=2)),
                 data_scales=dict(synthetic=dict(b=4)))
    assert (cfg.a, cfg.b) == (3, 2)


def test_unknown_scales_and_choices():
    with pytest.raises(UsageError, match=r"one of \['mini'\], got 'tiny'"):
        load_config('fusers/psfusion_llvip.py', scale='tiny')
    with pytest.raises(UsageError, match='one size: leave --scale mini out'):
        load_config('fusers/laplacian_pyramid.py', scale='mini')
    cfg = Config(dict(choices=dict(a=dict(x={}, y={})), a='z'))
    with pytest.raises(UsageError, match=r"a to be one of \['x', 'y'\]"):
        choose(cfg, None)


# ---------------------------------------------------------------- whole forms
def test_the_three_ways_to_ask_agree():
    name = 'fusers/mef_sice.py'
    one = load_config(name, dict(fuser='film'), scale='mini')
    assert one.to_dict() == load_config(f'{name}@mini,fuser:film').to_dict()
    assert one.to_dict() == load_config(f'{name}@Mini,fuser:FILM').to_dict()
    assert one.model.fuser.type == 'FILMFusion'
    assert default_work_dir(one) == 'work_dirs/film_mef_mini'
    args, _ = parse('train', [name, '--scale', 'mini'])
    assert (args.config, args.scale) == (name, 'mini')


def test_options_come_after_the_scale():
    cfg = load_config(BFFR, {'train_cfg.max_iters': 7}, scale='mini')
    assert cfg.train_cfg.max_iters == 7
    cfg = load_config(BFFR, dict(stage1_checkpoint='x.pth'), scale='mini')
    assert cfg.model.fuser.init_cfg.checkpoint == 'x.pth'


@pytest.mark.parametrize('scale', ['mini', 'synthetic'])
def test_first_stage_follows(scale):
    cfg = load_config(BFFR, scale=scale)
    folder = f'work_dirs/transfuser6_{scale}'
    assert cfg.stage1_checkpoint == f'{folder}/iter_600.pth'
    assert cfg.model.fuser.init_cfg.checkpoint == cfg.stage1_checkpoint
    asked = []
    with pytest.raises(UsageError, match='to write'):
        ensure_stage1(cfg, True, lambda *words: asked.append(words))
    (config, work_dir), = asked
    assert work_dir == folder
    first = load_config(config)
    assert default_work_dir(first) == folder
    assert first.train_cfg.max_iters == 600


@pytest.mark.detection
def test_one_line_chooses_the_detector(tmp_path):
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'mmfusion::fuser_detectors/joint_llvip.py'\n"
                     "detector = 'faster-rcnn'\nfuser = 'transfuser6'\n")
    cfg = load_config(child, scale='synthetic')
    assert cfg.model.detector.type == 'FasterRCNN'
    assert cfg.model.detector.roi_head.bbox_head.num_classes == 3
    assert cfg.model.fuser.stem_channels == 8
    assert default_work_dir(
        cfg) == 'work_dirs/transfuser6_faster-rcnn_synthetic'


@pytest.mark.detection
def test_first_choice_is_what_the_file_holds():
    name = find_config('fuser_detectors/joint_llvip.py')
    held = Config.fromfile(name).to_dict()
    # all choices are applied where one differs
    chosen = load_config(name, dict(training='frozen')).to_dict()
    del chosen['model']['fuser_frozen']
    for key in ('model', 'stage1_config', 'stage1_checkpoint'):
        assert chosen[key] == held[key]


def test_dumped_config_is_read_as_it_is(tmp_path):
    cfg = load_config('fusers/mif_harvard.py', {
        'fuser': 'film',
        'model.fuser.channels': 4
    }, scale='mini')
    cfg.dump(tmp_path / 'dumped.py')
    again = load_config(tmp_path / 'dumped.py')
    assert again.model.fuser.channels == 4
    assert again.to_dict() == cfg.to_dict()
    with pytest.raises(UsageError, match='one size'):
        load_config(tmp_path / 'dumped.py', scale='mini')


def test_empty_variable_counts_as_none(monkeypatch):
    monkeypatch.setenv('MMFUSION_DATA', '')
    cfg = load_config('fusers/psfusion_msrs.py', scale='mini')
    assert cfg.train_dataloader.dataset.data_root == 'data/seg_msrs9/train'


# ------------------------------------------------------------- former names
@pytest.mark.parametrize(
    'name', [name for name in FORMER if not name.startswith('models/')])
def test_former_names_keep_their_work_dir(name, capsys):
    cfg = load_config(f'configs/{name}.py')
    assert default_work_dir(cfg) == f'work_dirs/{name.partition("/")[2]}'
    assert 'is no file any more, today: configs/' in capsys.readouterr().err


@pytest.mark.detection
@pytest.mark.parametrize('name', [
    'psfusion_dino_llvip', 'transfuser6_faster-rcnn_llvip_mini',
    'visible_rtmdet-tiny_synthetic',
    'mmdrfuse_student_rtmdet-tiny_frozen_synthetic'
])
def test_former_detectors(name):
    cfg = load_config(f'mmfusion::fuser_detectors/{name}.py')
    assert default_work_dir(cfg) == f'work_dirs/{name}'


def test_note_says_what_to_write(capsys):
    load_config('configs/fuser_segmenters/visible_segformer_mini.py')
    assert capsys.readouterr().err.endswith(
        'today: configs/fuser_segmenters/psfusion_segformer.py --scale mini '
        '--cfg-options variant=visible\n')


def test_a_file_of_that_name_is_no_former_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'fusers').mkdir()
    mine = tmp_path / 'fusers' / 'psfusion_mini.py'
    mine.write_text('a = 1')
    assert load_config('fusers/psfusion_mini.py').a == 1
    shutil.rmtree(mine.parent)
    found = resolve_config('fusers/psfusion_mini.py')
    assert found.name.endswith('fusers/psfusion_msrs.py@mini')
    assert former_config('fusers/unheard_of_mini.py') is None
    assert not capsys.readouterr().err


# -------------------------------------------------------------------- forms
def test_few_forms_without_positions():
    files = sorted(config_folders()[0].rglob('*.py'))
    assert 50 < len(files) <= 120  # one a method of the zoo among them
    for file in files:
        text = file.read_text()
        assert 'import os' not in text
        assert not [
            line for line in text.splitlines()
            if 'pipeline[' in line or 'param_scheduler[' in line
        ], file


def test_tools_share_the_flag(monkeypatch, capsys):
    from mmfusion.cli import flags
    tool = config_folders()[0].parent / 'tools/misc/print_config.py'
    assert flags.add_config.__name__ in tool.read_text()
    monkeypatch.setattr(
        sys, 'argv',
        ['print_config.py', 'fusers/psfusion_msrs.py', '--scale', 'synthetic'])
    import runpy
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(tool), run_name='__main__')
    assert stop.value.code == 0
    text = capsys.readouterr().out.replace(' ', '')  # formatted or not
    assert "run_name='psfusion_synthetic'" in text
