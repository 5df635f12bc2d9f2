"""COCO JSONs of others are data, and their faults are named by record."""
import json
import pickle

import pytest

from mmfusion.datasets.boxes import read_coco


def content(part=None, **changes):
    """A small JSON; ``changes`` go into the first record of a part."""
    whole = dict(
        categories=[dict(id=1, name='man')],
        images=[dict(id=1, file_name='1.png', width=8, height=6)],
        annotations=[
            dict(id=1, image_id=1, category_id=1, bbox=[1, 1, 4, 3], area=12)
        ])
    if part:
        whole[part][0].update(changes)
    return whole


@pytest.fixture
def read(tmp_path):

    def function(value):
        path = tmp_path / 'a.json'
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return read_coco(str(path))

    return function


@pytest.mark.parametrize('changes', [
    {},
    dict(segmentation=[[1, 1, 5, 1, 5, 4]]),
    dict(segmentation=dict(size=[6, 8], counts=[8, 40])),
    dict(segmentation=dict(size=[6, 8], counts='0`1')),
    dict(iscrowd=1, category_id=7, anything=None),
])
def test_good_files(read, changes):
    assert read(content('annotations',
                        **changes)) == content('annotations', **changes)


@pytest.mark.parametrize('value, words', [
    ('{"images": ', 'expected JSON'),
    ('[' * 5000, 'expected JSON .*recursion'),
    ('[]', 'a mapping with images.*got list'),
    (dict(content(), images=[]), 'list of images, got an empty one'),
    (dict(content(), annotations={}), 'list of annotations, got none'),
    (dict(content(), images=[3]), 'entry 0 of images, got 3'),
    (dict(content(),
          images=2 * content()['images']), 'ids of images.*1 twice'),
    (content('categories', name=None), 'name as text in entry 0'),
    (content('images', file_name='a\0b'), 'file_name as the name of a file'),
    (content('images', file_name='\ud800'), r'file_name.*ud800'),
    (content('images', width=-8), 'width as a number of pixels'),
    (content('images', ir_file_name=['x']), 'ir_file_name'),
    (content('images', id=[]), 'id as a number or text'),
    (content('annotations', bbox=[1, 2, 3]), 'bbox as four numbers'),
    (content('annotations', bbox=[1, 2, 3, 10**400]), 'bbox'),
    (content('annotations', bbox=[1, 2, 3, float('nan')]), 'bbox'),
    (content('annotations', area=None), 'area as a number in entry 0'),
    (content('annotations', segmentation='x'), 'polygons, or run lengths'),
    *((content('annotations', segmentation=dict(
        size=[6, 8], counts=counts)), 'run lengths that fill the image')
      for counts in ([8, 40, 8], [8, 20], [-8, 56], [], '88', '~~', 'é', 8)),
    (content('annotations', segmentation=dict(size=[2**10, 2**10], counts=[
        2**20
    ])), r'size \[6, 8\] of their image'),
])
def test_faults_are_named(read, value, words):
    with pytest.raises(
            ValueError, match=rf'a.json: expected .*{words}|'
            rf'a.json: .*{words}') as error:
        read(value)
    assert len(str(error.value)) < 300


def test_other_forms_are_not_loaded(tmp_path):
    """mmengine would unpickle this by its suffix."""
    path = tmp_path / 'a.pkl'
    path.write_bytes(pickle.dumps(content()))
    with pytest.raises(ValueError, match='a.pkl: expected JSON'):
        read_coco(str(path))
    with pytest.raises(FileNotFoundError, match='COCO JSON at .*no.json'):
        read_coco(str(tmp_path / 'no.json'))
