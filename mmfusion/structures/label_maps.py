"""What the numbers in label maps mean.

Files hold labels, networks know classes. Between them stand a data set's
``reduce_zero_label`` and ``label_map``, entries of its meta information, of
its samples and of checkpoints (``dataset_meta``). Whatever reads labels,
writes them or asks for the background does so by the functions here.
"""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmfusion.utils.errors import UsageError

IGNORED = 255
_BACKGROUND = ('bg', 'unlabeled', 'unlabelled', 'void')

Meta = Mapping[str, Any]


def background_of(classes: Sequence[str] | None) -> list[int]:
    """Indices of the classes that are the background by their names.

    Args:
        classes (sequence[str], optional): Names, such as ``'unlabeled'``.

    Returns:
        list[int]: Empty where no class is named so.

    Examples:
        >>> background_of(('road', '__background__')), background_of(('road',))
        ([1], [])
    """
    plain = [
        ''.join(filter(str.isalnum, str(name))).lower()
        for name in classes or ()
    ]
    return [
        index for index, name in enumerate(plain)
        if name in _BACKGROUND or name.startswith('background')
    ]


def resolve_labels(meta: Meta, own: Meta | None = None) -> dict[str, Any]:
    """What a data set's classes are once its labels are read.

    With ``reduce_zero_label``, label 0 of the files is ignored and all
    others move down; a background that is named as the class of label 0
    leaves the classes with it.

    Args:
        meta (mapping): ``classes``, ``palette``, ``label_map`` (class by
            label, as mmseg makes it where the classes were chosen among the
            set's own) and ``reduce_zero_label``, each optional.
        own (mapping, optional): The set's own ``classes`` and ``palette``,
            in the order of the files' labels.

    Returns:
        dict: ``classes``, ``palette``, ``label_map``, ``reduce_zero_label``
        and ``background``, the indices of :func:`background_of`.

    Raises:
        UsageError: If both the reduction and ``label_map`` drop label 0.
    """
    classes, palette = meta.get('classes'), meta.get('palette')
    mapping = meta.get('label_map')
    reduce = bool(meta.get('reduce_zero_label'))
    if mapping and palette and palette == (own or {}).get('palette'):
        kept = sorted(
            (new, old) for old, new in mapping.items() if new % 256 != IGNORED)
        palette = type(palette)(palette[old] for _, old in kept)
    if reduce:
        zero = (mapping or {}).get(0, 0) % 256
        if zero == IGNORED:
            raise UsageError(
                'Expected either reduce_zero_label=True or classes without '
                'that of label 0, got both, which would drop two labels. '
                'Leave reduce_zero_label out: what the classes leave out is '
                'ignored.')
        if classes and zero in background_of(classes):
            classes = classes[:zero] + classes[zero + 1:]
            palette = palette and palette[:zero] + palette[zero + 1:]
            mapping = mapping and {
                old - 1: new - (zero < new < IGNORED)
                for old, new in mapping.items() if old
            }
    return dict(classes=classes, palette=palette, label_map=mapping,
                reduce_zero_label=reduce, background=background_of(classes))


def to_classes(labels: np.ndarray, meta: Meta) -> np.ndarray:
    """Classes of the labels in a file.

    Args:
        labels (np.ndarray): ``uint8``; 255 is ignored.
        meta (mapping): ``label_map`` and ``reduce_zero_label`` of
            :func:`resolve_labels`, each optional.

    Returns:
        np.ndarray: Of the same shape, ``uint8``.
    """
    return _class_table(meta)[labels]


def to_file_labels(classes: np.ndarray, meta: Meta) -> np.ndarray:
    """Labels that :func:`to_classes` turns into these classes.

    Args:
        classes (np.ndarray): Of integers.
        meta (mapping): See :func:`to_classes`.

    Returns:
        np.ndarray: Of the same shape, ``uint8``.
    """
    labels = np.arange(256, dtype=np.uint8)
    # backwards: of several labels with one class, the first is taken
    for label, index in reversed(list(enumerate(_class_table(meta)))):
        if index != IGNORED:
            labels[index] = label
    return labels[classes]


def _class_table(meta: Meta) -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    for old, new in (meta.get('label_map') or {}).items():
        # keys went through JSON, -1 comes from older mmseg
        table[int(old)] = new % 256
    if meta.get('reduce_zero_label'):
        return np.array([IGNORED, *table[:-2], IGNORED], np.uint8)
    return table
