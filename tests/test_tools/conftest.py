"""A trained two-stage project, and calling tools without new processes."""
import os
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from mmfusion.cli import legacy as cli
from tests.support import tiny_project

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def call(monkeypatch):
    """``call('train.py', flag, ...)``: exit code of a tool."""

    def run(tool, *flags):
        # a tool may set these; both come back after the test
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES',
                           os.environ.get('CUDA_VISIBLE_DEVICES', ''))
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, flags)])
        return cli.run(runpy.run_path(str(TOOLS / tool))['main'])

    return run


@pytest.fixture
def project(tmp_path):
    """Folder of an untrained project's configs."""
    return tiny_project.make_project(tmp_path)


@pytest.fixture(scope='session')
def trained(tmp_path_factory):
    """Root of a project whose stages are in ``stage1`` and ``stage2``."""
    root = tmp_path_factory.mktemp('trained')
    configs = tiny_project.make_project(root)
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    tiny_project.train_with(configs / 'stage2.py', '--two-stage', '--work-dir',
                            root / 'stage2', '--seed', 0)
    return root
