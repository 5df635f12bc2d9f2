"""Arrays that numpy wrote, whole and damaged."""
import warnings
import zipfile

import numpy as np
import pytest

from mmfusion.fileio import map_array, npz_names, read_array, read_arrays
from mmfusion.utils.errors import UsageError


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return dict(a=rng.random((3, 4)), b=np.arange(5, dtype=np.int16))


def test_whole_files(tmp_path, arrays):
    np.save(tmp_path / 'a.npy', arrays['a'])
    np.savez(tmp_path / 'one.npz', a=arrays['a'])
    np.savez_compressed(tmp_path / 'two.npz', **arrays)
    for found in (read_array(tmp_path / 'a.npy'),
                  map_array(tmp_path / 'a.npy'),
                  read_array(str(tmp_path / 'one.npz')),
                  read_array(tmp_path / 'two.npz', 'a')):
        np.testing.assert_array_equal(found, arrays['a'])
    assert npz_names(tmp_path / 'two.npz') == ['a', 'b']
    found = read_arrays(tmp_path / 'two.npz')
    assert list(found) == ['a', 'b'] and found['b'].dtype == np.int16


def test_what_is_not_there(tmp_path, arrays):
    np.save(tmp_path / 'a.npy', arrays['a'])
    np.savez(tmp_path / 'two.npz', **arrays)
    with zipfile.ZipFile(tmp_path / 'text.npz', 'w') as archive:
        archive.writestr('a', 'no array')
    for call, text in ((lambda: read_array(tmp_path / 'two.npz'),
                        r"one array.*\['a', 'b'\]"),
                       (lambda: read_array(tmp_path / 'two.npz', 'c'),
                        r'two\.npz.*damaged'),
                       (lambda: read_arrays(tmp_path / 'a.npy'),
                        'without a name'),
                       (lambda: npz_names(tmp_path / 'a.npy'),
                        'without a name'),
                       (lambda: read_array(tmp_path / 'text.npz'),
                        "'a' is no array"),
                       (lambda: map_array(tmp_path / 'text.npz'),
                        r'text\.npz.*damaged')):
        with pytest.raises(UsageError, match=text):
            call()
    for read in (read_array, read_arrays, npz_names, map_array):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / 'none.npy')


@pytest.mark.parametrize('save, read', [(np.save, read_array),
                                        (np.save, map_array),
                                        (np.savez, read_arrays),
                                        (np.savez_compressed, read_arrays)])
def test_damage_is_told_in_one_line(tmp_path, arrays, save, read):
    """Bits flipped, bytes replaced, ends cut off."""
    path = tmp_path / 'file.npz'
    with open(path, 'wb') as file:
        save(file, arrays['a'])
    content = path.read_bytes()
    rng, said = np.random.default_rng(0), []
    drafts = [content[:size] for size in range(0, len(content), 9)]
    for place in range(8 * len(content)):
        drafts.append(bytearray(content))
        drafts[-1][place // 8] ^= 1 << place % 8
    for _ in range(500):
        drafts.append(bytearray(content))
        for place in rng.integers(0, len(content), 3):
            drafts[-1][place] = rng.integers(0, 256)
    for draft in drafts:
        path.write_bytes(draft)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # of headers in odd forms
                read(path)
        except UsageError as error:
            said.append(str(error))
    assert len(said) > len(drafts) // 5
    assert all(str(path) in text and '\n' not in text for text in said)
