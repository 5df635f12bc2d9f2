"""What is black and white: known of three kinds, stated of all others."""
import numpy as np
import pytest

from mmfusion.fileio import to_byte_range

KNOWN = {
    'u1': ([0, 51, 255], [0, 51, 255]),
    'u2': ([0, 13107, 65535], [0, 51, 255]),
    'f2': ([0, 0.2, 1], [0, 51, 255]),
    'f4': ([0, 0.2, 1], [0, 51, 255]),
    'f8': ([0, 0.2, 1], [0, 51, 255]),
}
OTHERS = ['i1', 'i2', 'i4', 'i8', 'u4', 'u8', 'f2', 'f4', 'f8']


@pytest.mark.parametrize('kind', KNOWN)
def test_known(kind):
    values, expected = KNOWN[kind]
    got = to_byte_range(np.array(values, kind), 'x')
    np.testing.assert_allclose(got, expected, rtol=1e-3)
    assert got.dtype == (np.uint8 if kind == 'u1' else np.float32)


@pytest.mark.parametrize('kind', OTHERS)
def test_others_need_a_range(kind):
    values = np.array([10, 20, 110], kind)
    if kind[0] != 'u':
        values[0] = -10
    with pytest.raises(ValueError, match=r"'a\.tif'.*uint16_range=\(low"):
        to_byte_range(values, 'a.tif')
    stated = to_byte_range(values, 'x', (10, 110))
    np.testing.assert_allclose(stated, [0, 25.5, 255], rtol=1e-3)
    assert stated.dtype == np.float32
    own = to_byte_range(values, 'x', 'minmax')
    assert own[0] == 0 and own[2] == 255


def test_large_counts_keep_their_differences():
    values = 2_000_000_000 + np.arange(0, 1001, 250, dtype=np.int32)
    got = to_byte_range(values, 'x', (2e9, 2e9 + 1000))
    np.testing.assert_allclose(got, [0, 63.75, 127.5, 191.25, 255], atol=1e-3)


def test_colour_keeps_its_own_range():
    """Counts of the infrared image say nothing of a visible one."""
    colour = np.array([0, 13107, 65535], np.uint16)
    np.testing.assert_allclose(
        to_byte_range(colour, 'x', (7000, 9000), colour=True), [0, 51, 255],
        rtol=1e-5)
    other = np.array([0, 50, 200], np.int16)
    np.testing.assert_allclose(
        to_byte_range(other, 'x', (0, 200), colour=True), [0, 63.75, 255])
    with pytest.raises(ValueError, match="'x' between 7000 and 9000.*int16"):
        to_byte_range(other, 'x', (7000, 9000), colour=True)


@pytest.mark.parametrize('wrong', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('value_range', ['full', 'minmax', (0, 1)])
def test_nothing_is_made_of_nan(wrong, value_range):
    with pytest.raises(ValueError, match="finite values in 'a.tif'"):
        to_byte_range(np.float32([0, wrong, 1]), 'a.tif', value_range)
