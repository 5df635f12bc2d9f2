"""Channels and numbers come as stored; damage is told, trailers are not."""
import cv2
import numpy as np
import pytest

from mmfusion.fileio import read_image
from tests.support.image_files import png_grey_alpha, tiff

RNG = np.random.default_rng(0)
RGBA = RNG.integers(0, 256, (9, 7, 4), np.uint8)
RGBA[0, 0], RGBA[1, 1] = (200, 0, 0, 20), (1, 2, 3, 0)
SMOOTH = cv2.resize(RNG.integers(0, 256, (9, 12, 3), np.uint8), (160, 120),
                    interpolation=cv2.INTER_CUBIC)
UNCHANGED = cv2.IMREAD_UNCHANGED


def bgr(image):
    """RGB or RGBA as OpenCV orders it."""
    return image[..., [2, 1, 0, *range(3, image.shape[2])]]


def encoded(suffix, image, *options):
    done, content = cv2.imencode(suffix, image, options)
    assert done
    return content.tobytes()


@pytest.fixture
def read(tmp_path):
    """Read an image from the content of its file."""

    def run(content, *flags):
        (tmp_path / 'x.img').write_bytes(content)
        return read_image(str(tmp_path / 'x.img'), *flags)

    return run


# ----------------------------------------------------------------- channels
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('order', '<>')
@pytest.mark.parametrize('colour, extra', [(True, (0, )), (True, (1, )),
                                           (True, (2, )), (False, (0, 0, 0))])
@pytest.mark.parametrize('deflate', [False, True])
def test_four_channels_of_a_tiff(read, dtype, order, colour, extra, deflate):
    image = RGBA.astype(dtype) * (257 if dtype == np.uint16 else 1)
    content = tiff(image, order, colour, extra, deflate)
    np.testing.assert_array_equal(read(content, UNCHANGED), bgr(image))
    np.testing.assert_array_equal(read(content), bgr(image)[..., :3])


def test_planes_of_a_tiff(read):
    content = tiff(RGBA, colour=True, extra=(2, ), planar=True)
    np.testing.assert_array_equal(read(content, UNCHANGED), bgr(RGBA))
    deep = tiff(RGBA.astype(np.uint16), colour=True, extra=(2, ), planar=True)
    with pytest.raises(ValueError, match='unsupported'):
        read(deep)


@pytest.mark.parametrize('options', [('.png', RGBA), ('.tiff', RGBA),
                                     ('.bmp', RGBA),
                                     ('.png', RGBA.astype(np.uint16) * 257),
                                     ('.tiff', RGBA.astype(np.uint16) * 257)])
def test_what_opencv_wrote(read, options):
    content = encoded(*options)
    np.testing.assert_array_equal(read(content, UNCHANGED), options[1])
    np.testing.assert_array_equal(read(content), options[1][..., :3])


def test_transparent_webp(read):
    opaque = np.maximum(RGBA, 1)
    content = encoded('.webp', opaque, cv2.IMWRITE_WEBP_QUALITY, 101)
    np.testing.assert_array_equal(read(content), opaque[..., :3])


def test_three_plain_channels_of_a_tiff(read):
    content = tiff(RGBA[..., :3], extra=(0, 0))
    np.testing.assert_array_equal(read(content), bgr(RGBA[..., :3]))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('order', '<>')
def test_grey_and_alpha_of_a_tiff(read, dtype, order):
    image = RGBA[..., :2].astype(dtype) * (200 if dtype == np.uint16 else 1)
    for deflate in (False, True):
        grey = read(tiff(image, order, extra=(2, ), deflate=deflate))
        assert grey.dtype == dtype
        np.testing.assert_array_equal(grey, image[..., 0])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_grey_and_alpha_of_a_png(read, dtype):
    image = RGBA[..., :2].astype(dtype) * (200 if dtype == np.uint16 else 1)
    content = png_grey_alpha(image)
    np.testing.assert_array_equal(read(content), image[..., 0])
    np.testing.assert_array_equal(read(content, UNCHANGED), image)
    assert read(content, cv2.IMREAD_COLOR).shape == (9, 7, 3)


@pytest.mark.parametrize(
    'kind', ['i1', 'i2', 'i4', 'i8', 'u4', 'u8', 'f2', 'f4', 'f8'])
