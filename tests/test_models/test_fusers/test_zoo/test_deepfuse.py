"""DeepFuse: kernels of Theano, an output without a range of its own."""
import torch

from mmfusion.models.fusers import DeepFuse
from tests.support.zoo import Golden, Published, ZooMenu

FILE = 'DF_model_Epoch99.npz'
#: lowest and highest raw value of the whole published image
LIMITS = (-469394.5, 542718976)


def raw(fuser, rgb, vis, ir):
    return fuser.fuse_luma(vis, ir)[1]['raw'] / 1e8


class TestDeepFuse(ZooMenu):
    method, folder, kind = 'deepfuse', 'DeepFuse', 'DeepFuse'
    golden = (Golden('DeepFuse', FILE, raw=raw), )
    published = (Published(
        ('forth4', ), FILE, mean=5e-4, edge=16,
        options=(f'model.fuser.limits={LIMITS}', 'model.output_norm=clamp',
                 'model.output_colour=grey')), )
    fills = (0.204821, 0.216483, 0.004597, 0.004335, 0.442884, 0.14524,
             0.095061, 0.418697)

    @staticmethod
    def link(name, kind, folder, oracle):
        """The planes of the published pair."""
        source = oracle / 'zoo/sequences' / f'deepfuse_{name}'
        side = dict(vi='under', ir='over')[kind]
        (folder / f'{name}.png').symlink_to(source / f'{side}.png')


def test_each_image_is_stretched():
    fused, aux = DeepFuse().eval().fuse_luma(*torch.rand(2, 2, 1, 24, 24))
    low, high = fused.amin((1, 2, 3)), fused.amax((1, 2, 3))
    torch.testing.assert_close(low, torch.zeros(2))
    torch.testing.assert_close(high, torch.ones(2))
    assert aux['raw'].shape == fused.shape
