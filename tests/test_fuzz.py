"""Any bytes give a valid result or the documented error of one line.

How to run it for longer: ``tests/support/fuzzing.py``.
"""
import io
import json
import pickle
import struct

import cv2
import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from mmfusion.datasets import FusionH5Dataset, PairedImageDataset
from mmfusion.datasets.boxes import read_coco
from mmfusion.datasets.transforms import LoadFusionAnnotations, LoadFusionPair
from mmfusion.fileio import read_captions, read_image, read_text_feature
from mmfusion.registry import DATASETS, TRANSFORMS
from mmfusion.utils.checkpoint import read_checkpoint
from tests.support.fuzzing import (SECONDS, changed, damaged, fuzz,
                                   json_values, result_of)
from tests.support.h5_cases import h5_groups, write_h5

pytestmark = pytest.mark.timeout(300 + 2 * SECONDS)


# --------------------------------------------------------------------- images
def image_files():
    """Small images of all kinds, and headers that promise too much."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (6, 8, 3), np.uint8)
    deep = rng.integers(0, 65536, (6, 8), np.uint16)
    files = [
        cv2.imencode(suffix, image)[1].tobytes() for suffix, image in [
            *((suffix, colour)
              for suffix in ('.png', '.jpg', '.bmp', '.tif', '.webp',
                             '.ppm')), ('.pgm', colour[..., 0]),
            ('.png', np.dstack([colour, deep >> 8])), (
                '.png',
                deep), ('.tif',
                        deep), ('.tif', np.float32([[0, np.nan], [np.inf, 1]]))
        ]
    ]
    for mode in ('P', '1', 'LA', 'I;16', 'F', 'CMYK'):
        stream = io.BytesIO()
        Image.new(mode,
                  (8, 6)).save(stream,
                               'TIFF' if mode in ('F', 'CMYK') else 'PNG')
        files.append(stream.getvalue())
    png = bytearray(files[0])
    png[16:24] = struct.pack('>II', 2**20, 2**20)
    return [
        *files,
        bytes(png), b'v/1\x01' + bytes(20), b'P5 99999 99999 255\n',
        b'Pf -2 2 -1\n' + bytes(16), b'#?RADIANCE\n\n-Y 2 +X 2\n', b'GIF89a'
    ]


def test_images(tmp_path):
    paths = [tmp_path / 'one.png', tmp_path / 'two.png']
    labels, pairs = LoadFusionAnnotations(), LoadFusionPair()

    def check(content):
        for path in paths:
            path.write_bytes(content)
        one, two = map(str, paths)
        for flags in (cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR,
                      cv2.IMREAD_UNCHANGED, cv2.IMREAD_GRAYSCALE):
            image = result_of(read_image, one, flags, name='one.png')
            assert image is None or image.ndim in (2, 3) and image.size
        found = result_of(labels.transform,
                          dict(seg_map_path=one, binary_path=one),
                          name='one.png')
        assert found is None or found['gt_binary_map'].max() <= 1
        found = result_of(pairs.transform, dict(vis_path=one, ir_path=two),
                          name='')
        if found is not None:
            assert found['img'].shape[2] == 4
            assert 0 <= found['img'].min() <= found['img'].max() <= 255

    fuzz(damaged(image_files()), check, 150)


# ------------------------------------------------------------ text and JSON
CAPTIONS = {
    '.json': [
        b'{"1.png": ["two cars", "a man"], "2": "a street"}',
        b'[{"stem": "1", "captions": ["a"]}, {"file_name": "2", "text": "b"}]',
        b'[' * 5000
    ],
    '.csv': [
        b'stem,vis,ir\n1,two cars,"a ""man"""\n2,a street,\n',
        b'name,text\n1,' + b'x' * 140_000
    ],
    '.txt': ['\ufeff1\ta street\n2\tStra\xdfe\ta man\n'.encode()]
}


@pytest.mark.parametrize('suffix', [*CAPTIONS, ''])
def test_captions(tmp_path, suffix):
    path = tmp_path / f'captions{suffix}'
    file = path if suffix else path / '1.txt'
    file.parent.mkdir(exist_ok=True)

    def check(content):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        file.write_bytes(content)
        for name, texts in (result_of(read_captions, path, name='captions')
                            or {}).items():
            assert name and texts and isinstance(texts, tuple)
            assert all(text.encode() for text in texts)

    files = damaged(CAPTIONS.get(suffix, CAPTIONS['.txt']))
    fuzz(files | json_values if suffix == '.json' else files, check, 80)


def coco():
    """A COCO JSON with all that it can hold."""
    entry = dict(image_id=1, category_id=2, area=12.5, iscrowd=0)
    return dict(
        info=dict(),
        categories=[dict(id=1, name='car'),
                    dict(id=2, name='man')], images=[
                        dict(id=1, file_name='1.png', ir_file_name='ir/1.png',
                             width=8, height=6, condition='day'),
                        dict(id=2, file_name='2.png', width=8, height=6)
                    ], annotations=[
                        dict(entry, id=1, bbox=[1, 1, 4, 3.5],
                             segmentation=[[1, 1, 5, 1, 5, 4]]),
                        dict(entry, id=2, bbox=[0, 0, 8, 6],
                             segmentation=dict(size=[6, 8], counts=[8, 40]))
                    ])


COCO_FILES = changed(coco).map(lambda content: json.dumps(content).encode()) \
    | damaged([json.dumps(coco()).encode()])


