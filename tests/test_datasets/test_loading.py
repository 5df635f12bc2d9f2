"""LoadFusionPair: channels, depth, sizes, arrays and damaged files."""
import multiprocessing
import pickle
import warnings

import cv2
import numpy as np
import pytest

from mmfusion.datasets.transforms import LoadFusionPair, PackFusionInputs
from tests.support.image_files import tiff

RNG = np.random.default_rng(0)
VIS = RNG.integers(0, 256, (24, 32, 3), np.uint8)
IR = RNG.integers(0, 256, (24, 32), np.uint8)


@pytest.fixture
def pair(tmp_path):

    def write(vis=VIS, ir=IR, vis_name='v.png', ir_name='i.png'):
        paths = dict(vis_path=str(tmp_path / vis_name),
                     ir_path=str(tmp_path / ir_name))
        assert cv2.imwrite(paths['vis_path'], vis)
        assert cv2.imwrite(paths['ir_path'], ir)
        return paths

    return write


def test_stack_and_meta(pair):
    paths = pair()
    out = LoadFusionPair()(dict(paths))
    assert out['img'].dtype == np.uint8 and out['img'].shape == (24, 32, 4)
    np.testing.assert_array_equal(out['img'][..., :3], VIS)
    np.testing.assert_array_equal(out['img'][..., 3], IR)
    assert out['ori_shape'] == out['img_shape'] == (24, 32)
    assert out['modalities'] == {'vis': (0, 3), 'ir': (3, 4)}
    assert out['img_path'] == paths['vis_path']


@pytest.mark.parametrize('suffix', ['bmp', 'tif', 'webp', 'jpg'])
def test_formats(pair, suffix):
    out = LoadFusionPair()(pair(vis_name=f'v.{suffix}', ir_name=f'i.{suffix}'))
    assert out['img'].shape == (24, 32, 4) and out['img'].dtype == np.uint8


def test_grey_visible_is_repeated(pair):
    img = LoadFusionPair()(pair(vis=IR))['img']
    for channel in range(3):
        np.testing.assert_array_equal(img[..., channel], IR)


def test_equal_channels_reduce_exactly(pair):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    img = LoadFusionPair()(pair(vis=np.dstack([ramp] * 3),
                                ir=np.dstack([ramp] * 3)))['img']
    np.testing.assert_array_equal(img[..., 3], ramp)


def test_false_colour_reduces_by_bt601(pair):
    img = LoadFusionPair()(pair(ir=VIS))['img']
    blue, green, red = VIS.astype(np.float64).transpose(2, 0, 1)
    expected = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(img[..., 3] - expected).max() <= 0.51


@pytest.mark.parametrize('which', ['vis', 'ir'])
def test_transparency_is_dropped(pair, which):
    alpha = np.full((24, 32, 1), 7, np.uint8)
    colour = np.concatenate([VIS, alpha], 2)
    plain = LoadFusionPair()(pair(**{which: VIS}))['img']
    clear = LoadFusionPair()(pair(**{which: colour}))['img']
    np.testing.assert_array_equal(clear, plain)


def test_raw_four_channel_file(pair):
    paths = pair(vis=np.dstack([VIS, IR]))
    out = LoadFusionPair()(dict(vis_path=paths['vis_path'],
                                ir_path=paths['vis_path']))
    np.testing.assert_array_equal(out['img'], np.dstack([VIS, IR]))


# -------------------------------------------------------------------- depth
DEEP = (1000 + 10 * np.arange(24 * 32)).reshape(24, 32).astype(np.uint16)


@pytest.mark.parametrize('value_range, expected', [
    ('full', DEEP / 257),
    ('minmax', (DEEP - 1000.0) / 7670 * 255),
    ((2000, 4000), np.clip((DEEP - 2000.0) / 2000, 0, 1) * 255),
])
def test_deep_infrared(pair, value_range, expected):
    img = LoadFusionPair(uint16_range=value_range)(pair(ir=DEEP))['img']
    assert img.dtype == np.float32
    np.testing.assert_allclose(img[..., 3], expected, atol=1e-3)
    np.testing.assert_array_equal(img[..., :3], VIS)


