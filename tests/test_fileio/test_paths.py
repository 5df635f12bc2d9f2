"""Names from data stay below a folder; sources are not written over."""
import json
import os

import cv2
import numpy as np
import pytest

from mmfusion.fileio import FileRule, read_captions, read_image
from mmfusion.fileio.h5 import split_h5_path
from mmfusion.fileio.paths import (check_outputs, name_below, output_path,
                                   raw_samples, sample_files, source_folders)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import is_ours, write_image, write_text

GREY = np.full((4, 5), 7, np.uint8)


@pytest.mark.parametrize('name, place', [
    ('1.png', '1.png'),
    ('night/1.png', 'night/1.png'),
    ('night/./a/../1.png', 'night/1.png'),
    ('..hidden/1.png', '..hidden/1.png'),
    ('a.h5:b.png', 'a.h5:b.png'),
])
def test_names_below(name, place, tmp_path):
    assert name_below(tmp_path, name, 'x') == place
    assert name_below(tmp_path, str(tmp_path / name), 'x') == place
    assert name_below('', name, 'x') == place


@pytest.mark.parametrize('name', [
    '', '.', '..', '../1.png', 'a/../../1.png', '/etc/passwd', 'a\0b', None, 3,
    ['1.png']
])
def test_names_that_lead_elsewhere(name, tmp_path):
    with pytest.raises(UsageError, match='a.json, image 7: expected a name'):
        name_below(tmp_path, name, 'a.json, image 7')


def test_absolute_names_through_a_link(tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'data').symlink_to('real')
    name = str(tmp_path / 'real/1.png')
    assert name_below(tmp_path / 'data', name, 'x') == '1.png'


def test_absolute_names_of_no_root():
    """The user's own list: read as it is, written below the output."""
    assert name_below('', '/data/vis/1', 'x') == 'data/vis/1'


@pytest.mark.parametrize('size', [240, 244, 251, 252, 255])
@pytest.mark.parametrize('letter', ['a', 'ü', '\udcff'])
def test_long_names_can_be_written(tmp_path, size, letter):
    """As long as they can be read; what is added cuts them."""
    width = len(letter.encode('utf-8', 'surrogateescape'))
    name = letter * ((size - 4) // width)
    for ending in ('.png', '_seg.png', '_123456.png'):
        path = output_path(tmp_path, name, ending)
        assert path.name.endswith(ending)
        write_image(path, GREY)
        assert (read_image(str(path)) == GREY).all()
        other = output_path(tmp_path, f'{name[:-1]}x', ending)
        assert other != path
    assert len(list(tmp_path.iterdir())) == 3
    write_text(tmp_path / ('b' * 250), 'x')
    write_text(tmp_path / ('b.' + 'c' * 250), 'x')


def sources(tmp_path):
    for name in ('vis', 'ir'):
        (tmp_path / name / 'night').mkdir(parents=True)
        for stem in ('1', 'night/2'):
            cv2.imwrite(str(tmp_path / name / f'{stem}.png'), GREY)
    vis, ir = tmp_path / 'vis', tmp_path / 'ir'
    return vis, ir, [(vis / f'{stem}.png', ir / f'{stem}.png')
                     for stem in ('1', 'night/2')]


def link_folder(tmp_path):
    (tmp_path / 'link').symlink_to('vis')
    return tmp_path / 'link'


def link_file(tmp_path):
    (tmp_path / 'link').mkdir()
    (tmp_path / 'link/1.png').symlink_to(tmp_path / 'vis/1.png')
    return tmp_path / 'link'


def hard_link(tmp_path):
    (tmp_path / 'hard').mkdir()
    os.link(tmp_path / 'ir/1.png', tmp_path / 'hard/1.png')
    return tmp_path / 'hard'


@pytest.mark.parametrize('place', [
    lambda tmp_path: tmp_path / 'vis', lambda tmp_path: tmp_path / 'ir/../ir',
    link_folder, link_file, hard_link
])
def test_sources_are_not_written_over(tmp_path, place):
    _, _, pairs = sources(tmp_path)
    out = place(tmp_path)
    made = [(out / path.relative_to(tmp_path / 'vis'), (path, other))
            for path, other in pairs]
    with pytest.raises(UsageError, match='apart from the sources') as error:
        check_outputs(made)
    assert str(out / '1.png') in str(error.value)
    assert str(
        tmp_path /
        ('ir/1.png' if out.name in ('ir', 'hard') else 'vis/1.png')) in str(
            error.value)


def test_folders_of_sources(tmp_path):
    """Nor where the suffix differs, so that nothing would be lost."""
    vis, ir, pairs = sources(tmp_path)
    link = link_folder(tmp_path)
    for out in (vis, link, vis / 'night' / '..'):
        for made in ([(out, ())], [(out / '1.tif', pairs[0])]):
            with pytest.raises(UsageError, match='which is the source'):
                check_outputs(made, (vis, ir))
    check_outputs([(vis / 'fused', ())], (vis, ir))
    folders = source_folders(
        [dict(vis_path=str(path), n=1) for path, _ in pairs])
    assert folders == [str(vis), str(vis / 'night')]
    with pytest.raises(UsageError, match='which is the source'):
        check_outputs([(vis / 'night/1.tif', pairs[0])], folders)


def test_two_of_one_name(tmp_path):
    _, _, pairs = sources(tmp_path)
    (tmp_path / 'out').mkdir()
    (tmp_path / 'same').symlink_to('out')
    with pytest.raises(UsageError, match='different names') as error:
        check_outputs([(tmp_path / 'out/1.png', pairs[0]),
                       (tmp_path / 'same/1.png', pairs[1])])
    for path, _ in pairs:
        assert str(path) in str(error.value)


def test_files_of_others_ask(tmp_path):
    made = [(tmp_path / f'{stem}.png', ()) for stem in 'abc']
    write_image(made[0][0], GREY)
    check_outputs(made, overwrite=False)
    cv2.imwrite(str(made[1][0]), GREY)
    with pytest.raises(UsageError, match=r'1 file.*b\.png.*--overwrite'):
        check_outputs(made, overwrite=False)
    check_outputs(made, overwrite=True)
    assert is_ours(made[0][0]) and not is_ours(made[1][0])
    assert not is_ours(tmp_path / 'none')


def test_copies_and_links_are_ours(tmp_path):
    """But not where the folder is that of the sources."""
    vis, _, pairs = sources(tmp_path)
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'a.png').symlink_to(pairs[0][0])
    (out / 'b.png').write_bytes(pairs[0][0].read_bytes())
    made = [(out / name, pairs[0]) for name in ('a.png', 'b.png')]
    check_outputs(made, overwrite=False, copies=True)
    with pytest.raises(UsageError, match='apart from the sources'):
        check_outputs(made, overwrite=False)
    (out / 'b.png').write_bytes(b'mine')
    with pytest.raises(UsageError, match=r'b\.png'):
        check_outputs(made, overwrite=False, copies=True)
    (vis / '3.png').symlink_to(out / 'b.png')  # a set that consists of links
    with pytest.raises(UsageError, match='apart from the sources'):
        check_outputs([(link_folder(tmp_path) / '3.png', [vis / '3.png'])],
                      copies=True)


