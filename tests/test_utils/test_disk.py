"""Disks that are full or may not be written."""
import errno
import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from mmfusion.datasets.conversion import place_file, run_jobs, write_png
from mmfusion.models.losses import HistoryBank
from mmfusion.utils import disk
from mmfusion.utils.disk import DiskError, check_room, writing
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import (finished_array, finished_file, write_image,
                                  write_text)
from tests.support.small_disk import file_limit, full_disk, unfinished

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
LIMIT = 4096


def save(path):
    with finished_file(path) as draft:
        np.save(draft, np.zeros(2 * LIMIT))


def save_compressed(path):
    with finished_file(path) as draft:
        np.savez(draft, noise=NOISE)


def save_weights(path):
    with finished_file(path) as draft:
        torch.save(torch.zeros(2 * LIMIT), draft)


def map_array(path):
    with finished_array(path, np.float32, (2, LIMIT)):
        pass


def save_image(path):
    write_image(path, NOISE)


def save_png(path):
    write_png(path, NOISE)


def save_text(path):
    write_text(path, 'a' * (LIMIT + 100))


@pytest.mark.parametrize('write, name', [(save_image, 'a.png'),
                                         (save_png, 'a.png'),
                                         (save_text, 'a.json'),
                                         (save, 'a.npy'),
                                         (save_compressed, 'a.npz'),
                                         (save_weights, 'a.pth'),
                                         (map_array, 'a.npy')])
def test_every_writer_meets_the_limit(tmp_path, write, name):
    """One line with the path, no part file; then it goes on."""
    path = tmp_path / 'sub' / name
    with file_limit(LIMIT), pytest.raises(DiskError) as caught:
        write(path)
    text = str(caught.value)
    assert text.startswith(f'{path}: expected room for it, got ')
    assert '\n' not in text and not unfinished(tmp_path)
    assert not path.exists()
    write(path)
    before = path.read_bytes()
    with file_limit(LIMIT), pytest.raises(DiskError):
        write(path)
    assert path.read_bytes() == before  # an older file stays


def test_missing_bytes(tmp_path):
    with file_limit(LIMIT), pytest.raises(UsageError) as caught:
        write_text(tmp_path / 'a.txt', 'a' * (LIMIT + 100))
    assert f'100 bytes are missing: {LIMIT + 100} needed' in str(caught.value)
    with file_limit(LIMIT), pytest.raises(
            OSError, match=f'{7 * LIMIT} bytes are missing'):
        map_array(tmp_path / 'a.npy')


def test_space_is_reserved_before_it_is_mapped(tmp_path, monkeypatch):
    """And what the disk cannot give is told before anything is stored."""
    reserved = []
    monkeypatch.setattr(os, 'posix_fallocate',
                        lambda file, *span: reserved.append(span))
    path = tmp_path / 'a.npy'
    with finished_array(path, np.float16, (5, 7)) as array:
        assert [end for _, end in reserved] == [128 + 70]
        array[:] = 3
    assert (np.load(path) == 3).all()
    monkeypatch.setattr(os, 'posix_fallocate', full_disk)
    with pytest.raises(DiskError, match='No space left'), finished_array(
            tmp_path / 'b.npy', np.uint8, (9, )):
        raise AssertionError('nothing may be stored')
    assert os.listdir(tmp_path) == ['a.npy']


@pytest.mark.parametrize('number', [errno.EOPNOTSUPP, errno.EINVAL])
def test_file_systems_that_reserve_nothing(tmp_path, monkeypatch, number):

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'posix_fallocate', refuse)
    map_array(tmp_path / 'a.npy')
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(disk.shutil, 'disk_usage', lambda _: usage)
    with pytest.raises(DiskError,
                       match='bytes are missing: 32768 needed, 100'):
        map_array(tmp_path / 'b.npy')
    monkeypatch.delattr(os, 'posix_fallocate')
    with pytest.raises(DiskError, match='No space left'):
        map_array(tmp_path / 'b.npy')


def test_history_bank(tmp_path):
    """Reserved before the first image is stored; an old one makes room."""
    bank = HistoryBank(memmap_dir=str(tmp_path), dtype='float32')
    bank.allocate(LIMIT)
    first = [0], torch.zeros(1, dtype=torch.int64), torch.zeros(1, 1, 8, 8)
    (tmp_path / 'images.npy').write_bytes(b'of an earlier training')
    with file_limit(2**16), pytest.raises(
            DiskError, match=r'images\.npy: .* bytes are missing'):
        bank.write(*first)
    assert not list(tmp_path.iterdir())
    bank.write(*first)
    assert len(bank) == 1


@pytest.mark.parametrize('number', [errno.EROFS, errno.EACCES])
def test_folders_that_may_not_be_written(tmp_path, monkeypatch, number):

    def refuse(self, *_, **__):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr('pathlib.Path.mkdir', refuse)
    with pytest.raises(DiskError, match='Name another folder') as caught:
        write_text(tmp_path / 'new' / 'a.txt', 'a')
    assert str(caught.value).startswith(f'{tmp_path}/new/a.txt: ')


def test_room_for_libraries_that_crash(tmp_path, monkeypatch):
    path = tmp_path / 'a.h5'
    path.write_bytes(b'a' * 1000)
    check_room(path, 10_000)
    with file_limit(2**19 + 10_999), pytest.raises(OSError, match='No space'):
        check_room(path, 10_000)
    usage = shutil.disk_usage(tmp_path)._replace(free=2**19)
    monkeypatch.setattr(disk.shutil, 'disk_usage', lambda _: usage)
    check_room(path, 0)
    with pytest.raises(OSError, match='No space'):
        check_room(path, 1)


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        place_file(tmp_path / 'missing.png', tmp_path / 'b' / 'a.png')

    def unreadable(*_):
        raise PermissionError(errno.EACCES, 'denied', '/elsewhere/a.png')

    for error, block in ((PermissionError, unreadable),
                         (RuntimeError,
                          lambda: torch.zeros(2) @ torch.ones(3))):
        with pytest.raises(error) as caught, writing(tmp_path / 'a.png'):
            block()
        assert not isinstance(caught.value, DiskError)


def _write(folder, number):
    write_text(folder / f'{number}.txt', 'a' * 5000)


def test_jobs_stop_at_the_first(tmp_path):
    """All others would fail likewise; the error travels from a process."""
    from functools import partial
    for workers in (0, 2):
        with file_limit(LIMIT), pytest.raises(DiskError, match='904 bytes'):
            run_jobs(partial(_write, tmp_path), range(4), workers)
    assert not list(tmp_path.iterdir())
    error = pickle.loads(pickle.dumps(DiskError('a: b')))
    assert str(error) == 'a: b' and isinstance(error, UsageError)