def test_coco_json(tmp_path):
    path = tmp_path / 'coco.json'

    def check(content):
        path.write_bytes(content)
        found = result_of(read_coco, str(path), name='coco.json')
        assert found is None or found['images'] and found['categories']

    fuzz(COCO_FILES, check, 250)


@pytest.mark.detection
def test_detection_sets(tmp_path):
    """What mmdet makes of a JSON that is taken for a good one."""
    path, size = tmp_path / 'coco.json', (6, 8)
    load = [
        TRANSFORMS.build(
            dict(type='mmdet.LoadAnnotations', with_bbox=True,
                 with_mask=with_mask)) for with_mask in (False, True)
    ]

    def check(content):
        path.write_bytes(content)
        cfg = dict(type='PairedCocoDataset', ann_file=str(path),
                   data_prefix=dict(vis_path='v', ir_path='i'))
        dataset = result_of(DATASETS.build, cfg, name='coco.json')
        for index in range(len(dataset or ())):
            info = dataset.get_data_info(index)
            if (info['height'], info['width']) == size:  # else not loaded
                masks = all('mask' in one for one in info['instances'])
                sample = load[masks](dict(info, ori_shape=size))
                count = len(info['instances'])
                assert len(sample['gt_bboxes']) == count
                assert len(sample.get('gt_masks', range(count))) == count

    fuzz(COCO_FILES, check, 60)


def test_split_files(tmp_path):
    names = ['1', '2', 'night/3', '\xe9']
    for folder in ('vis', 'ir'):
        (tmp_path / folder / 'night').mkdir(parents=True)
        for name in names:
            (tmp_path / folder / f'{name}.png').touch()
    path = tmp_path / 'split.txt'

    def check(content):
        path.write_bytes(content)
        dataset = result_of(
            lambda: PairedImageDataset(
                data_root=str(tmp_path), data_prefix=dict(
                    vis_path='vis', ir_path='ir'), ann_file='split.txt'),
            name='split.txt')
        for index in range(len(dataset or ())):
            assert dataset.get_data_info(index)['stem'] in names

    text = '1\nnight/3\r\n\xe9\n'
    fuzz(
        damaged([
            b'1\n2\n',
            *(text.encode(form)
              for form in ('utf-8', 'utf-8-sig', 'utf-16', 'latin-1'))
        ]), check, 80)


# ----------------------------------------------------------------------- HDF5
def h5_files(folder):
    """Pairs with text: plain, compressed, and with links and other kinds."""
    groups = h5_groups(['1', '2'], (4, 6))
    plain, packed, odd = (folder / f'{name}.h5'
                          for name in ('plain', 'packed', 'odd'))
    write_h5(plain, groups)
    with h5py.File(packed, 'w') as file:
        for group, arrays in groups.items():
            for name, array in arrays.items():
                file.create_dataset(f'{group}/{name}', data=array, chunks=True,
                                    compression='gzip', fletcher32=True)
    write_h5(odd, groups)
    with h5py.File(odd, 'a') as file:
        file['text/3'] = 'a text'
        file['imageA/3'] = h5py.SoftLink('/imageA/3')
        file['imageB/3'] = h5py.ExternalLink('plain.h5', 'imageB/1')
        file['imageA'].create_dataset('4', (4, 6), 'u1',
                                      external=[(str(plain), 0, 24)])
        file['imageB'].create_dataset('4', (2**20, 2**20), 'f4', chunks=(4, 4))
        file['text/4'] = h5py.Empty('f4')
    return [path.read_bytes() for path in (plain, packed, odd)]


def test_h5_files(tmp_path):
    path = tmp_path / 'x.h5'
    files = h5_files(tmp_path)

    def check(content):
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        dataset = result_of(FusionH5Dataset, str(path), name='x.h5')
        samples = [
            dataset.get_data_info(index) for index in range(len(dataset or ()))
        ] or [
            dict(vis_path=f'{path}:imageB/{name}',
                 ir_path=f'{path}:imageA/{name}',
                 text_path=f'{path}:text/{name}') for name in '1234'
        ]
        for sample in samples:
            for key in ('vis_path', 'ir_path'):
                image = result_of(read_image, sample[key], name='x.h5')
                assert image is None or image.ndim == 2 and image.size
            text = result_of(read_text_feature, sample['text_path'],
                             name='x.h5')
            assert text is None or np.isfinite(text).all()

    fuzz(damaged(files), check, 100)


# ---------------------------------------------------------------- checkpoints
class Payload:
    """What a hostile file asks Python to run."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return exec, (f'open({str(self.marker)!r}, "w").close()', )


def checkpoint_files(marker):
    """Weights in both forms of torch.save, with and without a payload."""
    state = dict(state_dict={'fuser.weight': torch.ones(2, 3)},
                 meta=dict(epoch=1, names=['a'], values=np.arange(3.)))
    files = []
    for content in (state, dict(state, payload=Payload(marker))):
        for form in (True, False):
            stream = io.BytesIO()
            torch.save(content, stream, _use_new_zipfile_serialization=form)
            files.append(stream.getvalue())
    return [*files, pickle.dumps(Payload(marker)), pickle.dumps(state)]


def test_checkpoints(tmp_path):
    path, marker = tmp_path / 'x.pth', tmp_path / 'marker'

    def check(content):
        path.write_bytes(content)
        result_of(read_checkpoint, path, name='x.pth')
        assert not marker.exists()

    fuzz(damaged(checkpoint_files(marker)), check, 100)


def test_a_finding_is_told():

    def check(value):
        raise AssertionError('found')

    with pytest.raises(AssertionError, match='found'):
        fuzz(json_values, check, 3)
