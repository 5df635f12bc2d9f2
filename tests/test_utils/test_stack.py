"""Stacks whose parts do not fit are told in one line, with the repair."""
import importlib.util
import sys
from importlib import metadata
from types import ModuleType, SimpleNamespace

import pytest

from mmfusion.cli.running import run
from mmfusion.utils import compat, stack

STOCK = dict(mmengine='0.10.7', mmcv='2.1.0', mmsegmentation='1.2.2',
             mmdet='3.3.0', torch='2.1.2', torchvision='0.16.2')


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Packages by name and version, of mmseg 1.2.2's and mmdet 3.3's kind."""
    real = importlib.util.find_spec
    for name, text in dict(
            mmseg="MMCV_MIN = '2.0.0rc4'\nMMCV_MAX = '2.2.0'\n",
            mmdet="mmcv_minimum_version = '2.0.0rc4'\n"
            "mmcv_maximum_version = '2.2.0'\n").items():
        (tmp_path / f'{name}.py').write_text(text)

    def install(**versions):

        def version(name):
            if name.replace('-', '_') not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name.replace('-', '_')]

        def find_spec(name, *args):
            if name in ('mmseg', 'mmdet'):
                return SimpleNamespace(origin=str(tmp_path / f'{name}.py'))
            if name == 'mmengine':
                return SimpleNamespace(origin=str(tmp_path / 'engine/x.py'))
            if name in ('torchvision', 'pkg_resources'):
                return real('sys') if name in versions else None
            return real(name, *args)

        monkeypatch.setattr(metadata, 'version', version)
        monkeypatch.setattr(importlib.util, 'find_spec', find_spec)

    monkeypatch.setattr(compat, 'has_mmcv_ops', lambda: False)
    return install


def told(capsys):
    """What a command says that fails to import."""

    def main():
        raise ImportError('undefined symbol: _ZN2at')

    assert run(main) == 2
    line, = capsys.readouterr().err.splitlines()
    with pytest.raises(stack.StackFault):
        stack.stack_info()
    return line


def test_the_stock_stack_fits(installed):
    installed(**STOCK)
    assert stack.stack_info() == dict(mmengine='mmengine 0.10.7',
                                      mmcv='mmcv 2.1.0',
                                      mmseg='mmsegmentation 1.2.2',
                                      mmdet='mmdet 3.3.0')


def test_two_lines(installed, capsys):
    installed(**STOCK, onedl_mmengine='0.10.12')
    assert ('pip uninstall -y onedl-mmengine mmengine && pip install '
            'onedl-mmengine') in told(capsys)
    with pytest.warns(UserWarning, match='write the same folder'):
        compat._adapt()


@pytest.mark.parametrize('version', ['2.2.0', '1.7.2'])
def test_mmcv_out_of_range(installed, capsys, version):
    installed(**{**STOCK, 'mmcv': version})
    assert 'for mmseg' in (line := told(capsys))
    assert ('pip uninstall -y mmcv && pip install --no-deps '
            '"mmcv-lite>=2.0.0rc4,<2.2.0"') in line


def test_no_torchvision(installed, capsys):
    installed(**{k: v for k, v in STOCK.items() if k != 'torchvision'})
    assert 'pip install torch==2.1.2 torchvision' in told(capsys)


def test_setuptools_without_pkg_resources(installed, capsys, tmp_path):
    installed(**STOCK)
    asks = tmp_path / 'engine/utils/package_utils.py'
    asks.parent.mkdir(parents=True)
    asks.write_text('import importlib.metadata')
    stack.stack_info()
    asks.write_text('    import pkg_resources')
    assert 'pip install "setuptools<82"' in told(capsys)
    installed(**STOCK, pkg_resources='81')
    stack.stack_info()


@pytest.mark.parametrize('name, repair', [('mmcv', 'mmcv-lite==2.1.0'),
                                          ('onedl_mmcv', 'onedl-mmcv==2.1.0')])
def test_operators_of_another_torch(installed, capsys, monkeypatch, tmp_path,
                                    name, repair):
    versions = {k: v for k, v in STOCK.items() if k != 'mmcv'}
    installed(**versions, **{name: '2.1.0'})
    (tmp_path / '_ext.py'
     ).write_text("raise ImportError('_ext.so: undefined symbol: _ZN3c10')")
    mmcv = ModuleType('mmcv')
    mmcv.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, 'mmcv', mmcv)
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.setattr(compat, 'has_mmcv_ops', lambda: True)
    assert repair in (line := told(capsys))
    assert 'undefined symbol' in line


def test_other_failures_stay(installed):
    installed(**STOCK)

    def main():
        assert not sys.path, 'of another kind'

    with pytest.raises(AssertionError, match='of another kind'):
        run(main)
