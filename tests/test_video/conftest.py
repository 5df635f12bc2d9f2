"""A model and a sequence for every test."""
import pytest

from tests.support import video_cases
from tests.support.video_sequences import write_sequence


@pytest.fixture
def model():
    return video_cases.make_model()


@pytest.fixture
def sequence(tmp_path):
    """Folders of 12 visible and infrared frames."""
    return write_sequence(tmp_path, *video_cases.still_pair(), 12,
                          video_cases.VIEW)
