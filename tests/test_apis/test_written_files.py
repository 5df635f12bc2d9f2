"""Which files fusing writes, and what it refuses to write over."""
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import Dataset

from mmfusion.apis import FusionInferencer, fuse
from mmfusion.apis.fusing import FuseOptions, fuse_into, refuse_overwriting
from mmfusion.apis.pairs import PairReader, inference_pipeline
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import is_ours
from tests.support import tiny_project

ROOT = Path(__file__).resolve().parents[2]
RULE = ROOT / 'configs/fusers/laplacian_pyramid.py'


@pytest.fixture
def pairs(tmp_path):
    tiny_project.write_pairs(tmp_path, 2)
    return tmp_path


@pytest.fixture(scope='module')
def infer():
    return FusionInferencer(RULE, device='cpu')


def contents(folder):
    return {
        path: path.read_bytes() for path in folder.rglob('*')
        if path.is_file()
    }


def of(folder, *names):
    return [str(folder / name) for name in names]


@pytest.mark.parametrize('key', ['out_dir', 'panel_dir'])
def test_two_pairs_of_one_name(infer, pairs, key):
    """Two results, and no file that stands for both."""
    (pairs / 'more').mkdir()
    shutil.copy(pairs / 'vis/001.png', pairs / 'more/000.png')
    vis = [*of(pairs, 'vis/000.png'), *of(pairs, 'more/000.png')]
    ir = of(pairs / 'ir', '000.png', '001.png')
    assert len(infer(vis, ir)) == 2
    with pytest.raises(UsageError, match='different names') as error:
        infer(vis, ir, **{key: pairs / 'out'})
    assert all(path in str(error.value) for path in vis)
    assert not (pairs / 'out').exists()


def test_a_label_map_named_as_another_pair(infer, pairs, monkeypatch):
    for kind in ('vis', 'ir'):
        shutil.copy(pairs / kind / '000.png', pairs / kind / '001_seg.png')
    folders = pairs / 'vis', pairs / 'ir'
    assert len(infer(*folders, out_dir=pairs / 'one')) == 3
    monkeypatch.setattr(infer.model.fuser, 'num_classes', 9, raising=False)
    with pytest.raises(UsageError, match=r'001_seg\.png twice'):
        infer(*folders, out_dir=pairs / 'two')


@pytest.mark.parametrize('key', ['out_dir', 'panel_dir'])
def test_sources(infer, pairs, key):
    (pairs / 'link').symlink_to('vis')
    before = contents(pairs)
    lists = [of(pairs / kind, '000.png', '001.png') for kind in ('vis', 'ir')]
    for images in ((pairs / 'vis', pairs / 'ir'), lists,
                   [files[0] for files in lists]):
        for out in ('vis', 'ir', 'link'):
            with pytest.raises(UsageError, match='which is the source'):
                infer(*images, **{key: pairs / out})
    assert contents(pairs) == before


def test_files_of_others(infer, pairs):
    out, images = pairs / 'out', (pairs / 'vis', pairs / 'ir')
    infer(*images, out_dir=out)
    infer(*images, out_dir=out)
    (out / '001.png').write_bytes(b'mine')
    with pytest.raises(UsageError, match=r'001\.png.*--overwrite'):
        infer(*images, out_dir=out)
    assert (out / '001.png').read_bytes() == b'mine'
    infer(*images, out_dir=out, overwrite=True)
    assert is_ours(out / '001.png')


def test_images_and_panels_in_one_folder(pairs):
    with pytest.raises(UsageError, match=r'000\.png twice'):
        fuse(RULE, vis=pairs / 'vis', ir=pairs / 'ir', out_dir=pairs / 'out',
             show_dir=pairs / 'out', device='cpu')
    assert not (pairs / 'out').exists()


def test_a_folder_of_images_of_another_suffix(pairs):
    """Nothing would be lost, but the next run would take them for pairs."""
    for path in [*(pairs / 'vis').iterdir()]:
        cv2.imwrite(str(path.with_suffix('.bmp')), cv2.imread(str(path)))
        path.unlink()
    with pytest.raises(UsageError, match='which is the source'):
        fuse(RULE, vis=pairs / 'vis', ir=pairs / 'ir', out_dir=pairs / 'vis',
             device='cpu')


@pytest.mark.parametrize('stem', ['x' * 251, 'ü' * 125, 'a.h5:b', '-rf *'])
def test_names_that_can_be_read_can_be_written(pairs, stem):
    for kind in ('vis', 'ir'):
        (pairs / kind / '000.png').rename(pairs / kind / f'{stem}.png')
    done = fuse(RULE, vis=pairs / 'vis', ir=pairs / 'ir',
                out_dir=pairs / 'out', show_dir=pairs / 'panels', eval=['EN'],
                device='cpu')
    assert not done.failures and set(done.samples) == {'001', stem}
    for folder in ('out', 'panels'):
        assert (pairs / folder / f'{stem}.png').is_file()


class Own(Dataset):
    """A data set whose names nobody has looked at."""

    def __init__(self, folder, stems):
        self.samples = [
            dict(stem=stem, vis_path=f'{folder}/vis/000.png',
                 ir_path=f'{folder}/ir/000.png',
                 modalities=dict(vis=(0, 3), ir=(3, 4))) for stem in stems
        ]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def test_names_that_lead_out_of_the_folder(infer, pairs):
    """The pair fails, the others are fused; nothing appears elsewhere."""
    out = pairs / 'deep/out'
    source = Own(pairs, ['../../vis/000', str(pairs / 'vis/001'), 'good'])
    reader = PairReader(source, inference_pipeline(Config(), native=True))
    before = contents(pairs)
    refuse_overwriting(reader, out, FuseOptions())
    written, failures = fuse_into(infer.model, reader, out)
    assert list(written) == ['good']
    assert [name for name, _ in failures
            ] == [sample['stem'] for sample in source.samples[:2]]
    assert all('expected a name below' in reason for _, reason in failures)
    after = contents(pairs)
    assert set(after) - set(before) == {out / 'good.png'}
    assert before.items() <= after.items()


def test_arrays_have_names_of_their_own(infer, tmp_path):
    image = np.zeros((16, 24), np.uint8)
    infer([image, image], [image, image], out_dir=tmp_path / 'out')
    assert len(contents(tmp_path / 'out')) == 2
