"""Flags that name what is written, against those that name what is read."""
import argparse
import os
import re
from collections.abc import Iterator
from typing import Any


def refuse_sources(args: argparse.Namespace, *outputs: str) -> None:
    """Refuse to write over what other flags name, before anything is done.

    Args:
        args (argparse.Namespace): All flags.
        outputs (str): Those that name a file or folder to write.

    Raises:
        UsageError: If one of them is, also through a link, a file or folder
            of another flag, or an image in such a folder; names both.
    """
    from mmfusion.fileio.paths import check_outputs
    read = [
        path for name, value in vars(args).items() if name not in outputs
        for path in _paths(value)
    ]
    made = []
    for name in outputs:
        path = getattr(args, name)
        if path is None:
            continue
        real = os.path.realpath(path)
        made.append((path, [*read, *([real] * _is_image_of(real, read))]))
    check_outputs(made)


def _paths(value: Any) -> Iterator[str]:
    """Existing files and folders that a flag names: also NAME=A,B."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _paths(item)
    elif isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        for part in dict.fromkeys((text, *re.split('[=,]', text))):
            if part and os.path.exists(part):
                yield part


def _is_image_of(path: str, read: list[str]) -> bool:
    """Whether a file is an image in one of the folders."""
    from mmfusion.fileio import IMG_SUFFIXES
    return (os.path.isfile(path) and path.lower().endswith(IMG_SUFFIXES)
            and any(
                path.startswith(os.path.join(os.path.realpath(folder), ''))
                for folder in read))