@pytest.mark.parametrize('order', '<>')
def test_numbers_of_a_tiff(read, kind, order):
    image = RNG.standard_normal((9, 7)) * 100
    if kind[0] == 'u':
        image = abs(image) * 5e6
    image = image.astype(kind)
    for deflate in (False, True):
        found = read(tiff(image, order, deflate=deflate))
        assert found.dtype == kind
        np.testing.assert_array_equal(found, image)


def test_colour_of_long_numbers(read):
    image = RGBA[..., :3].astype(np.uint32) * 16_000_000
    content = tiff(image, colour=True)
    np.testing.assert_array_equal(read(content), bgr(image))
    # what OpenCV is to convert is not taken for other numbers
    with pytest.raises(ValueError, match='unsupported'):
        read(content, cv2.IMREAD_ANYDEPTH)


# ------------------------------------------------------------------- damage
def jpeg(*options):
    return encoded('.jpg', SMOOTH, *options)


VARIANTS = [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
            (cv2.IMWRITE_JPEG_RST_INTERVAL, 4), (cv2.IMWRITE_JPEG_QUALITY, 60)]


@pytest.mark.parametrize('options', VARIANTS)
def test_bytes_behind_a_jpeg(read, options):
    """A motion photo: a film behind the end marker."""
    content = jpeg(*options)
    film = b'ftypmp42' + bytes(RNG.integers(0, 256, 5000, np.uint8))
    expected = read(content)
    for more in (b'\0' * 64, film, film + b'\xff\xda\0\x0c', content[:400]):
        np.testing.assert_array_equal(read(content + more), expected)


@pytest.mark.parametrize('options', VARIANTS)
def test_a_cut_jpeg(read, options):
    content = jpeg(*options)
    thumbnail = encoded('.jpg', SMOOTH[:32, :32])
    head = b'\xff\xe1' + (len(thumbnail) + 2).to_bytes(2, 'big') + thumbnail
    for end in (len(content) // 2, len(content) - 2, len(content) - 1):
        with pytest.raises(ValueError, match='truncated.*x.img'):
            read(content[:end])
        # the end marker of the thumbnail is not the image's
        with pytest.raises(ValueError, match='truncated'):
            read(content[:2] + head + content[2:end])
    assert read(content[:2] + head + content[2:]).shape == SMOOTH.shape


@pytest.mark.parametrize('options', VARIANTS)
@pytest.mark.parametrize('what', ['noise', 'ones', 'gap'])
def test_a_jpeg_damaged_in_its_middle(read, capfd, options, what):
    content = bytearray(jpeg(*options))
    middle = slice(len(content) // 2, len(content) // 2 + 500)
    content[middle] = dict(
        noise=bytes(np.random.default_rng(1).integers(0, 255, 500, np.uint8)),
        ones=b'\xff' * 500, gap=b'')[what]
    with pytest.raises(ValueError, match='(damaged|truncated).*x.img'):
        read(bytes(content))
    assert 'Corrupt' not in capfd.readouterr().err
    # an undamaged one is not blamed for it
    assert read(jpeg(*options)).shape == SMOOTH.shape


@pytest.mark.parametrize('suffix', ['png', 'deflated tiff'])
def test_checksums(read, suffix):
    content = (encoded('.png', SMOOTH) if suffix == 'png' else tiff(
        SMOOTH, colour=True, deflate=True))
    assert read(content).shape == SMOOTH.shape
    for place in np.linspace(60, len(content) // 2, 9, dtype=int):
        damaged = bytearray(content)
        damaged[place] ^= 4
        with pytest.raises(ValueError, match='damaged'):
            read(bytes(damaged))


@pytest.mark.parametrize('end', [4, 8, 60, -20])
def test_a_cut_tiff(read, end):
    with pytest.raises(ValueError, match='damaged.*x.img'):
        read(tiff(SMOOTH, colour=True)[:end])


def test_a_name_like_a_field_of_hdf5(tmp_path):
    path = tmp_path / 'a.h5:b.png'
    path.write_bytes(encoded('.png', SMOOTH))
    np.testing.assert_array_equal(read_image(str(path)), SMOOTH)
