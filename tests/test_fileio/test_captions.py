"""Captions in every form, and forms that are none."""
import json

import pytest

from mmfusion.fileio import read_captions

WANT = {
    '2': ('a street', ),
    '10': ('two cars', 'a man'),
    'night/1': ('dark', )
}


def write(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding='utf-8')
    return tmp_path / name


@pytest.mark.parametrize('name, text', [
    ('a.json',
     json.dumps({
         '10.png': ['two cars', 'a man'],
         '2': 'a street',
         'night/1': 'dark'
     })),
    ('b.json',
     json.dumps([
         dict(file_name='night/1.jpg', caption='dark'),
         dict(stem='10', captions=['two cars', 'a man']),
         dict(name='2', text='a street')
     ])),
    ('c.csv', 'stem,vis,ir\n10,two cars,a man\n2,a street,\n'
     'night\\1.TIF,"dark",\n'),
    ('d.txt', '\ufeff2\ta street\n\nnight/1\tdark\n10\ttwo cars\ta man\n'),
])
def test_files(tmp_path, name, text):
    captions = read_captions(write(tmp_path, name, text))
    assert captions == WANT
    assert list(captions) == ['2', '10', 'night/1']


def test_folder(tmp_path):
    (tmp_path / 'night').mkdir()
    write(tmp_path, '2.txt', 'a street\n')
    write(tmp_path, '10.txt', 'two cars\n\na man\n')
    write(tmp_path, 'night/1.txt', 'dark')
    assert read_captions(str(tmp_path)) == WANT


@pytest.mark.parametrize('name, text, words', [
    ('a.json', '{"1": ', 'expected JSON'),
    ('a.json', '[' * 5000, 'expected JSON'),
    ('a.json', '{"1": "\\ud800"}', "caption of '1'"),
    ('a.json', '3', 'mapping or a list'),
    ('a.json', '[3]', 'entry 0: expected a mapping'),
    ('a.json', '[{"stem": "1"}]', "entry 0.*'captions'"),
    ('a.json', '[{"stem": "1", "name": "2", "text": "b"}]', 'entry 0'),
    ('a.json', '{"1": 3}', "caption of '1'.*got 3"),
    ('a.json', '{"1": []}', "caption of '1'"),
    ('a.json', '{"1": ["a", " "]}', "caption of '1'"),
    ('a.json', '{" ": "a"}', "an image's name"),
    ('a.json', '{"1": "a", "1.png": "b"}', "'1' is there twice"),
    ('a.json', '{}', 'got none'),
    ('a.csv', '1,a street\n', 'first line of column names'),
    ('a.csv', 'stem,caption\n1,\n', "line 2: expected a caption of '1'"),
    ('a.csv', '', 'first line'),
    ('a.csv', 'stem,a\n1,' + 140_000 * 'x', 'line 2: expected CSV'),
    ('a.txt', '1\ta\n2 b\n', 'line 2: .*without a tab'),
    ('a.xml', '', "suffix '.xml'"),
])
def test_bad_files(tmp_path, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(ValueError, match=words) as error:
        read_captions(path)
    assert name in str(error.value)


def test_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.json'):
        read_captions(tmp_path / 'nowhere.json')
    with pytest.raises(ValueError, match='got none'):
        read_captions(tmp_path)


def test_other_encoding(tmp_path):
    (tmp_path / 'a.txt').write_bytes('1\tStra\xdfe'.encode('latin-1'))
    with pytest.raises(ValueError, match='UTF-8'):
        read_captions(tmp_path / 'a.txt')
