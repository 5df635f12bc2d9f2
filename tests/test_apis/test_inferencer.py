"""Files, arrays, lists and folders give the same fused images."""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer
from mmfusion.apis.model_loading import init_model
from mmfusion.registry import INFERENCERS, MODELS
from tests.support import image_files, tiny_project


def identity(modality='vis'):
    """A model whose fused image is one of its inputs."""
    return MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='SelectModality',
                                           modality=modality)))


def read(path, flags=cv2.IMREAD_UNCHANGED):
    return cv2.imread(str(path), flags)


@pytest.fixture
def root(tmp_path):
    tiny_project.write_pairs(tmp_path)
    return tmp_path


def paths(root, index=0):
    return root / 'vis' / f'{index:03d}.png', root / 'ir' / f'{index:03d}.png'


def test_fused_images_are_rgb(root):
    vis, ir = paths(root)
    result = FusionInferencer(identity())(vis, ir)
    assert result['name'] == '000'
    assert result['fused'].dtype == np.uint8
    np.testing.assert_array_equal(result['fused'], read(vis)[..., ::-1])
    assert 'pred_sem_seg' not in result


def test_infrared(root):
    vis, ir = paths(root)
    result = FusionInferencer(identity('ir'))(str(vis), str(ir))
    np.testing.assert_array_equal(result['fused'],
                                  np.repeat(read(ir)[..., None], 3, 2))


def test_arrays_are_rgb(root):
    vis, ir = map(read, paths(root))
    result = FusionInferencer(identity())(vis[..., ::-1], ir)
    np.testing.assert_array_equal(result['fused'], vis[..., ::-1])
    assert result['name'] == 'pair_00000'


def test_lists_and_folders(root):
    fuse = FusionInferencer(identity())
    files = [paths(root, index) for index in range(3)]
    single = [fuse(*pair) for pair in files]
    listed = fuse([vis for vis, _ in files], [ir for _, ir in files])
    folder = fuse(root / 'vis', root / 'ir')
    for results in (listed, folder):
        assert [r['name'] for r in results] == ['000', '001', '002']
        for ours, theirs in zip(results, single, strict=True):
            np.testing.assert_allclose(ours['fused'], theirs['fused'], atol=1)


def test_batches_of_mixed_sizes(root):
    vis, ir = (np.ascontiguousarray(read(path)) for path in paths(root))
    pairs = [(vis, ir), (vis[:24], ir[:24]), (vis[:24], ir[:24]), (vis, ir)]
    fuse = FusionInferencer(identity())
    results = fuse(*map(list, zip(*pairs, strict=True)), batch_size=3)
    assert [len(r['fused']) for r in results] == [40, 24, 24, 40]
    for (image, _), result in zip(pairs, results, strict=True):
        np.testing.assert_array_equal(result['fused'], image)


def test_batches_equal_single_pairs(tmp_path):
    configs = tiny_project.make_project(tmp_path)
    torch.manual_seed(0)
    fuse = FusionInferencer(init_model(configs / 'stage1.py', optimize=False))
    data = tmp_path / 'data'
    one = fuse(data / 'vis', data / 'ir')
    two = fuse(data / 'vis', data / 'ir', batch_size=2)
    for ours, theirs in zip(one, two, strict=True):
        difference = ours['fused'].astype(int) - theirs['fused']
        assert abs(difference).max() <= 1


def test_segmentation_at_the_native_size(tmp_path):
    configs = tiny_project.make_project(tmp_path)
    fuse = FusionInferencer(configs / 'stage2.py', device='cpu')
    vis, ir = paths(tmp_path / 'data')
    out, panels = tmp_path / 'out', tmp_path / 'panels'
    result = fuse(vis, ir, out_dir=out, panel_dir=panels)
    assert result['pred_sem_seg'].shape == tiny_project.SIZE
    assert result['pred_sem_seg'].dtype == np.uint8
    np.testing.assert_array_equal(read(out / '000_seg.png'),
                                  result['pred_sem_seg'])
    np.testing.assert_array_equal(
        read(out / '000.png')[..., ::-1], result['fused'])
    # visible, infrared, fused, prediction
    assert read(panels / '000.png').shape[1] > 4 * tiny_project.SIZE[1]


