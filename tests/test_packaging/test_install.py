"""A project outside the tree inherits our configs, whatever the install."""
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.image_files import write_png

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / 'tests/support/scratch_project.py'
PARTS = ('mmfusion', 'configs', 'tools', 'requirements', 'setup.py',
         'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE',
         'model-index.yml')


def run(*command, **kwargs):
    result = subprocess.run([str(part) for part in command],
                            stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=300, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip(*arguments):
    return run(sys.executable, '-m', 'pip', '-q', *arguments)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """A copy of the sources, as a fresh checkout has them."""
    root = tmp_path_factory.mktemp('tree')
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, root / name,
                ignore=shutil.ignore_patterns('__pycache__', '.mim'))
        else:
            shutil.copy(source, root / name)
    return root


@pytest.fixture(scope='module')
def wheel(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    pip('wheel', '--no-deps', '--no-build-isolation', '-w', folder, tree)
    return next(folder.glob('mmfusion-*.whl'))


def test_wheel_holds_what_configs_need(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    ours = [
        path.relative_to(ROOT).as_posix() for folder in ('configs', 'tools')
        for suffix in ('.py', '.yml', '.sh')
        for path in (ROOT / folder).rglob(f'*{suffix}')
        if '__pycache__' not in path.parts
    ]
    missing = {f'mmfusion/.mim/{name}' for name in ours} - set(names)
    assert not missing
    assert 'mmfusion/.mim/model-index.yml' in names
    assert 'mmfusion/analysis/method_benchmark/report.html' in names
    assert 'mmfusion/visualization/page.css' in names
    assert 'mmfusion/py.typed' in names
    for path in (ROOT / 'mmfusion/weights').iterdir():
        assert f'mmfusion/weights/{path.name}' in names
    assert 'mmfusion/weights/default.safetensors' in names
    assert not [name for name in names if name.endswith('.pyc')]
    assert not [name for name in names if name.startswith('tests')]


def test_no_openmmlab_name_is_required(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist()
                        if name.endswith('.dist-info/METADATA'))
        lines = archive.read(metadata).decode().splitlines()
    core = [
        line for line in lines
        if line.startswith('Requires-Dist:') and 'extra ==' not in line
    ]
    assert core and not any('mm' in line for line in core), core
    extras = [line for line in lines if line.startswith('Provides-Extra:')]
    assert len(extras) == 9


def test_ordinary_install(wheel, tmp_path):
    site, project = tmp_path / 'site', tmp_path / 'project'
    project.mkdir()
    pip('install', '--no-deps', '--target', site, wheel)
    assert not (site / 'mmfusion' / '.mim' / 'configs').is_symlink()
    environment = dict(os.environ, PYTHONPATH=str(site), OMP_NUM_THREADS='1')
    out = run(sys.executable, SCRATCH, site / 'mmfusion', cwd=project,
              env=environment)
    assert out.splitlines()[-1] == 'ok'
    # the command, whose configs and weights are those of the wheel
    for name, shape in (('a.png', (24, 32, 3)), ('b.png', (24, 32))):
        write_png(project / name, np.full(shape, 99, np.uint8))
    out = run(sys.executable, site / 'bin/mmfusion', 'fuse', 'a.png', 'b.png',
              '-o', 'c.png', '--model', 'laplacian_pyramid', cwd=project,
              env=environment)
    assert out == 'wrote c.png\n' and (project / 'c.png').is_file()


def test_sdist_is_complete(tree, wheel, tmp_path):
    """A wheel of the sdist has the files of one of the checkout."""
    run(sys.executable, 'setup.py', '-q', 'sdist', '-d', tmp_path, cwd=tree)
    sdist, = tmp_path.glob('*.tar.gz')
    with tarfile.open(sdist) as archive:
        held = {name.partition('/')[2] for name in archive.getnames()}
    names = {
        name for name in zipfile.ZipFile(wheel).namelist()
        if '.dist-info/' not in name
    }
    assert not names - held
    assert {'requirements/onedl.txt', 'pyproject.toml', 'LICENSE'} <= held


def test_editable_install(tree, tmp_path):
    """Modern pip runs ``editable_wheel``, never ``develop``."""
    folder, project = tmp_path / 'venv', tmp_path / 'project'
    project.mkdir()
    venv.create(folder, with_pip=False)
    python = folder / 'bin' / 'python'
    # The packages of this environment, but not its own mmfusion.
    site = folder / 'lib' / f'python3.{sys.version_info.minor}'
    (site / 'site-packages' /
     'parent.pth').write_text(sysconfig.get_path('purelib') + '\n')
    run(python, '-m', 'pip', '-q', 'install', '--no-deps',
        '--no-build-isolation', '-e', tree)
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    environment.pop('PYTHONPATH', None)
    out = run(python, SCRATCH, tree / 'mmfusion', cwd=project, env=environment)
    assert out.splitlines()[-1] == 'ok'
    # Links, so that an edited config is seen without another install.
    assert (tree / 'mmfusion' / '.mim' / 'configs').resolve() == (tree /
                                                                  'configs')
