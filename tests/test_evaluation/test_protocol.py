"""From words and image files to what is measured."""
import cv2
import numpy as np
import pytest
from PIL import Image

from mmfusion.evaluation.listing import list_metrics
from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.selection import parse_selection
from mmfusion.functional import PRESETS


def picture(seed, size=(30, 41), channels=3):
    rng = np.random.RandomState(seed)
    small = rng.randint(0, 256, (5, 7, channels), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


# what words mean


@pytest.mark.parametrize('words, preset, metrics', [
    (['EN,SD', 'MI'], 'default', ['EN', 'SD', 'MI']),
    (['film', 'MI'], 'film', ['MI']),
    (['FILM', 'mi,en'], 'film', ['mi', 'en']),
    (['all'], 'default', 'all'),
])
def test_selection(words, preset, metrics):
    assert parse_selection(words) == dict(preset=preset, metrics=metrics)


@pytest.mark.parametrize('words, message', [
    (['EN,beauty'], "got 'beauty'.*Presets: default"),
    (['film,vifb'], 'one preset, got film, vifb'),
    (['EN', 'all'], "got 'all'"),
])
def test_selection_of_what_is_not_there(words, message):
    with pytest.raises(ValueError, match=message):
        parse_selection(words)


def test_listing_names_everything():
    text = list_metrics()
    assert 'EN:bits *' in text and 'published-table compatible' in text
    assert 'F, A, B' in text and '↓' in text
    for name, preset in PRESETS.items():
        assert f'  {name} (channels {preset.channels})' in text


# from a file to numbers


def exact_luma(image, weights):
    return np.floor(image.astype(np.float64) @ weights + 0.5)


def test_grey_rules(tmp_path):
    image = picture(0, (90, 111))
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, image[..., ::-1])
    grey = {
        rule: Protocol(('EN', ), grey=rule).read(path)
        for rule in ('matlab', 'opencv', 'pillow', 'decoder')
    }
    np.testing.assert_array_equal(
        grey['matlab'], exact_luma(image, [0.298936, 0.587043, 0.114021]))
    np.testing.assert_array_equal(grey['opencv'],
                                  cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    np.testing.assert_array_equal(
        grey['pillow'], np.asarray(Image.fromarray(image).convert('L')))
    np.testing.assert_array_equal(grey['decoder'], cv2.imread(path, 0))
    for values in grey.values():
        difference = values - exact_luma(image, [0.299, 0.587, 0.114])
        assert abs(difference).max() <= 1


@pytest.mark.parametrize('how', ['round', 'trunc'])
def test_stretch(tmp_path, how):
    low, high = 60, 180
    image = np.linspace(low, high, 41 * 30).reshape(30, 41).astype(np.uint8)
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, image)
    got = Protocol(('EN', ), stretch=how).read_fused(path)
    exact = (image.astype(np.float64) - low) / (high - low) * 255
    want = np.rint(exact) if how == 'round' else np.floor(exact + 1e-4)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, want)
    # sources are never stretched
    np.testing.assert_array_equal(
        Protocol(('EN', ), stretch=how).read_sources([path])[0], image)


def test_stretch_of_colour(tmp_path):
    image = np.uint8([[[10, 20, 30], [40, 50, 110]]])
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, image[..., ::-1])
    rgb = Protocol(('EN', ), channels='rgb', stretch='round').read_fused(path)
    np.testing.assert_array_equal(rgb, np.rint((image - 10.) * 2.55))
    grey = Protocol(('EN', ), stretch='round').read_fused(path)
    assert grey.tolist() == [[0, 255]]


@pytest.mark.parametrize('channels', [1, 3])
def test_constant_image_is_not_stretched(tmp_path, channels):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.full((9, 9, channels), 77, np.uint8))
    got = Protocol(('EN', ), stretch='trunc').read_fused(path)
    assert got.dtype == np.uint8 and (got == 77).all()


def test_deep_files(tmp_path):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.uint16([[0, 13107, 65535]]))
    got = Protocol(('EN', )).read(path)
    np.testing.assert_allclose(got, [[0, 0.2, 1]])
    cv2.imwrite(path, np.uint16([[0, 819, 4095]]))
    got = Protocol(('EN', ), data_range=4095).read(path)
    np.testing.assert_allclose(got, [[0, 0.2, 1]])
    with pytest.raises(ValueError, match='data_range'):
        Protocol(('EN', ), data_range=1000).read(path)
    colour = np.uint16([[[0, 13107, 65535]]])
    cv2.imwrite(path, colour)
    with pytest.raises(ValueError, match='8-bit.*opencv'):
        Protocol(('EN', ), grey='opencv').read(path)


@pytest.mark.parametrize('options, message', [
    (dict(metrics=('beauty', )), 'beauty'),
    (dict(preset='mine'), 'mine'),
    (dict(channels='hsv'), "'gray' or 'rgb'.*hsv"),
    (dict(grey='cie'), "'pillow' or 'decoder'.*cie"),
    (dict(stretch='yes'), "'round' or 'trunc'.*yes"),
    (dict(data_range=0), 'above 0'),
])
def test_unknown_protocols(options, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**dict(dict(metrics=('EN', )), **options))
