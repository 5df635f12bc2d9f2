"""Where configs are found, and overrides that reach the model."""
from pathlib import Path

import pytest

from mmfusion.cli.legacy import UsageError
from mmfusion.utils.config_file import find_config, load_config, require_file
from tests.support import tiny_project


@pytest.fixture
def configs(tmp_path):
    return tiny_project.make_project(tmp_path)


def test_absolute_relative_and_package_names(configs, monkeypatch):
    assert find_config(configs / 'stage1.py') == configs / 'stage1.py'
    monkeypatch.chdir(configs)
    assert find_config('stage1.py') == Path('stage1.py')
    assert find_config(configs / 'stage1.py') == Path('stage1.py')
    ours = find_config('fusers/psfusion_msrs.py')
    assert ours.name == 'psfusion_msrs.py' and ours.is_file()
    assert find_config('mmfusion::fusers/psfusion_msrs.py') == ours


def test_names_are_also_relative_to_the_folder_of_the_config(configs):
    near = configs / 'stage2.py'
    assert find_config('fusers/stage1.py', near=near) == configs / 'stage1.py'
    with pytest.raises(FileNotFoundError):
        find_config('fusers/stage1.py')


def test_missing_config_suggests_a_name():
    with pytest.raises(FileNotFoundError,
                       match='Did you mean .*fusers/psfusion_msrs.py'):
        find_config('fusers/psfusion_msr.py')


def test_foreign_package():
    with pytest.raises(UsageError, match='_base_'):
        find_config('mmseg::segformer/x.py')


def test_options_and_default_scope(tmp_path):
    file = tmp_path / 'c.py'
    file.write_text('a = dict(b=1)')
    cfg = load_config(file, {'a.b': 2})
    assert cfg.a.b == 2 and cfg.default_scope == 'mmfusion'


def test_overridden_stage1_checkpoint_reaches_the_fuser(configs):
    cfg = load_config(configs / 'stage2.py', dict(stage1_checkpoint='x.pth'))
    assert cfg.stage1_checkpoint == 'x.pth'
    assert cfg.model.fuser.init_cfg.checkpoint == 'x.pth'
    assert cfg.model.segmentor.backbone.num_layers == [1, 1, 1, 1]


def test_require_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='Expected a map, got.*Look'):
        require_file(tmp_path / 'none', 'a map', 'Look elsewhere.')
    file = tmp_path / 'some'
    file.touch()
    assert require_file(file, 'a map', '') == str(file)
