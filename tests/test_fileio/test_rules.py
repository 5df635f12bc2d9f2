"""What programs leave among data is no data, in every listing."""
import os

import pytest

from mmfusion.fileio import (FileRule, data_paths, image_files, is_data,
                             read_captions)

JUNK = ('.ipynb_checkpoints/1-checkpoint.png', '.hidden/2.png', '._1.png',
        '__MACOSX/._1.png', '__MACOSX/2.png', 'a/.thumbs/3.png',
        '@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg', 'Thumbs.db', '.DS_Store',
        'desktop.ini')


@pytest.fixture
def folder(tmp_path):
    # what lies above a set does not count
    root = tmp_path / '.cache' / '__MACOSX' / 'set'
    for name in (*JUNK, '1.png', '10.png', '2.png', 'a/1.png'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b'x')
    (root / 'folder.png').mkdir()
    return root


def test_listings(folder):
    assert list(FileRule().list(
        str(folder), 'vis')) == ['1', '2', '10',
                                 os.path.join('a', '1')]
    assert [path.name
            for path in image_files(folder)] == ['1.png', '2.png', '10.png']
    found = {str(path.relative_to(folder)) for path in data_paths(folder)}
    assert not any(map(is_data, JUNK[:7])) and not found & {
        '.ipynb_checkpoints', '__MACOSX', '._1.png', '@eaDir'
    }


def test_captions(tmp_path):
    for name in ('1.txt', '.ipynb_checkpoints/1-checkpoint.txt', '._1.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('a street')
    assert read_captions(tmp_path) == {'1': ('a street', )}


def test_a_folder_of_junk_alone(folder):
    for path in image_files(folder):
        path.unlink()
    (folder / 'a' / '1.png').unlink()
    with pytest.raises(ValueError, match='got none'):
        FileRule().list(str(folder), 'vis')
