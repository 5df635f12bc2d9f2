"""A memory limit changes how pairs are fused, not what they become."""
import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from mmfusion.apis import FusionInferencer, fuse
from mmfusion.apis.model_loading import init_model
from mmfusion.apis.tiles import TiledFusion
from mmfusion.deployment import export_model
from mmfusion.fileio import PairReading, read_image
from mmfusion.utils.errors import UsageError
from tests.support.tile_cases import Tiled, arrays, opened, whole, worst, wrap

SIZE = 190, 230


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return wrap(dict(type='MMDRFuseTeacher', channels=(8, 8)))


def close(one, two):
    assert one.shape == two.shape
    assert abs(one.astype(int) - two).max() <= 1


@pytest.fixture
def folders(tmp_path):
    """Two pairs, the second of 16-bit infrared."""
    for index, depth in enumerate((np.uint8, np.uint16)):
        vis, ir = arrays(SIZE, index)
        ir = ir.astype(depth) * (1 if index == 0 else 100) + 3 * index
        for kind, image in dict(vis=vis, ir=ir).items():
            (tmp_path / kind).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / kind / f'{index}.png'), image)
    return tmp_path / 'vis', tmp_path / 'ir'


@pytest.fixture
def tiled(monkeypatch):
    """How often tiles ran, whatever the memory that a probe finds."""
    runs = []
    monkeypatch.setattr(TiledFusion, '_measured', lambda *args: 400.)
    original = TiledFusion._run

    def run(self, pair, rows, columns):
        runs.append((rows, columns))
        return original(self, pair, rows, columns)

    monkeypatch.setattr(TiledFusion, '_run', run)
    return runs


def test_arrays_and_files(model, folders, tiled, tmp_path):
    vis, ir = folders
    # each read by what its numbers say; 3 to 25503 fills no 16 bits
    loading = dict(uint16_range=(0, 26000))
    plain = FusionInferencer(model, loading=loading)(vis, ir)
    assert not tiled
    infer = FusionInferencer(model, max_memory='8MB', loading=loading)
    got = infer(vis, ir, out_dir=tmp_path / 'out')
    assert len(tiled) >= 2 * 4
    for one, two in zip(plain, got, strict=True):
        close(one['fused'], two['fused'])
        saved = read_image(str(tmp_path / 'out' / f'{two["name"]}.png'))
        np.testing.assert_array_equal(saved[..., ::-1], two['fused'])
    tiled.clear()
    infer(vis, ir, max_memory='1GB')
    assert not tiled


def test_fuse_writes_strips(folders, tiled, tmp_path):
    vis, ir = folders
    cfg = 'mmfusion::fusers/laplacian_pyramid.py'
    for name, options in dict(plain={}, tiles=dict(max_memory='11MB'),
                              grey=dict(max_memory='11MB', grey=True)).items():
        tiled.clear()
        done = fuse(cfg, vis=vis, ir=ir, out_dir=tmp_path / name, eval=['EN'],
                    device='cpu', loading=dict(uint16_range='minmax'),
                    **options)
        assert done.failures == [] and list(done.samples) == ['0', '1']
        assert bool(tiled) == bool(options)
    for index in range(2):
        plain, tiles, grey = (read_image(str(tmp_path / name / f'{index}.png'))
                              for name in ('plain', 'tiles', 'grey'))
        close(plain, tiles)
        assert grey.shape == SIZE


def test_pairs_that_fit_are_decoded_once(folders, tiled, tmp_path,
                                         monkeypatch):
    vis, ir = folders
    decoded, decode = [], PairReading.open
    monkeypatch.setattr(
        PairReading, 'open',
        lambda self, *args: decoded.append(self) or decode(self, *args))
    fuse('mmfusion::fusers/laplacian_pyramid.py', vis=vis, ir=ir,
         out_dir=tmp_path, device='cpu', max_memory='1GB')
    assert len(decoded) == 2 and not tiled