def test_deep_visible_uses_the_full_range(pair):
    deep = VIS.astype(np.uint16) * 257
    img = LoadFusionPair(uint16_range='minmax')(pair(vis=deep))['img']
    np.testing.assert_allclose(img[..., :3], VIS, atol=1e-3)
    np.testing.assert_array_equal(img[..., 3], IR)


def test_constant_deep_infrared_is_finite(pair):
    flat = np.full((24, 32), 5000, np.uint16)
    img = LoadFusionPair(uint16_range='minmax')(pair(ir=flat))['img']
    assert np.isfinite(img).all() and img[..., 3].max() == 0


def test_radiometric_float_file_needs_a_range(pair):
    celsius = np.linspace(-5, 40, 24 * 32, dtype=np.float32).reshape(24, 32)
    paths = pair(ir=celsius, ir_name='i.tiff')
    with pytest.raises(ValueError, match='uint16_range'):
        LoadFusionPair()(dict(paths))
    img = LoadFusionPair(uint16_range=(-5, 40))(dict(paths))['img']
    np.testing.assert_allclose(img[..., 3], (celsius + 5) / 45 * 255,
                               atol=1e-3)


@pytest.mark.parametrize('kind', ['i1', 'i2', 'i4', 'u4', 'i8', 'f8'])
@pytest.mark.parametrize('name', ['vis', 'ir'])
def test_other_numbers_need_a_range(tmp_path, kind, name):
    """One rule for files and arrays, grey and in colour."""
    counts = (np.arange(24 * 32) % 100).reshape(24, 32).astype(kind)
    if name == 'vis':
        counts = np.dstack([counts] * 3)
    (tmp_path / 'x.tif').write_bytes(tiff(counts, colour=name == 'vis'))
    images = dict(vis=VIS, ir=IR)
    array = {**images, name: counts}
    del images[name]
    file = {**images, f'{name}_path': str(tmp_path / 'x.tif')}
    for sample in (array, file):
        with pytest.raises(ValueError, match='uint16_range.*low') as error:
            LoadFusionPair()(dict(sample))
        assert kind == 'f8' or counts.dtype.name in str(error.value)
        found = LoadFusionPair(uint16_range=(0, 100))(dict(sample))['img']
        spans = found[..., :3] if name == 'vis' else found[..., 3]
        np.testing.assert_allclose(spans, counts * 2.55, rtol=1e-5)


def test_deep_pair_in_one_file(tmp_path):
    deep = np.dstack([VIS, IR]).astype(np.uint16) * 257
    (tmp_path / 'x.tif').write_bytes(
        tiff(deep[..., [2, 1, 0, 3]], colour=True, extra=(2, )))
    path = str(tmp_path / 'x.tif')
    img = LoadFusionPair()(dict(vis_path=path, ir_path=path))['img']
    np.testing.assert_allclose(img, np.dstack([VIS, IR]), atol=1e-3)


# -------------------------------------------------------------------- sizes
def test_size_mismatch_is_an_error_by_default(pair):
    paths = pair(ir=IR[:12, :16])
    with pytest.raises(ValueError) as error:
        LoadFusionPair()(dict(paths))
    text = str(error.value)
    for part in (paths['vis_path'], paths['ir_path'], '32x24', '16x12',
                 'Register', 'resize_ir'):
        assert part in text


@pytest.mark.parametrize('mode, shape', [('resize_ir', (24, 32)),
                                         ('resize_vis', (12, 16))])
def test_resize_on_mismatch(pair, mode, shape):
    flat = np.full((12, 16), 90, np.uint8)
    out = LoadFusionPair(on_size_mismatch=mode)(pair(ir=flat))
    assert out['img'].shape == (*shape, 4)
    assert out['ori_shape'] == shape
    assert (out['img'][..., 3] == 90).all()


