"""MATR, whose first input is the functional image."""
import pytest
import torch
import torch.nn.functional as F

from mmfusion.models.fusers.zoo.matr import ContextGatedConv
from tests.support.zoo import Golden, Published, ZooMenu, fill


def functional_first(fuser, rgb, vis, ir):
    """The table's row has the infrared image as the functional one."""
    return fuser.fuse_luma(ir, vis)


class TestMATR(ZooMenu):
    method, folder, kind = 'matr', 'MATR', 'MATR'
    golden = (Golden('MATR', 'model_10.pth', raw=functional_first), )
    published = (Published(('matr_SPECT-MRI', 'matr_GFP-PC'), 'model_10.pth',
                           mean=0.03), )
    fills = (0.6413264, 0.4378445, 0.6994697, 0.6628845, 0.9671996, 0.6225995,
             0.2308383, 0.3050012)


@pytest.mark.parametrize('size', [(6, 6), (7, 10), (2, 31), (1, 1)])
@torch.no_grad()
def test_kernels_of_each_image(size):
    """Any size; each image of a batch is convolved with its own kernels."""
    layer = fill(ContextGatedConv(2, 5))
    x = torch.randn(2, 2, *size)
    gates = []
    for image in x:
        p = F.adaptive_avg_pool2d(image, 3).flatten(1)
        first, second, third = (lambda y, norm=norm: F.relu(
            (y - norm.running_mean[:, None]) /
            (norm.running_var[:, None] + norm.eps).sqrt(
            ) * norm.weight[:, None] + norm.bias[:, None])
                                for norm in layer.norms)
        code = p @ layer.encode.weight.T
        of_input = first(code) @ layer.decode_in.weight.T
        mixed = layer.interact.weight @ second(code)
        of_output = third(mixed) @ layer.decode_out.weight.T
        gates.append(
            torch.sigmoid(of_output[:, None] + of_input[None]).view(
                5, 2, 3, 3))
    expected = torch.cat([
        F.conv2d(image[None], layer.weight * gate, padding=1)
        for image, gate in zip(x, gates, strict=True)
    ])
    torch.testing.assert_close(layer(x), F.relu(layer.norm(expected)),
                               atol=1e-5, rtol=1e-5)
