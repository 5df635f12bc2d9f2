"""Labels of files, classes, and back."""
import json

import numpy as np
import pytest

from mmfusion.structures import (background_of, resolve_labels, to_classes,
                                 to_file_labels)
from mmfusion.utils.errors import UsageError

OWN = dict(classes=('unlabeled', 'car', 'person', 'bike'), palette=[[0, 0, 0],
                                                                    [1, 1, 1],
                                                                    [2, 2, 2],
                                                                    [3, 3, 3]])
LABELS = np.array([0, 1, 2, 3, 255], np.uint8)


@pytest.mark.parametrize('name', [
    'background', 'Background', '__background__', 'bg', 'unlabeled',
    'Unlabelled', 'void', 'background (other)'
])
def test_names_of_the_background(name):
    assert background_of(('car', name)) == [1]


def test_no_background():
    assert background_of(('car', 'road')) == background_of(None) == []


def meta(classes=OWN['classes'], reduce=False):
    """As mmseg makes it of a data set's own and chosen classes."""
    mapping = None
    if classes != OWN['classes']:
        mapping = {
            old: classes.index(name) if name in classes else 255
            for old, name in enumerate(OWN['classes'])
        }
    return dict(OWN, classes=classes, label_map=mapping,
                reduce_zero_label=reduce)


@pytest.mark.parametrize('given, classes, expected', [
    (meta(), 'unlabeled car person bike', [0, 1, 2, 3]),
    (meta(reduce=True), 'car person bike', [255, 0, 1, 2]),
    (meta(('car', 'person', 'bike')), 'car person bike', [255, 0, 1, 2]),
    (meta(('bike', 'car')), 'bike car', [255, 1, 255, 0]),
    (meta(('bike', 'unlabeled', 'person', 'car')), 'bike unlabeled person car',
     [1, 3, 2, 0]),
    (meta(('unlabeled', 'person'), True), 'person', [255, 255, 0, 255]),
    (meta(('bike', 'unlabeled', 'person', 'car'),
          True), 'bike person car', [255, 2, 1, 0]),
])
def test_classes_and_back(given, classes, expected):
    known = resolve_labels(given, OWN)
    assert list(known['classes']) == classes.split()
    assert known['palette'] == [
        OWN['palette'][OWN['classes'].index(name)] for name in classes.split()
    ]
    assert known['background'] == background_of(classes.split())
    found = to_classes(LABELS, known)
    assert found.tolist() == [*expected, 255] and found.dtype == np.uint8
    # what is written reads as what was predicted, also by way of JSON
    predicted = np.arange(len(classes.split()))
    for rule in (known, json.loads(json.dumps(known))):
        written = to_file_labels(predicted, rule)
        assert to_classes(written, rule).tolist() == predicted.tolist()
        assert [OWN['classes'][label] for label in written] == classes.split()


def test_labels_without_names():
    assert to_classes(LABELS, {}).tolist() == LABELS.tolist()
    known = resolve_labels(dict(reduce_zero_label=True))
    assert known['classes'] is None and known['background'] == []
    assert to_classes(LABELS, known).tolist() == [255, 0, 1, 2, 255]


def test_label_zero_is_dropped_once():
    with pytest.raises(UsageError, match='Leave reduce_zero_label out'):
        resolve_labels(meta(('car', 'person'), True), OWN)
    with pytest.raises(UsageError, match='two labels'):
        resolve_labels(dict(label_map={0: 255}, reduce_zero_label=True))