def test_resize_makes_all_sizes_equal():
    sizes = dict(vis=(8, 8), ir=(4, 4), teacher=(6, 6))
    arrays = {name: np.zeros(size, np.uint8) for name, size in sizes.items()}
    layout = dict(vis=(0, 3), ir=(3, 4), teacher=(4, 7))
    with pytest.raises(ValueError, match='8x8.*4x4.*6x6'):
        LoadFusionPair('resize_ir')(dict(arrays, modalities=layout))
    arrays['teacher'] = arrays['vis']
    out = LoadFusionPair('resize_ir')(dict(arrays, modalities=layout))
    assert out['img'].shape == (8, 8, 7)


def test_the_size_that_annotations_state(pair):
    paths = pair(ir=IR[:12, :16])
    stated = dict(paths, height=24, width=32)
    assert LoadFusionPair('resize_ir')(dict(stated))['img'].shape[:2] == (24,
                                                                          32)
    with pytest.raises(ValueError, match='32x24.*got 16x12') as error:
        LoadFusionPair('resize_vis')(dict(stated))
    assert paths['vis_path'] in str(error.value)
    # an image that its EXIF data turn by a quarter
    with pytest.raises(ValueError, match='24x32.*got 32x24'):
        LoadFusionPair()(dict(pair(), height=32, width=24))


# ------------------------------------------------------------------- arrays
@pytest.mark.parametrize('vis, ir', [
    (VIS, IR),
    (VIS, IR[..., None]),
    (VIS, np.dstack([IR] * 3)),
    (VIS / 255.0, (IR / 255.0).astype(np.float32)),
    (VIS, IR.astype(np.uint16) * 257),
    (np.dstack([VIS, IR]), np.dstack([IR, VIS[..., 0]])),
    (VIS, np.dstack([IR, IR, IR, VIS[..., 0]])),
])
def test_arrays(vis, ir):
    out = LoadFusionPair()(dict(vis=vis, ir=ir))
    expected = np.dstack([VIS, IR])
    np.testing.assert_allclose(out['img'], expected, atol=1e-3)
    assert out['img_path'] is None


def test_transparency_says_nothing_of_the_range():
    grey = np.linspace(7000, 9000, 24 * 32).reshape(24, 32)
    opaque = np.full_like(grey, 65535)
    for dtype in (np.uint16, np.float32, np.int32):
        image = np.dstack([grey, opaque]).astype(dtype)
        img = LoadFusionPair(uint16_range='minmax')(dict(vis=VIS, ir=image))
        assert img['img'][..., 3].max() == 255


def test_array_beside_path(pair):
    paths = pair()
    out = LoadFusionPair()(dict(vis_path=paths['vis_path'], ir=IR))
    np.testing.assert_array_equal(out['img'], np.dstack([VIS, IR]))


def test_input_arrays_stay_untouched():
    vis, ir = VIS.copy(), IR.copy()
    LoadFusionPair()(dict(vis=vis, ir=ir))['img'][:] = 0
    np.testing.assert_array_equal(vis, VIS)
    np.testing.assert_array_equal(ir, IR)


@pytest.mark.parametrize('vis, error', [
    (VIS.astype(np.int64), ValueError),
    (VIS > 9, TypeError),
    (VIS.tolist(), TypeError),
    (np.dstack([VIS, IR, IR]), ValueError),
    (VIS[:0], ValueError),
    (VIS.astype(np.float32), ValueError),
    (VIS / 255.0 - 0.1, ValueError),
    (np.full((24, 32, 3), np.nan), ValueError),
    (VIS[:12], ValueError),
])
def test_bad_arrays(vis, error):
    with pytest.raises(error, match='[Ee]xpected|empty'):
        LoadFusionPair()(dict(vis=vis, ir=IR))


def test_nothing_to_load():
    with pytest.raises(ValueError, match='ir_path'):
        LoadFusionPair()(dict(vis=VIS))