def test_files_of_samples():
    sample = dict(vis_path='v.png', ir_path='p.h5:ir/1', stem='1', seg_path='',
                  text_path=('t.h5:textA/1', 't.h5:textB/1'))
    assert sample_files(sample) == ['v.png', 'p.h5', 't.h5', 't.h5']
    assert source_folders([sample]) == ['.']
    assert raw_samples(object()) == []


@pytest.mark.parametrize('name', ['a.h5:b.png', 'a.h5:b/c.hdf5:d.png'])
def test_files_named_as_fields(tmp_path, name):
    path = tmp_path / name
    assert split_h5_path(str(path)) is not None
    write_image(path, GREY)
    assert split_h5_path(str(path)) is None
    assert (read_image(str(path)) == GREY).all()


def test_fields_of_a_file_in_a_folder_named_as_one(tmp_path):
    (tmp_path / 'x.h5:y').mkdir()
    file = tmp_path / 'x.h5:y/pairs.h5'
    file.write_bytes(b'')
    assert split_h5_path(f'{file}:vis/1') == (str(file), 'vis/1')
    assert split_h5_path('pairs.H5:vis/1.h5:2') == ('pairs.H5', 'vis/1.h5:2')


def test_links_in_a_circle(tmp_path):
    vis, _, _ = sources(tmp_path)
    before = FileRule().list(str(vis), 'vis')
    (vis / 'again').symlink_to('.')
    (vis / 'night/up').symlink_to('..')
    (vis / '3.png').symlink_to('3.png')
    assert FileRule().list(str(vis), 'vis') == before
    (tmp_path / 'far').mkdir()
    cv2.imwrite(str(tmp_path / 'far/9.png'), GREY)
    (vis / 'far').symlink_to('../far')  # a link that leads on is followed
    assert set(FileRule().list(str(vis), 'vis')) == {*before, 'far/9'}


def nested(depth=100_000):
    return '[' * depth + ']' * depth


@pytest.mark.parametrize('name, text, message', [
    ('a.json', nested(), 'expected JSON'),
    ('a.json', f'{{"1": {nested()}}}', 'expected JSON'),
    ('a.json', f'{{"1": {nested(50)}}}', "caption of '1'"),
    ('a.json', json.dumps([dict(name=[['x']], text='y')]), 'entry 0'),
    ('a.json', '{"../1": "a street"}', r"a\.json: expected a name.*'\.\./1'"),
    ('a.csv', 'stem,caption\n1,a\na/../../2,b\n', r'line 3: expected a name'),
    ('a.csv', f'stem,caption\n1,"{"x" * 200_000}"\n', 'line 2: expected CSV'),
    ('a.txt', '..\ta street\n', 'line 1: expected a name'),
])
def test_captions_that_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_captions(tmp_path / name)
