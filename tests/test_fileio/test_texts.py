"""Lists of names in every encoding that editors and shells write."""
import codecs
import os

import pytest

from mmfusion.datasets import PairedImageDataset
from mmfusion.fileio import read_captions, read_lines, read_text
from tests.support.image_files import NAMES, write_named_pairs

WANT = ['00001D', 'weiß', '夜-2']
TEXT = '00001D\r\n\r\n weiß \n夜-2'


@pytest.mark.parametrize('code, mark', [
    ('utf-8', b''),
    ('utf-8', codecs.BOM_UTF8),
    ('utf-16-le', codecs.BOM_UTF16_LE),
    ('utf-16-be', codecs.BOM_UTF16_BE),
    ('utf-16-le', b''),
    ('utf-16-be', b''),
    ('utf-32-le', codecs.BOM_UTF32_LE),
    ('utf-32-be', codecs.BOM_UTF32_BE),
])
def test_encodings(tmp_path, code, mark):
    path = tmp_path / 'train.txt'
    path.write_bytes(mark + TEXT.encode(code))
    assert read_lines(path) == WANT
    assert read_text(str(path)) == TEXT
    path.write_bytes(mark + '00001D\ta street'.encode(code))
    assert read_captions(path) == {'00001D': ('a street', )}


def test_other_encodings(tmp_path):
    path = tmp_path / 'x.txt'
    path.write_bytes(b'1 Stra\xdfe')
    with pytest.raises(ValueError, match='x.txt.*UTF-8'):
        read_text(path)
    assert read_lines(path) == [os.fsdecode(b'1 Stra\xdfe')]
    path.write_bytes(codecs.BOM_UTF16_LE + b'odd')
    with pytest.raises(ValueError, match='x.txt'):
        read_lines(path)
    with pytest.raises(FileNotFoundError):
        read_lines(tmp_path / 'nowhere.txt')


@pytest.mark.parametrize('code', ['utf-8-sig', 'utf-16'])
def test_split_files(tmp_path, code):
    write_named_pairs(tmp_path)
    stems = [NAMES['shell'], NAMES['quotes']]
    (tmp_path / 'test.txt').write_bytes('\r\n'.join(stems).encode(code))
    data = PairedImageDataset(str(tmp_path), ann_file='test.txt', pipeline=[])
    assert [sample['stem'] for sample in data] == stems
    # names that are no text at all
    raw = os.fsencode(NAMES['no UTF-8'])
    (tmp_path / 'test.txt').write_bytes(raw + b'\n')
    data = PairedImageDataset(str(tmp_path), ann_file='test.txt', pipeline=[])
    assert [sample['stem'] for sample in data] == [NAMES['no UTF-8']]
