"""DenseFuse: both trainings, and the order of its dense maps."""
import pytest
import torch

from mmfusion.models.fusers import DenseFuse
from mmfusion.utils.checkpoint import load_fuser_weights
from tests.support.zoo import Golden, Published, ZooMenu, luma_of

_BUNDLE, _TORCH = 'DeseFuse.ckpt.index', 'densefuse_gray.model'


class TestDenseFuse(ZooMenu):
    method, folder, kind = 'densefuse', 'DenseFuse', 'DenseFuse'
    golden = (
        Golden('DenseFuse A', _BUNDLE, raw=luma_of(510), tolerance=5e-3),
        Golden('DenseFuse B', _TORCH,
               dict(rule='mean', new_first=False, last_act='relu'),
               luma_of(255), tolerance=3e-3),
    )
    published = (Published(('vif_175', ), _BUNDLE, mean=5e-4), )
    fills = (-0.021174, 0.016576, -0.000718, -0.0094, 0.038009, -0.028805,
             -0.037579, -0.025276)


def test_other_order_is_refused(converter, tmp_path):
    """Both trainings have tensors of the same names and shapes."""
    bundle, torch_file = converter.MAPPINGS['densefuse']
    state = torch_file.build().state_dict()
    files = [str(tmp_path / name) for name in ('theirs.model', 'ours.pth')]
    torch.save(torch_file.revert(state, {}), files[0])
    converter.convert_file(*files, 'densefuse')
    with pytest.raises(ValueError, match="rule='add'.*rule='mean'") as error:
        load_fuser_weights(DenseFuse(), files[1])
    assert '\n' not in str(error.value)
    load_fuser_weights(DenseFuse('mean', new_first=False, last_act='relu'),
                       files[1])


def test_colour_weights_are_refused(converter, tmp_path):
    state = converter.MAPPINGS['densefuse'][1].revert(
        converter.MAPPINGS['densefuse'][1].build().state_dict(), {})
    state['conv1.conv2d.weight'] = torch.zeros(16, 3, 3, 3)
    state['conv5.conv2d.weight'] = torch.zeros(3, 16, 3, 3)
    state['conv5.conv2d.bias'] = torch.zeros(3)
    torch.save(state, tmp_path / 'rgb.model')
    with pytest.raises(ValueError, match='three colour channels') as error:
        converter.convert_file(str(tmp_path / 'rgb.model'),
                               str(tmp_path / 'out.pth'), 'densefuse')
    assert '\n' not in str(error.value)
