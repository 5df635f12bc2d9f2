"""Captions from label maps."""
import json

import cv2
import numpy as np
import pytest

from mmfusion.registry import DATASETS
from tests.support.converter_cases import run, write


@pytest.fixture
def folders(tmp_path):
    vis = np.full((20, 30, 3), 120, np.uint8)
    label = np.zeros((20, 30), np.uint8)
    label[:10] = 2  # person
    label[10:14] = 1  # car
    label[0, 0] = 3  # one pixel of bike
    for stem, image in (('day', vis), ('night', vis // 4), ('bad', vis)):
        write(tmp_path / f'vis/{stem}.jpg', image)
        write(tmp_path / f'label/{stem}.png',
              label if stem != 'bad' else label[:5])
    return tmp_path


def test_captions(folders, capsys):
    out = folders / 'text/captions.json'
    flags = ['--vis', folders / 'vis', '--labels', folders / 'label']
    assert run('make_label_captions', out, *flags) == 1
    assert 'bad.png' in capsys.readouterr().err
    assert json.loads(out.read_text()) == dict(
        day='a street by day with person, car',
        night='a street at night with person, car')
    assert run('make_label_captions', out, *flags, '--least', 1,
               '--dark-below', 10) == 1
    assert json.loads(
        out.read_text())['night'] == ('a street by day with person, car, bike')


def test_class_0_that_is_no_background(folders, monkeypatch):
    kind = DATASETS.get('MSRSDataset')
    names = ('road', *kind.METAINFO['classes'][1:])
    monkeypatch.setattr(kind, 'METAINFO', dict(kind.METAINFO, classes=names))
    out = folders / 'captions.json'
    run('make_label_captions', out, '--vis', folders / 'vis', '--labels',
        folders / 'label')
    assert json.loads(
        out.read_text())['day'] == ('a street by day with person, road, car')


def test_without_classes(folders, capsys):
    with pytest.raises(SystemExit):
        run('make_label_captions', folders / 'x.json', '--vis',
            folders / 'vis', '--labels', folders / 'label', '--dataset',
            'PairedImageDataset')
    assert 'expected a data set with classes' in capsys.readouterr().err


def test_features_of_them(folders):
    cv2.imwrite(str(folders / 'label/bad.png'), np.zeros((20, 30), np.uint8))
    captions = folders / 'captions.json'
    assert run('make_label_captions', captions, '--vis', folders / 'vis',
               '--labels', folders / 'label') == 0
    assert json.loads(captions.read_text())['bad'] == 'a street by day'
