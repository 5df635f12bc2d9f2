"""SeAFusion: gradients by kernels that are trained."""
import torch

from mmfusion.models.fusers import SeAFusion
from mmfusion.models.layers import sobel
from tests.support.zoo import Golden, Published, ZooMenu

FILE = 'SeAFusion.pth'


class TestSeAFusion(ZooMenu):
    method, folder, kind = 'seafusion', 'SeAFusion', 'SeAFusion'
    golden = (Golden('SeAFusion', FILE), )
    published = (Published(('vif_36', 'vif_175'), FILE, mean=2e-4), )
    fills = (0.6452956, 0.0398368, 0.5698229, 0.6093538, 0.6552073, 0.6262062,
             0.6659255, 0.5431449)


def test_kernels_start_as_sobel():
    """And learn; the norms that the authors never call are not there."""
    fuser = SeAFusion()
    assert sum(p.numel() for p in fuser.parameters()) == 166657
    block = fuser.ir_encoder[1]
    image = torch.rand(1, 16, 9, 11)
    for layer, expected in zip((block.sobel_x, block.sobel_y), sobel(image),
                               strict=True):
        torch.testing.assert_close(layer(image).abs(), expected.abs())
    fuser(torch.rand(1, 3, 9, 11), torch.rand(1, 1, 9,
                                              11)).luma.sum().backward()
    assert block.sobel_x.weight.grad.abs().sum() > 0
