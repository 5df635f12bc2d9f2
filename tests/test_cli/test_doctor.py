"""``mmfusion doctor``: what it finds, and how it says to repair it."""
import sys

import pytest

from mmfusion.cli.commands import doctor
from mmfusion.cli.main import main
from mmfusion.utils import model_index
from mmfusion.utils.stack import StackFault


@pytest.fixture
def report(monkeypatch, capsys):
    """Exit code and lines of the report."""
    monkeypatch.setattr(sys, 'argv', ['mmfusion'])
    monkeypatch.setattr(doctor, 'COMPILED', dict(json='nothing'))

    def run():
        code = main(['doctor'])
        return code, capsys.readouterr().out

    return run


def test_nothing_is_at_fault(report, monkeypatch):
    monkeypatch.setattr(doctor, 'has_mmcv_ops', lambda: False)
    monkeypatch.setattr(doctor, 'has_detection', lambda: False)
    monkeypatch.setenv('OMP_NUM_THREADS', '1000')
    code, out = report()
    assert code == 0 and out.endswith('ready to fuse\n')
    for words in ('mmengine', 'make setup', 'onedl,detection',
                  'export OMP_NUM_THREADS=', 'GPU'):
        assert words in out


def test_faults_come_with_their_repair(report, monkeypatch, tmp_path):

    def two_lines():
        raise StackFault("Expected one distribution to provide 'mmcv', got "
                         'onedl-mmcv mmcv: they write the same folder. '
                         'Repair with: pip uninstall -y mmcv')

    monkeypatch.setattr(doctor, 'COMPILED', dict(nonesuch='pip install it'))
    monkeypatch.setattr(doctor, 'stack_info', two_lines)
    monkeypatch.setattr(doctor, 'config_folders', list)
    code, out = report()
    assert code == 1 and out.endswith('3 at fault\n')
    for words in ('the same folder.', '-> pip uninstall -y mmcv',
                  "No module named 'nonesuch'", '-> pip install it',
                  '-> pip install --force-reinstall --no-deps mmfusion'):
        assert words in out


def test_missing_packages_of_the_stack(report, monkeypatch):
    monkeypatch.setattr(doctor, 'stack_info', lambda: dict(mmcv='mmcv 2'))
    code, out = report()
    assert code == 1 and out.count('pip install "mmfusion[onedl]"') == 2


def test_damaged_weights(report, monkeypatch):
    entry = model_index.model_entry('laplacian_pyramid')
    monkeypatch.setattr(
        doctor, 'model_entry', lambda name: model_index.ModelEntry(
            name, entry.path, entry.config, weights='none.safetensors'))
    monkeypatch.setattr(doctor, 'list_models', lambda pattern='*': ['one'])
    code, out = report()
    assert code == 1 and 'weights of one' in out
