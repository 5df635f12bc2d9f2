"""Annotations of detection sets, on small fabricated trees."""
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusion.datasets.boxes import read_voc
from mmfusion.datasets.sets import BOX_SETS

SCRIPT = (Path(__file__).resolve().parents[2] /
          'tools/dataset_converters/boxes_to_coco.py')
read_kaist, read_vedai = (BOX_SETS[kind]().read for kind in ('kaist', 'vedai'))
SIZE = (40, 60)


@pytest.fixture
def convert():
    spec = importlib.util.spec_from_file_location('boxes_to_coco', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*arguments):
        return module.main([*map(str, arguments), '--workers', '0'])

    return run


def image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros((*size, 3), np.uint8))


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def voc(path, *objects):
    """``objects``: (name, x1, y1, x2, y2) or (name, 8 polygon numbers)."""
    items = ''
    for name, *numbers in objects:
        if len(numbers) == 4:
            keys = ('xmin', 'ymin', 'xmax', 'ymax')
            inner = ''.join(f'<{key}>{number}</{key}>'
                            for key, number in zip(keys, numbers, strict=True))
            inner = f'<bndbox>{inner}</bndbox>'
        else:
            keys = [f'{axis}{k}' for k in range(1, 5) for axis in 'xy']
            inner = ''.join(f'<{key}>{number}</{key}>'
                            for key, number in zip(keys, numbers, strict=True))
            inner = f'<polygon>{inner}</polygon>'
        items += f'<object><name>{name}</name>{inner}</object>'
    text(path, f'<annotation>{items}</annotation>')


def read(path):
    return json.loads(path.read_text())


def boxes_of(content):
    names = {item['id']: item['name'] for item in content['categories']}
    return [(names[item['category_id']], *item['bbox'])
            for item in content['annotations']]


def make_llvip(root):
    for split, name in (('train', '010001'), ('train', '010002'), ('test',
                                                                   '190001')):
        for folder in ('visible', 'infrared'):
            image(root / folder / split / f'{name}.jpg')
    voc(root / 'Annotations/010001.xml', ('person', 5, 6, 20, 36),
        ('person', 50, 30, 70, 60), ('person', 80, 5, 90, 20),
        ('person', 7, 7, 7, 20), ('dog', 1, 1, 9, 9))
    voc(root / 'Annotations/010002.xml')
    voc(root / 'Annotations/190001.xml', ('person', 1, 2, 30, 40))


def test_llvip_with_every_kind_of_problem(tmp_path, convert, capsys):
    make_llvip(tmp_path)
    assert convert('llvip', tmp_path) == 0
    content = read(tmp_path / 'annotations/train.json')
    assert [item['file_name'] for item in content['images']
            ] == ['visible/train/010001.jpg', 'visible/train/010002.jpg']
    assert content['images'][0]['ir_file_name'] == \
        'infrared/train/010001.jpg'
    assert (content['images'][0]['height'],
            content['images'][0]['width']) == SIZE
    assert boxes_of(content) == [('person', 5, 6, 15, 30),
                                 ('person', 50, 30, 10, 10)]
    assert content['annotations'][0]['area'] == 450
    assert len(read(tmp_path / 'annotations/test.json')['images']) == 1
    out, err = capsys.readouterr()
    for kind in ('clipped', 'outside', 'empty', 'unknown class'):
        assert f'Annotations/010001.xml: {kind}: ' in err
        assert any(
            line.startswith('1 boxes') and line.endswith(kind)
            for line in out.splitlines())
    assert '1 boxes kept: clipped' in out


def test_suffixes_in_capitals(tmp_path, convert):
    make_llvip(tmp_path)
    for path, suffix in (('visible/train/010001',
                          '.JPG'), ('infrared/train/010001', '.Jpg'),
                         ('infrared/train/010002', '.JPEG')):
        path = tmp_path / f'{path}.jpg'
        path.rename(path.with_suffix(suffix))
    assert convert('llvip', tmp_path) == 0
    images = read(tmp_path / 'annotations/train.json')['images']
    assert [(item['file_name'][-4:], item['ir_file_name'][-4:])
            for item in images] == [('.JPG', '.Jpg'), ('.jpg', 'JPEG')]


@pytest.mark.parametrize('orientation, size', [(1, SIZE), (3, SIZE),
                                               (6, SIZE[::-1]),
                                               (8, SIZE[::-1])])
def test_sizes_are_those_that_loading_gives(tmp_path, convert, orientation,
                                            size):
    from PIL import Image

    from mmfusion.fileio import read_image
    make_llvip(tmp_path)
    for folder in ('visible', 'infrared'):
        path = tmp_path / folder / 'train/010001.jpg'
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new('RGB', SIZE[::-1]).save(path, exif=exif)
    assert convert('llvip', tmp_path) == 0
    item = read(tmp_path / 'annotations/train.json')['images'][0]
    assert (item['height'], item['width']) == size
    assert read_image(str(path)).shape[:2] == size