@pytest.mark.parametrize('channels', [3, 4])
def test_colours_of_arrays_keep_their_order(channels):
    colour = np.zeros((16, 16, channels), np.uint8)
    colour[:] = (200, 10, 30, 19)[:channels]
    grey = np.full((16, 16, 2), 90, np.uint8)
    fused = FusionInferencer(identity())(colour, grey)['fused']
    np.testing.assert_array_equal(fused, colour[..., :3])
    fused = FusionInferencer(identity('ir'))(colour, grey)['fused']
    assert (fused == 90).all()


def test_a_pair_in_one_file(tmp_path):
    stack = np.random.default_rng(0).integers(0, 256, (16, 20, 4), np.uint8)
    stack[0, 0, 3] = 0
    path = tmp_path / 'pair.tif'
    path.write_bytes(image_files.tiff(stack, colour=True, extra=(2, )))
    np.testing.assert_array_equal(
        FusionInferencer(identity())(path, path)['fused'], stack[..., :3])
    np.testing.assert_array_equal(
        FusionInferencer(identity('ir'))(path, path)['fused'],
        np.repeat(stack[..., 3:], 3, 2))


def test_what_is_missing(root):
    fuse = FusionInferencer(identity())
    vis, ir = paths(root)
    for pair in ((vis, 'nowhere'), ('nowhere', ir), (root / 'vis', 'nowhere'),
                 ('nowhere', root / 'ir'), ('nowhere', 'nowhere')):
        with pytest.raises(FileNotFoundError, match='nowhere'):
            fuse(*pair)
    with pytest.raises(FileNotFoundError, match='001: .*nowhere'):
        fuse([vis, root / 'vis' / '001.png'], [ir, 'nowhere'], num_workers=1)


def test_names_of_all_kinds(tmp_path):
    image_files.write_named_pairs(tmp_path)
    fuse = FusionInferencer(identity())
    found = fuse(tmp_path / 'vis', tmp_path / 'ir', out_dir=tmp_path / 'out',
                 panel_dir=tmp_path / 'panels')
    names = set(image_files.NAMES.values())
    assert {result['name'] for result in found} == names
    for folder in ('out', 'panels'):
        assert {path.stem for path in (tmp_path / folder).iterdir()} == names


def test_deep_infrared(root):
    vis, _ = paths(root)
    ir = np.full(tiny_project.SIZE, 257 * 100, np.uint16)
    result = FusionInferencer(identity('ir'))(read(vis), ir)
    assert (result['fused'] == 100).all()


def test_save_mode(root, tmp_path):
    vis, ir = paths(root)
    dark = (read(vis) // 4)[..., ::-1]
    result = FusionInferencer(identity())(dark, read(ir), save_mode='minmax')
    assert result['fused'].max() == 255
    with pytest.raises(ValueError, match='round'):
        FusionInferencer(identity())(vis, ir, save_mode='best')


def test_test_pipeline_is_used_unless_native(tmp_path):
    configs = tiny_project.make_project(tmp_path)
    (configs / 'resized.py').write_text(
        '_base_ = "./stage2.py"\n'
        'test_dataloader = dict(dataset=dict(pipeline=[\n'
        '    _base_.load[0], dict(type="Resize", scale=(112, 80)),\n'
        '    _base_.load[1], *_base_.pack]))\n')
    for native, size in ((False, (80, 112)), (True, (40, 56))):
        fuse = FusionInferencer(configs / 'resized.py', device='cpu',
                                native=native)
        data = fuse.preprocess(*paths(tmp_path / 'data'))
        assert tuple(data['inputs'][0].shape) == (4, *size)
        assert 'gt_sem_seg' not in data['data_samples'][0]


def test_progress(root, capsys):
    FusionInferencer(identity())(root / 'vis', root / 'ir', progress=True)
    assert '3/3' in capsys.readouterr().err


def test_registered():
    assert INFERENCERS.get('FusionInferencer') is FusionInferencer


def test_bad_input(root):
    fuse = FusionInferencer(identity())
    vis, ir = paths(root)
    with pytest.raises(ValueError, match='got a list and a single'):
        fuse([vis], ir)
    with pytest.raises(ValueError, match='got 2 and 1'):
        fuse([vis, vis], [ir])
    with pytest.raises(ValueError, match='got a folder and something'):
        fuse(root / 'vis', ir)
    (root / 'empty.png').touch()
    with pytest.raises(ValueError, match='000: .*empty.png'):
        fuse(vis, root / 'empty.png')
    with pytest.raises(FileNotFoundError, match='nowhere.py'):
        FusionInferencer('nowhere.py')
