"""Which wheel of mmcv gets installed, and when it is compiled."""
import importlib.util
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def build(monkeypatch, tmp_path):
    """``build(states, made)``: run the script with what the operators are
    found to be, time by time; give status and what was done."""
    spec = importlib.util.spec_from_file_location(
        'build_mmcv', ROOT / 'tools/misc/build_mmcv.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(states, made=None, compiles=True):
        done, states = [], list(states)

        def compile_wheel(command, **kwargs):
            folder = Path(command[command.index('-w') + 1])
            done.append(('compile', command[-1]))
            if made:
                (folder / made).touch()
            if not compiles and kwargs.get('check'):
                raise subprocess.CalledProcessError(1, command)
            return subprocess.CompletedProcess(command, int(not compiles))

        monkeypatch.setattr(module, 'has_operators', lambda: states.pop(0))
        monkeypatch.setattr(module, 'install', lambda wheel: done.append(
            ('install', wheel.name)))
        monkeypatch.setattr(module.subprocess, 'run', compile_wheel)
        status = module.main([
            '--constraint',
            str(ROOT / 'requirements/tested.txt'), '--cache',
            str(tmp_path)
        ])
        return status, done

    return run


PIN = 'onedl-mmcv==2.3.6'
WHEEL = 'onedl_mmcv-2.3.6-cp311-cp311-linux_x86_64.whl'


def test_nothing_to_do(build):
    assert build([True]) == (0, [])


def test_compiled_once_and_kept(build):
    assert build([False, True], WHEEL) == (0, [('compile', PIN),
                                               ('install', WHEEL)])
    assert build([False, True]) == (0, [('install', WHEEL)])


def test_a_wheel_that_does_not_load_is_compiled_anew(build):
    build([False, True], WHEEL)
    assert build([False, False, True], WHEEL) == (0, [('install', WHEEL),
                                                      ('compile', PIN),
                                                      ('install', WHEEL)])


def test_failure(build, capsys):
    # without torch, pip makes a wheel without operators
    assert build([False, False], 'onedl_mmcv-2.3.6-py3-none-any.whl') == (1, [
        ('compile', PIN)
    ])
    assert 'C++ compiler' in capsys.readouterr().err


def test_compiler_fails(build, capsys):
    assert build([False, False], compiles=False) == (1, [('compile', PIN)])
    assert f'{PIN} did not compile' in capsys.readouterr().err


def test_without_torch(build, capsys, monkeypatch):

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, 'version', version)
    assert build([False]) == (1, [])
    assert 'expected torch' in capsys.readouterr().err


def test_wheels_are_kept_apart_by_python_and_torch(build, tmp_path):
    build([False, True], WHEEL)
    folder, = tmp_path.iterdir()
    assert folder.name.startswith('py3') and '-torch' in folder.name