def test_broken_files_are_named_and_the_rest_goes_on(tmp_path, convert,
                                                     capsys):
    make_llvip(tmp_path)
    text(tmp_path / 'Annotations/010001.xml', '<annotation>')
    (tmp_path / 'infrared/train/010002.jpg').unlink()
    assert convert('llvip', tmp_path, '--out', tmp_path / 'json') == 1
    err = capsys.readouterr().err
    assert '010001.xml' in err and 'infrared/train/010002' in err
    assert read(tmp_path / 'json/train.json')['images'] == []
    assert len(read(tmp_path / 'json/test.json')['images']) == 1


def test_pairs_of_two_sizes(tmp_path, convert, capsys):
    make_llvip(tmp_path)
    image(tmp_path / 'infrared/train/010001.jpg', (20, 30))
    assert convert('llvip', tmp_path) == 1
    assert '60x40 and 30x20' in capsys.readouterr().err


def test_m3fd(tmp_path, convert):
    for name in ('00000', '00001'):
        image(tmp_path / f'Vis/{name}.png')
        image(tmp_path / f'Ir/{name}.png')
        voc(tmp_path / f'Annotation/{name}.xml', ('Truck', 1, 2, 11, 22),
            ('People', 3, 3, 9, 9))
    assert convert('m3fd', tmp_path) == 0
    content = read(tmp_path / 'annotations/all.json')
    assert boxes_of(content)[:2] == [('Truck', 1, 2, 10, 20),
                                     ('People', 3, 3, 6, 6)]
    assert [item['name'] for item in content['categories']
            ] == list(BOX_SETS['m3fd'].classes)
    text(tmp_path / 'meta/train.txt', '00001.png\n')
    text(tmp_path / 'meta/val.txt', '00000\n')
    assert convert('m3fd', tmp_path) == 0
    names = [
        read(tmp_path / f'annotations/{split}.json')['images'][0]['file_name']
        for split in ('train', 'val')
    ]
    assert names == ['Vis/00001.png', 'Vis/00000.png']


def test_flir(tmp_path, convert):
    image(tmp_path / 'JPEGImages/FLIR_00002_RGB.jpg')
    image(tmp_path / 'JPEGImages/FLIR_00002_PreviewData.jpeg')
    voc(tmp_path / 'Annotations/FLIR_00002_PreviewData.xml',
        ('car', 1, 2, 11, 22), ('dog', 20, 20, 30, 30))
    text(tmp_path / 'align_train.txt', 'FLIR_00002_PreviewData\n')
    assert convert('flir', tmp_path) == 0
    content = read(tmp_path / 'annotations/train.json')
    assert content['images'][0]['file_name'].endswith('FLIR_00002_RGB.jpg')
    assert content['images'][0]['ir_file_name'].endswith(
        'FLIR_00002_PreviewData.jpeg')
    # dogs are too few to learn: ignored
    assert [item['iscrowd'] for item in content['annotations']] == [0, 1]


KAIST = '''% bbGt version=3
person 10 5 12 30 0 0 0 0 0 0 0
person 30 5 12 30 2 30 5 12 9 0 0
people 40 5 12 20 0 0 0 0 0 0 0
person 2 5 6 20 1 2 5 6 9 1 0
'''


def test_kaist(tmp_path, convert):
    for part in ('set00', 'set03'):
        for folder in ('visible', 'lwir'):
            image(tmp_path / f'images/{part}/V000/{folder}/I00001.jpg')
    text(tmp_path / 'annotations/set00/V000/I00001.txt', KAIST)
    text(tmp_path / 'annotations/set03_V000_I00001.txt', '% bbGt version=3\n')
    text(tmp_path / 'imageSets/train-all-02.txt',
         'set00/V000/I00001\nset03/V000/I00001\n')
    assert convert('kaist', tmp_path, '--max-occlusion', 1) == 0
    content = read(tmp_path / 'annotations/train-all-02.json')
    assert [item['condition']
            for item in content['images']] == ['day', 'night']
    assert content['images'][0]['ir_file_name'] == \
        'images/set00/V000/lwir/I00001.jpg'
    assert [item['iscrowd'] for item in content['annotations']] == [0, 1, 1, 1]
    assert [item['occlusion']
            for item in content['annotations']] == [0, 2, 0, 1]
    assert content['annotations'][0]['bbox'] == [10, 5, 12, 30]


def test_kaist_with_a_short_line(tmp_path, convert, capsys):
    for folder in ('images', 'annotations'):
        (tmp_path / folder).mkdir()
    text(tmp_path / 'imageSets/train.txt', 'V000/I00001\n')
    with pytest.raises(SystemExit):
        convert('kaist', tmp_path)
    err = capsys.readouterr().err
    assert 'train.txt' in err and "'V000/I00001'" in err


