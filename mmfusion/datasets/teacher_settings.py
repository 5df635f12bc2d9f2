"""Whether the parts of a data set were made by one teacher."""
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import PurePath

import mmengine.fileio as fileio

from mmfusion.utils.errors import changed_entries

#: what tools/distill/make_teacher.py writes beside a teacher's images
MANIFEST = 'manifest.json'


def warn_of_other_teachers(folder: str, parts: Sequence[str],
                           backend_args: dict | None = None) -> None:
    """Warn where other parts have the images of another teacher.

    Compares the settings in the manifest of ``ROOT/train/TEACHER_FUSED``
    with those of ``ROOT/val/TEACHER_FUSED`` and so on. Folders without a
    manifest, or outside of such a tree, are not compared.

    Args:
        folder (str): With a teacher's images.
        parts (sequence[str]): Names of the parts' folders.
        backend_args (dict, optional): Of ``mmengine.fileio``.
    """
    pieces = PurePath(folder).parts
    places = [place for place, piece in enumerate(pieces) if piece in parts]
    ours = _settings(folder, backend_args) if places else None
    if ours is None:
        return
    for part in parts:
        other = os.path.join(*pieces[:places[-1]], part,
                             *pieces[places[-1] + 1:])
        theirs = _settings(other, backend_args)
        if theirs is None or theirs == ours:
            continue
        warnings.warn(
            f'The teacher images of {folder} and {other} were made otherwise '
            f'({changed_entries(ours, theirs)}). Make one of them anew with '
            'tools/distill/make_teacher.py --restart, unless this is meant.',
            stacklevel=2)


def _settings(folder: str, backend_args: dict | None) -> dict | None:
    path = fileio.join_path(folder, MANIFEST, backend_args=backend_args)
    if not fileio.isfile(path, backend_args=backend_args):
        return None
    try:
        content = json.loads(fileio.get_text(path, backend_args=backend_args))
        return dict(content['settings'])
    except (ValueError, KeyError, TypeError, RecursionError):
        warnings.warn(
            f'{path} is damaged: whether one teacher made all images is not '
            'known. Run tools/distill/make_teacher.py again.', stacklevel=3)
        return None
