"""DIDFuse: published weights in two files, maps for its loss."""
import pytest
import torch

from mmfusion.models.fusers import DIDFuse
from tests.support.zoo import Golden, Published, ZooMenu


class TestDIDFuse(ZooMenu):
    method, folder, kind = 'didfuse', 'DIDFuse', 'DIDFuse'
    golden = (Golden('DIDFuse', ''), )
    published = (Published(('vif_36', ), ''), )
    fills = (0.597079, 0.0313522, 0.5586252, 0.5481813, 0.7022071, 0.6133596,
             0.5524964, 0.6082342)


def test_files_are_named(converter, tmp_path):
    """Swapped names, a missing file and a file in place of the folder."""
    table, = converter.MAPPINGS['didfuse']
    ours = tmp_path / 'ours.pth'
    torch.save(dict(state_dict=table.build().state_dict()), ours)
    theirs = tmp_path / 'theirs'
    converter.convert_file(str(ours), str(theirs), 'didfuse', reverse=True)
    encoder, decoder = (theirs / name for name in table.parts)
    assert list(torch.load(encoder, weights_only=True))[0] == 'weight'
    out = str(tmp_path / 'out.pth')
    encoder.rename(theirs / 'other')
    with pytest.raises(ValueError, match='without Encoder.pkl'):
        converter.convert_file(str(theirs), out, 'didfuse')
    decoder.rename(encoder)
    (theirs / 'other').rename(decoder)
    with pytest.raises(
            ValueError, match='Encoder.pkl holds what is published '
            'as Decoder.pkl'):
        converter.convert_file(str(theirs), out, 'didfuse')
    with pytest.raises(ValueError, match='got the file'):
        converter.convert_file(str(encoder), out, 'didfuse')


@torch.no_grad()
def test_autoencoder_gives_its_maps():
    fuser = DIDFuse(channels=4, autoencoder=True).train()
    images = torch.rand(3, 1, 1, 8, 9)
    aux = fuser.fuse_luma(*images)[1]
    for name, image in zip(('vis', 'ir', 'more.0'), images, strict=True):
        _, _, base, detail = fuser.encode(image)
        torch.testing.assert_close(aux[f'{name}_base'], base)
        torch.testing.assert_close(aux[f'{name}_detail'], detail)
