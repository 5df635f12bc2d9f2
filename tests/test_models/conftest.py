"""What the tests of models share."""
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def repository_paths():
    """The benchmarks and converters can be imported."""
    paths = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]
    sys.path[:0] = paths
    yield
    for path in paths:
        sys.path.remove(path)
