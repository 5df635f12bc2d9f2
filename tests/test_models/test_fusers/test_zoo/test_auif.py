"""AUIF: published weights in three files, and its fixed filters."""
import torch
import torch.nn.functional as F

from mmfusion.models.fusers.zoo import auif
from tests.support.zoo import Golden, Published, ZooMenu


def logits(fuser, rgb, vis, ir):
    base, detail = fuser.join([fuser.encode(image) for image in (vis, ir)])
    return fuser.out[:2](base + detail)


class TestAUIF(ZooMenu):
    method, folder, kind = 'auif', 'AUIF', 'AUIF'
    golden = (Golden('AUIF', '', tolerance=2e-5), )
    published = (Published(('tno_5', ), '', mean=2e-4), )
    fills = (447.62027, 2076.5564, -1994.3351, -79.255844, -3533.9343,
             419.31497, 870.93311, -278.75479)
    fills_raw = staticmethod(logits)


def test_fixed_filters():
    """Against kernels written out."""
    image = torch.rand(2, 1, 20, 23, dtype=torch.float64)

    def convolved(kernel):
        border = kernel.shape[-1] // 2
        padded = F.pad(image, (border, ) * 4, mode='reflect')
        return F.conv2d(padded, kernel[None, None])

    laplacian = torch.ones(19, 19).double()
    laplacian[9, 9] = 1 - 361
    torch.testing.assert_close(auif._laplacian(image, 19),
                               convolved(laplacian / laplacian.abs().sum()))
    torch.testing.assert_close(
        auif._box_mean(image, 11),
        convolved(torch.full((11, 11), 1 / 121).double()), atol=1e-7, rtol=0)


@torch.no_grad()
def test_step_applies_the_transposed_kernel():
    """K' K x, both with mirrored borders, pixel by pixel."""
    torch.manual_seed(0)
    step = auif._Step(2).double().eval()
    x, image = torch.rand(2, 1, 1, 5, 6).double()
    padded = F.pad(x, (1, ) * 4, mode='reflect')[0, 0]
    maps = torch.stack([
        sum(kernel[0, a, b] * padded[a:a + 5, b:b + 6] for a in range(3)
            for b in range(3)) for kernel in step.kernel
    ])
    padded = F.pad(maps[None], (1, ) * 4, mode='reflect')[0]
    slope = sum(step.kernel[c, 0, 2 - a, 2 - b] * padded[c, a:a + 5, b:b + 6]
                for c in range(2) for a in range(3) for b in range(3))
    slope = slope / (1 + 1e-5)**0.5
    slope = torch.where(slope > 0, slope, 0.25 * slope)
    expected = x - step.eta * (slope - step.theta * (image - x))
    torch.testing.assert_close(step(x, image), expected)