def test_pipelines_that_change_sizes(model, tiled):
    steps = [
        dict(type='LoadFusionPair'),
        dict(type='Resize', scale=(64, 64)),
        dict(type='PackFusionInputs')
    ]
    tiles = TiledFusion(model, Compose(steps), '8MB')
    with pytest.raises(UsageError,
                       match=r'leaves the size.*got \(64, 64\) of'):
        tiles.image(opened(tiles, *arrays(SIZE)))


def test_what_a_pixel_takes_is_measured(model):
    vis, ir = arrays(SIZE)
    tiles = Tiled(model, 0)
    cost = tiles._cost(opened(tiles, vis, ir))
    # at least the inputs, the luminance and some maps; no model of 8
    # channels takes a hundred of them
    assert 64 <= cost < 100 * 8 * 4


def test_limits_that_cannot_be_kept(model, tiled):
    vis, ir = arrays(SIZE)
    infer = FusionInferencer(model, max_memory='1MB')
    with pytest.raises(
            UsageError, match=r'max_memory of at least [\d.]+MB '
            r'for 230x190 and tiles of \d+x\d+, got 1MB'):
        infer(vis, ir)
    whole_only = FusionInferencer(
        wrap(
            dict(type='TransFuser6', stem_channels=4, channels=(4, ) * 4,
                 heads=(1, ) * 4)), max_memory='8MB')
    with pytest.raises(
            UsageError, match='TransFuser6 looks at the whole '
            r'image.*at least [\d.]+MB for 230x190.*large_images'):
        whole_only(vis, ir)
    stretched = FusionInferencer(wrap(model.fuser, output_norm='minmax'),
                                 max_memory='8MB')
    with pytest.raises(UsageError, match="output_norm='minmax'"):
        stretched(vis, ir)
    infer = FusionInferencer(model, max_memory='8MB')
    with pytest.raises(UsageError, match='save mode of round or trunc'):
        infer(vis, ir, save_mode='minmax')
    with pytest.raises(UsageError, match='panel_dir or max_memory'):
        infer(vis, ir, panel_dir='panels')
    with pytest.raises(UsageError, match='show_dir or max_memory'):
        fuse('mmfusion::fusers/laplacian_pyramid.py', show_dir='panels',
             max_memory='1GB')
    for wrong in ('', 'two', '0GB', '-1', 'GB', '2 TB of'):
        with pytest.raises(UsageError, match='memory such as 2GB'):
            TiledFusion(model, infer.pipeline, wrong)


def test_other_sizes_are_resized_first(model, tiled, tmp_path):
    vis, ir = arrays(SIZE)
    loading = dict(on_size_mismatch='resize_ir')
    small = cv2.resize(ir, (115, 95))
    pair = [vis[..., ::-1], small]
    cfg = 'mmfusion::fusers/laplacian_pyramid.py'
    plain = FusionInferencer(cfg, device='cpu', loading=loading)(*pair)
    got = FusionInferencer(cfg, device='cpu', loading=loading,
                           max_memory='11MB')(*pair)
    close(plain['fused'], got['fused'])
    assert tiled


@pytest.mark.parametrize('shape', [None, (66, 70)])
def test_exported_models(model, tmp_path, shape):
    """Of variable size, and of one that is smaller than the image."""
    options = dict(dynamic=True) if shape is None else dict(shape=shape)
    file = tmp_path / 'teacher.ts'
    export_model(model, file, format='torchscript', verify=False, **options)
    session = init_model(file)
    vis, ir = arrays((166, 170))
    tiles = Tiled(session, 100 * 100)
    assert tiles.tiling.fixed == (shape and list(shape))
    if shape is None:
        assert worst(session, tiles, vis, ir) <= 1
        return
    image = tiles.image(opened(tiles, vis, ir))
    assert abs(image - whole(model, vis, ir).clip(0, 255)).max() <= 1
