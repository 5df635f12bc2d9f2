import pytest

from tests.support import tiny_project


@pytest.fixture(autouse=True)
def _one_thread():
    with tiny_project.one_thread():
        yield
