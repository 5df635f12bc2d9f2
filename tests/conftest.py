"""Shared test set-up: threads, default scope, and where real data lies."""
import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _mmfusion_scope():
    """Build every type from mmfusion's registries, as its configs do."""
    from mmengine.registry import DefaultScope, init_default_scope
    init_default_scope('mmfusion')
    yield
    DefaultScope._instance_dict.clear()


def _folder(variable: str, default: Path) -> Path:
    path = Path(os.environ.get(variable, default))
    if not path.is_dir() or not any(path.glob('*/')):
        pytest.skip(f'nothing there: set {variable} to its folder')
    return path


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder of real pairs (``MMFUSION_DATA``)."""
    return _folder('MMFUSION_DATA', ROOT / 'data')


@pytest.fixture(scope='session')
def published_weights() -> Path:
    """Folder of authors' checkpoints (``MMFUSION_WEIGHTS``)."""
    return _folder('MMFUSION_WEIGHTS', ROOT / 'data' / 'weights')