# centre, angle, corners, class, contained, occluded; and flags first
VEDAI = ('20 15 0.5 10 30 28 12 8 10 22 20 11 1 0\n',
         '20 15 0.5 1 1 0 10 30 28 12 8 10 22 20\n')


@pytest.mark.parametrize('line, name', [(VEDAI[0], 'pickup'),
                                        (VEDAI[1], 'car')])
def test_vedai(tmp_path, convert, line, name):
    for stem in ('00000000', '00000001'):
        image(tmp_path / f'Vehicules512/{stem}_co.png')
        image(tmp_path / f'Vehicules512/{stem}_ir.png')
    text(tmp_path / 'Annotations512/00000000.txt', line)
    assert convert('vedai', tmp_path) == 0
    content = read(tmp_path / 'annotations/all.json')
    assert len(content['images']) == 2
    assert boxes_of(content) == [(name, 10, 8, 20, 14)]
    text(tmp_path / 'fold01.txt', '00000000\n')
    text(tmp_path / 'fold01test.txt', '00000001\n')
    assert convert('vedai', tmp_path) == 0
    assert len(read(tmp_path / 'annotations/train.json')['images']) == 1


@pytest.mark.parametrize('labels', ['vis', 'ir'])
def test_dronevehicle(tmp_path, convert, labels):
    base = tmp_path / 'train'
    for folder in ('trainimg', 'trainimgr'):
        image(base / folder / '00001.jpg')
    voc(base / 'trainlabel/00001.xml', ('car', 10, 5, 30, 9, 28, 20, 8, 16))
    voc(base / 'trainlabelr/00001.xml', ('feright car', 1, 2, 11, 22))
    assert convert('dronevehicle', tmp_path, '--labels', labels) == 0
    expected = dict(vis=('car', 8, 5, 22, 15),
                    ir=('freight_car', 1, 2, 10, 20))
    assert boxes_of(read(tmp_path /
                         'annotations/train.json')) == [expected[labels]]


def test_anyones_xml(tmp_path, convert, capsys):
    for folder in ('vis', 'ir'):
        image(tmp_path / 'val' / folder / 'a.png')
    voc(tmp_path / 'val/Annotations/a.xml', ('cat', 1, 2, 11, 22))
    with pytest.raises(SystemExit):
        convert('voc', tmp_path)
    assert '--classes' in capsys.readouterr().err
    assert convert('voc', tmp_path, '--classes', 'dog', 'cat') == 0
    assert boxes_of(read(tmp_path / 'annotations/val.json')) == [('cat', 1, 2,
                                                                  10, 20)]


@pytest.mark.parametrize('kind', sorted(BOX_SETS))
def test_wrong_folder(tmp_path, convert, capsys, kind):
    for folder in (tmp_path / 'nowhere', tmp_path):
        with pytest.raises(SystemExit):
            convert(kind, folder, '--classes', 'a')
        assert str(folder) in capsys.readouterr().err


@pytest.mark.parametrize('reader, content', [
    (read_voc, 'no xml'),
    (read_voc, '<a><object><name>x</name></object></a>'),
    (read_voc, '<a><object><name>x</name><bndbox><xmin>1</xmin></bndbox>'
     '</object></a>'),
    (read_voc, '<a><object><name>x</name><bndbox><xmin>a</xmin><ymin>1'
     '</ymin><xmax>2</xmax><ymax>3</ymax></bndbox></object></a>'),
    (read_kaist, ''),
    (read_kaist, '% bbGt version=3\nperson 1 2\n'),
    (read_kaist, '% bbGt version=3\nperson 1 2 x 4 0 0 0 0 0 0 0\n'),
    (read_vedai, '1 2 3\n'),
    (read_vedai, '90 15 0.5 10 30 28 12 8 10 22 20 11 1 0\n'),
])
def test_damaged_annotations_are_named(tmp_path, reader, content):
    path = tmp_path / 'damaged.txt'
    path.write_text(content)
    with pytest.raises(ValueError, match='damaged.txt'):
        reader(path)


@pytest.mark.parametrize('reader', [read_kaist, read_vedai])
def test_annotations_that_are_no_text(tmp_path, reader):
    path = tmp_path / 'damaged.txt'
    path.write_bytes(b'% bbGt \xff\xfe\x00')
    with pytest.raises(ValueError, match='damaged.txt.*UTF-8'):
        reader(path)


def test_points_and_difficult_objects(tmp_path):
    path = tmp_path / 'a.xml'
    path.write_text(
        '<a><object><name>car</name><point><x>3</x><y>4</y></point></object>'
        '<object><name>car</name><difficult>1</difficult><bndbox>'
        '<xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>'
        '</object></a>')
    point, difficult = read_voc(path)
    assert point.corners == (3, 4, 3, 4) and not point.ignored
    assert difficult.ignored
