"""HDF5 files: one handle a process, never a shared one."""
import os
import struct

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmfusion.fileio import h5, h5_shapes, read_h5, read_image
from tests.support.h5_cases import h5_groups, write_h5

NAMES = [f'{index:02d}' for index in range(12)]


@pytest.fixture
def file(tmp_path):
    return write_h5(tmp_path / 'x.h5', h5_groups(NAMES))


@pytest.fixture
def opened(monkeypatch):
    """Paths in the order of opening, of this process."""
    paths = []
    plain = h5py.File

    def count(path, *args):
        paths.append(path)
        return plain(path, *args)

    monkeypatch.setattr(h5py, 'File', count)
    return paths


def test_read(file, opened):
    groups = h5_groups(NAMES)
    for name in NAMES:
        for group in groups:
            np.testing.assert_array_equal(read_h5(f'{file}:{group}/{name}'),
                                          groups[group][name])
    assert opened == [file]
    shapes = h5_shapes(file, 'text')
    assert list(shapes) == NAMES and shapes['01'] == (1, 4, 16)
    assert h5_shapes(file, 'nothing') is None
    image = read_image(f'{file}:imageA/03')
    np.testing.assert_array_equal(image, groups['imageA']['03'][0])


def test_a_replaced_file_is_opened_anew(file, opened):
    before = read_h5(f'{file}:imageA/00')
    other = h5_groups(NAMES)
    other['imageA']['00'] = 1 - other['imageA']['00']
    write_h5(f'{file}.new', other)
    os.replace(f'{file}.new', file)
    np.testing.assert_array_equal(read_h5(f'{file}:imageA/00'), 1 - before)


def test_few_files_stay_open(tmp_path):
    for index in range(7):
        path = write_h5(tmp_path / f'{index}.h5', h5_groups(['a']))
        read_h5(f'{path}:text/a')
    assert len(h5._OPEN) <= 4
    for index in range(7):
        read_h5(f'{tmp_path}/{index}.h5:text/a')


class Reader(Dataset):
    """Gives the image, the process, and who opened the file as what."""

    def __init__(self, file):
        self.file = file

    def __len__(self):
        return 10 * len(NAMES)

    def __getitem__(self, index):
        name = NAMES[index % len(NAMES)]
        image = read_h5(f'{self.file}:imageA/{name}')
        (opener, *_), handle = h5._OPEN[self.file]
        return torch.tensor(image), os.getpid(), opener, id(handle)


@pytest.mark.parametrize('start', ['fork', 'spawn'])
def test_workers(file, start):
    """The parent has the file open when its workers start."""
    want = h5_groups(NAMES)['imageA']
    reader = Reader(file)
    reader[0]
    loader = DataLoader(reader, batch_size=4, num_workers=2,
                        multiprocessing_context=start)
    handles = {}
    for number, (images, processes, openers, ids) in enumerate(loader):
        for offset, image in enumerate(images):
            name = NAMES[(4 * number + offset) % len(NAMES)]
            np.testing.assert_array_equal(image.numpy(), want[name])
        assert torch.equal(processes, openers)
        for process, handle in zip(processes.tolist(), ids.tolist(),
                                   strict=True):
            handles.setdefault(process, set()).add(handle)
    assert len(handles) == 2 and os.getpid() not in handles
    assert all(len(ids) == 1 for ids in handles.values())
    np.testing.assert_array_equal(reader[1][0], want['01'])


def test_errors_name_file_and_field(file, tmp_path):
    with pytest.raises(FileNotFoundError, match='no.h5'):
        read_h5(f'{tmp_path}/no.h5:text/a')
    with pytest.raises(ValueError, match=r"x.h5: .*'text/zz'.*imageA"):
        read_h5(f'{file}:text/zz')
    with pytest.raises(ValueError, match="'text'"):
        read_h5(f'{file}:text')
    with pytest.raises(ValueError, match='FILE.h5:GROUP/NAME'):
        read_h5(file)
    (tmp_path / 'bad.h5').write_text('no')
    with pytest.raises(ValueError, match='bad.h5'):
        read_h5(f'{tmp_path}/bad.h5:text/a')


@pytest.mark.parametrize('array, words', [
    (np.full((1, 2, 2), np.nan), r'in \[0, 1\], got \[nan'),
    (np.full((1, 2, 2), 3.0), r'got \[3, 3\]'),
    (np.zeros((3, 2, 2)), r'\(3, 2, 2\)'),
    (np.zeros((1, 2, 2), int), 'int64'),
])
def test_bad_images(tmp_path, array, words):
    path = write_h5(tmp_path / 'x.h5', dict(imageA=dict(a=array)))
    with pytest.raises(ValueError, match=rf'x.h5:imageA/a: .*{words}'):
        read_image(f'{path}:imageA/a')


def test_values_of_other_files_are_not_read(file, tmp_path):
    """Whatever a file names, nothing but itself is read."""
    write_h5(tmp_path / 'other.h5', h5_groups(['a']))
    with h5py.File(file, 'a') as handle:
        handle['imageA/link'] = h5py.ExternalLink('other.h5', 'imageA/a')
        handle['imageA'].create_dataset(
            'raw', (4, 6), 'u1', external=[(f'{tmp_path}/other.h5', 0, 24)])
        layout = h5py.VirtualLayout((1, 24, 32), 'f4')
        layout[:] = h5py.VirtualSource(f'{tmp_path}/other.h5', 'imageA/a',
                                       (1, 24, 32))
        handle.create_virtual_dataset('imageA/virtual', layout)
        handle['imageA'].create_dataset('large', (2**20, 2**20), 'u1')
    for name, words in dict(link='another file', raw='another file',
                            virtual='another file', large='2 GiB').items():
        with pytest.raises(ValueError, match=f'x.h5:imageA/{name}.*{words}'):
            read_h5(f'{file}:imageA/{name}')


@pytest.mark.parametrize('size', [0, 4, 10**6])
def test_damaged_chunks(tmp_path, size):
    """HDF5 would read other memory, and end the process."""
    path = tmp_path / 'x.h5'
    with h5py.File(path, 'w') as handle:
        made = handle.create_dataset('a/b', data=np.zeros(
            (4, 6), np.uint8), chunks=(4, 6), compression='gzip',
                                     fletcher32=True)
        stored = made.id.get_chunk_info(0).size
    key = struct.pack('<IIQQ', stored, 0, 0, 0)
    assert path.read_bytes().count(key) == 1
    path.write_bytes(path.read_bytes().replace(
        key, struct.pack('<IIQQ', size, 0, 0, 0)))
    with pytest.raises(ValueError, match=f'x.h5:a/b.*of {size} bytes'):
        read_h5(f'{path}:a/b')
