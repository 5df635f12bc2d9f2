"""The examples of docstrings run and give what they say."""
import doctest
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    '.'.join(path.relative_to(ROOT).with_suffix('').parts)
    for path in sorted((ROOT / 'mmfusion').rglob('*.py'))
    if '>>> ' in path.read_text(encoding='utf-8') and '.mim' not in path.parts
]
#: what a reader looks up first
MUST = ('apis.inferencer', 'functional.compute', 'models.fusers.base',
        'models.layers.colour', 'structures.fuser_output', 'tasks')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the examples' files lie: a pair, and folders of two."""
    rng = np.random.default_rng(0)
    for name in ('vis', 'ir', 'data/vi/1', 'data/vi/2', 'data/ir/1',
                 'data/ir/2', 'results/mine/1', 'results/mine/2'):
        path = tmp_path / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (48, 64), np.uint8))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures('folder')
@pytest.mark.parametrize('name', MODULES)
def test_examples_run(name):
    module = import_module(name)
    result = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert not result.failed
    text = Path(module.__file__).read_text(encoding='utf-8')
    assert result.attempted or '# doctest: +SKIP' in text


def test_the_main_functions_have_examples():
    assert {f'mmfusion.{name}' for name in MUST} <= set(MODULES)
