"""Images that are written strip by strip."""
import cv2
import numpy as np
import pytest

from mmfusion.utils import files
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import is_ours, write_image, write_png
from mmfusion.utils.sizes import parse_size, told_size


@pytest.mark.parametrize('shape', [(40, 33, 3), (40, 33), (1, 1), (7, 1, 3)])
@pytest.mark.parametrize('rows', [1, 9, 64])
def test_strips(tmp_path, shape, rows):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = tmp_path / 'a.png'
    write_png(path, (image[first:first + rows]
                     for first in range(0, len(image), rows)), shape[:2])
    back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(
        back, image if image.ndim == 2 else image[..., ::-1])
    assert is_ours(path)


def test_an_error_leaves_nothing(tmp_path):

    def strips():
        yield np.zeros((2, 3), np.uint8)
        raise UsageError('x')

    with pytest.raises(UsageError):
        write_png(tmp_path / 'a.png', strips(), (4, 3))
    assert not list(tmp_path.iterdir())


def test_large_images_are_written_so(tmp_path, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (64, 50, 3), np.uint8)
    monkeypatch.setattr(files, '_LARGE', 1000)
    monkeypatch.setattr(cv2, 'imencode', None)
    write_image(tmp_path / 'a.png', image)
    back = cv2.imread(str(tmp_path / 'a.png'))
    np.testing.assert_array_equal(back, image[..., ::-1])


@pytest.mark.parametrize('text, size', [
    ('2GB', 2 * 10**9),
    ('2g', 2 * 10**9),
    ('1.5 GiB', 3 * 2**29),
    ('500 mb', 5 * 10**8),
    ('64K', 64000),
    ('12', 12),
    (34, 34),
])
def test_sizes(text, size):
    assert parse_size(text) == size
    assert parse_size(told_size(size)) >= size