# ------------------------------------------------------------ damaged files
@pytest.mark.parametrize('name', ['i.png', 'i.jpg', 'i.bmp', 'i.tif'])
@pytest.mark.parametrize('damage', ['truncated', 'empty', 'text'])
def test_damaged_file(pair, tmp_path, name, damage):
    paths = pair(ir_name=name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes({
        'truncated': content[:len(content) // 2],
        'empty': b'',
        'text': b'not an image at all'
    }[damage])
    with pytest.raises(ValueError, match=name):
        LoadFusionPair()(paths)


def test_jpeg_without_end_marker(pair, tmp_path):
    paths = pair(vis_name='v.jpg')
    content = (tmp_path / 'v.jpg').read_bytes()
    (tmp_path / 'v.jpg').write_bytes(content[:-2])
    with pytest.raises(ValueError, match='truncated.*v.jpg'):
        LoadFusionPair()(paths)
    # Bytes after the end marker, as some cameras write them, do no harm.
    (tmp_path / 'v.jpg').write_bytes(content + b'\0' * 64)
    assert LoadFusionPair()(paths)['img'].shape == (24, 32, 4)


def test_png_without_end_chunk(pair, tmp_path):
    paths = pair()
    content = (tmp_path / 'v.png').read_bytes()
    (tmp_path / 'v.png').write_bytes(content[:-12])
    with pytest.raises(ValueError, match='truncated.*v.png'):
        LoadFusionPair()(paths)


def test_missing_file(pair, tmp_path):
    paths = pair()
    (tmp_path / 'v.png').unlink()
    with pytest.raises(FileNotFoundError, match='v.png'):
        LoadFusionPair()(paths)


@pytest.mark.parametrize('kwargs', [
    dict(on_size_mismatch='crop'),
    dict(uint16_range='auto'),
    dict(uint16_range=(5, 5)),
])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='Expected'):
        LoadFusionPair(**kwargs)


# ------------------------------------------------------------- lost counts
def counts(pair, low, high, **kwargs):
    """A pair whose infrared image has these counts."""
    ir = np.linspace(low, high, 24 * 32).reshape(24, 32).astype(np.uint16)
    return pair(ir=ir, **kwargs)


def test_lost_counts_are_told_once(pair):
    paths = counts(pair, 7000, 9000)
    load = LoadFusionPair()
    with warnings.catch_warnings(record=True) as told:
        for _ in range(3):
            load(dict(paths))
        pickle.loads(pickle.dumps(load))(dict(paths))
    text, = (str(item.message) for item in told)
    for part in (paths['ir_path'], '7000 to 9000', 'less than 5 %',
                 '--uint16-range LOW HIGH', 'uint16_range=(LOW, HIGH)'):
        assert part in text
    # another run
    with pytest.warns(UserWarning, match='uint16_range'):
        LoadFusionPair()(dict(paths))


def test_lost_counts_of_colour(pair):
    with pytest.warns(UserWarning, match='one channel: convert'):
        LoadFusionPair()(pair(vis=VIS.astype(np.uint16)))


def test_processes_tell_once(pair):
    paths, load = counts(pair, 7000, 9000), LoadFusionPair()
    process = multiprocessing.get_context('fork').Process(
        target=load, args=(dict(paths), ))
    process.start()
    process.join()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        load(dict(paths))


@pytest.mark.parametrize('low, high, settings', [
    (7000, 9000, dict(uint16_range=(7000, 9000))),
    (7000, 9000, dict(uint16_range='minmax')),
    (0, 4095, {}),
    (0, 65535, {}),
    (500, 500, {}),
])
def test_nothing_is_lost(pair, low, high, settings):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        LoadFusionPair(**settings)(counts(pair, low, high))


def test_samples_know_what_loaded_them(pair):
    load = LoadFusionPair(uint16_range=(7000, 9000))
    sample = PackFusionInputs(meta_keys=())(load(counts(pair, 7000, 9000)))
    assert sample['data_samples'].loader.reading == load.reading
    other = load.changed(on_size_mismatch='resize_ir')
    assert other.reading.uint16_range == (7000, 9000)
    assert load.reading.on_size_mismatch == 'error'
