"""IFCNN: three rules, luminance and colour, two sources and more."""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer
from mmfusion.models.fusers import IFCNN
from mmfusion.utils.checkpoint import load_fuser_weights
from tests.support.zoo import Golden, Published, ZooMenu, differences


def luma_repeated(fuser, rgb, vis, ir):
    return fuser.fuse_rgb((vis, ir))


def colour(fuser, rgb, vis, ir):
    return fuser.fuse_rgb((rgb, ir))


class TestIFCNN(ZooMenu):
    method, folder, kind = 'ifcnn', 'IFCNN', 'IFCNN'
    golden = (
        Golden('IFCNN-MAX, luma repeated, ImageNet', 'IFCNN-MAX.pth',
               raw=luma_repeated),
        Golden('IFCNN-MAX, luma repeated, 0/1', 'IFCNN-MAX.pth',
               dict(normalize='none'), luma_repeated),
        Golden('IFCNN-MAX, RGB + i, ImageNet', 'IFCNN-MAX.pth', raw=colour),
        Golden('IFCNN-SUM, luma, ImageNet', 'IFCNN-SUM.pth', dict(rule='add'),
               luma_repeated),
        Golden('IFCNN-MEAN, luma, ImageNet', 'IFCNN-MEAN.pth',
               dict(rule='mean'), luma_repeated),
    )
    published = (
        Published(('vif_175', ), 'IFCNN-MAX.pth', mean=5e-4),
        Published(('ifcnn_c01', ), 'IFCNN-MAX.pth', mean=5e-4,
                  options=('recipe=grey', )),
    )
    fills = (0.609515, 0.072284, 0.624015, 0.54529, 0.667013, 0.642277,
             0.624526, 0.721783)

    def test_published_stack(self, converter, published_weights, oracle,
                             tmp_path):
        """Three colour images in one call."""
        folder = oracle / 'zoo/sequences/lytro3_01'
        weights = self.converted(converter, published_weights, 'IFCNN-MAX.pth',
                                 tmp_path)
        fuse = FusionInferencer('mmfusion::zoo/ifcnn.py', weights,
                                cfg_options=dict(recipe='colour'))
        fused = fuse([folder / f'{name}.jpg' for name in 'ABC'])['fused']
        expected = cv2.imread(str(oracle /
                                  'zoo/fused/IFCNN/lytro3_01.png'))[..., ::-1]
        worst, mean = differences(fused, expected, 0)
        assert worst <= 20 and mean <= 0.5, (worst, mean)


def test_files_of_other_rules_are_refused(converter, tmp_path):
    """They are alike: the name tells, and the checkpoint keeps it."""
    table = converter.MAPPINGS['ifcnn'][0]
    theirs = table.revert(table.build().state_dict(), {})
    assert len(theirs) == 13
    ours = str(tmp_path / 'ours.pth')
    for name, rule in (('IFCNN-MEAN', 'mean'), ('IFCNN-SUM', 'add')):
        torch.save(theirs, tmp_path / f'{name}.pth')
        converter.convert_file(str(tmp_path / f'{name}.pth'), ours, 'ifcnn')
        load_fuser_weights(IFCNN(rule), ours)
        with pytest.raises(ValueError, match=f"rule='max'.*rule='{rule}'"):
            load_fuser_weights(IFCNN('max'), ours)
    torch.save(theirs, tmp_path / 'renamed.pth')
    converter.convert_file(str(tmp_path / 'renamed.pth'), ours, 'ifcnn')
    load_fuser_weights(IFCNN('max'), ours)


def test_stem_is_frozen():
    frozen = [
        name for name, value in IFCNN().named_parameters()
        if not value.requires_grad
    ]
    assert frozen == ['stem.conv.weight']


@torch.no_grad()
def test_order_of_sources_does_not_matter():
    fuser = IFCNN(colour=True).eval()
    images = torch.rand(3, 1, 3, 16, 16)
    fused = fuser(*images).fused
    torch.testing.assert_close(fuser(*images.flip(0)).fused, fused)
    assert (fuser(*images[:2]).fused - fused).abs().max() > 1e-4


@pytest.mark.parametrize('recipe, shape', [('colour', (40, 48, 3)),
                                           ('exposure', (40, 48, 3)),
                                           ('sum', (40, 48, 3))])
def test_recipes_take_stacks(recipe, shape):
    rng = np.random.default_rng(0)
    stack = list(rng.integers(0, 256, (4, *shape), dtype=np.uint8))
    fuse = FusionInferencer('mmfusion::zoo/ifcnn.py',
                            cfg_options=dict(recipe=recipe))
    fused = fuse(stack)['fused']
    assert fused.shape == shape and np.ptp(fused) > 0
