"""What the tests of models share."""
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def repository_paths():
    """The benchmarks and converters can be imported."""
    paths = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]
    sys.path[:0] = paths
    yield
    for path in paths:
        sys.path.remove(path)


@pytest.fixture
def one_thread():
    """On small images a second thread only waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
