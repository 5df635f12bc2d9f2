"""TarDAL: both kinds of statistics."""
import pytest
import torch

from mmfusion.models.fusers import TarDAL
from mmfusion.utils.checkpoint import load_fuser_weights
from tests.support.zoo import Golden, Published, ZooMenu


class TestTarDAL(ZooMenu):
    method, folder, kind = 'tardal', 'TarDAL', 'TarDAL'
    golden = (
        Golden('tardal++', 'tardal++.pt'),
        Golden('tardal, batch statistics', 'tardal.pt',
               dict(batch_statistics=True)),
    )
    published = (Published(('vif_36', ), 'tardal++.pt', 3, 0.16), )
    fills = (-0.0256763, 0.0422535, 0.0705843, 0.0283585, 0.0179361,
             -0.0186079, 0.0357442, 0.0875496)


@torch.no_grad()
def test_statistics_of_one_image():
    """As a network that was never switched to eval mode, image by image."""
    torch.manual_seed(0)
    fuser = TarDAL(channels=2, batch_statistics=True)
    plain = TarDAL(channels=2).train()
    plain.load_state_dict(fuser.state_dict())
    vis, ir = torch.rand(2, 3, 1, 16, 20)
    expected = torch.cat([
        plain.fuse_luma(*pair)
        for pair in zip(vis.split(1), ir.split(1), strict=True)
    ])
    before = {k: v.clone() for k, v in fuser.state_dict().items()}
    torch.testing.assert_close(fuser.eval().fuse_luma(vis, ir), expected)
    assert all(
        torch.equal(v, before[k]) for k, v in fuser.state_dict().items())
    # training has the whole batch's
    torch.testing.assert_close(fuser.train().fuse_luma(vis, ir),
                               plain.fuse_luma(vis, ir))
    assert fuser.eval()(torch.rand(1, 3, 1, 1),
                        torch.rand(1, 1, 1, 1)).fused.isfinite().all()


def test_files_of_other_statistics_are_refused(converter, tmp_path):
    """They are alike: the name tells, and the checkpoint keeps it."""
    table = converter.MAPPINGS['tardal'][0]
    theirs = table.revert(table.build().state_dict(), {})
    ours = str(tmp_path / 'ours.pth')
    for name, batch in (('tardal++.pt', False), ('tardal+.pt', False),
                        ('tardal.pt', True)):
        torch.save(theirs, tmp_path / name)
        converter.convert_file(str(tmp_path / name), ours, 'tardal')
        load_fuser_weights(TarDAL(batch_statistics=batch), ours)
        with pytest.raises(ValueError, match=f'batch_statistics={batch}'):
            load_fuser_weights(TarDAL(batch_statistics=not batch), ours)
