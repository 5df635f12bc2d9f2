"""GIFNet, and its windows a few at a time."""
import cv2
import pytest
import torch

from mmfusion.models.fusers import GIFNet
from mmfusion.models.fusers.zoo import gifnet
from tests.support.zoo import Golden, Published, ZooMenu, fill


def as_jpeg(image):
    """The published images are JPEG files of quality 95."""
    data = cv2.imencode('.jpg', image[..., 0], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return cv2.imdecode(data[1], cv2.IMREAD_COLOR)


class TestGIFNet(ZooMenu):
    method, folder, kind = 'gifnet', 'GIFNet', 'GIFNet'
    golden = (Golden('GIFNet', 'Final.model'), )
    published = (Published(('gifnet_MEIF', ), 'Final.model', worst=8,
                           mean=0.24, encode=as_jpeg), )
    fills = (0.5311284, 0.0147251, 0.5609672, 0.5408325, 0.5357099, 0.5474477,
             0.5196789, 0.5070561)


@pytest.mark.parametrize('size', [(24, 40), (29, 35), (8, 8)])
@torch.no_grad()
def test_windows_in_parts(monkeypatch, size):
    fuser = fill(GIFNet(growth=4, widths=(8, 8, 8, 4)))
    images = torch.rand(2, 2, 1, *size)
    whole = fuser.fuse_luma(*images)
    monkeypatch.setattr(gifnet, '_WINDOWS', 1)
    torch.testing.assert_close(fuser.fuse_luma(*images), whole)


def test_bias_is_of_the_distance():
    """Rows, then columns; signed logarithms."""
    positions = gifnet.RelativeBias(2).positions
    assert positions.shape == (64, 64, 2)
    log = torch.log1p(torch.tensor([2., 3.]))
    expected = torch.stack((log[0], -log[1]))
    torch.testing.assert_close(positions[8 * 5 + 1, 8 * 3 + 4], expected)
