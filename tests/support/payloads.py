"""Files that make a folder when they are unpickled or evaluated."""
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch


class Payload:
    """Makes the folder ``marker`` when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker, )


def evil_checkpoint(path: Path, marker: Path, legacy: bool = False) -> Path:
    """A checkpoint with tensors and a payload."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = dict(state_dict={'fuser.a':
                               torch.zeros(1)}, meta=dict(epoch=0, iter=1),
                   message_hub={}, extra=Payload(marker))
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def evil_pickle(path: Path, marker: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(Payload(marker)))
    return path


def evil_npy(path: Path, marker: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array([Payload(marker)], object), allow_pickle=True)
    return path


def evil_npz(path: Path, marker: Path) -> Path:
    np.savez(path, a=np.array([Payload(marker)], object))
    return path


def evil_yaml(path: Path, marker: Path) -> Path:
    path.write_text(f'a: !!python/object/apply:os.mkdir ["{marker}"]\n')
    return path


def code(marker: Path) -> str:
    """A config that makes the folder when it is evaluated."""
    return f'import os\nos.mkdir({str(marker)!r})\n'


def rewrite(path: Path, target: Path, change) -> Path:
    """A zip file with ``change(name, content)`` for each content."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, 'w') as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def saved(content) -> bytes:
    """What ``torch.save`` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def change_json(content: bytes, change) -> bytes:
    """JSON with ``change(key, value)`` for each value of a dictionary."""

    def walk(node):
        if isinstance(node, dict):
            return {k: walk(change(k, v)) for k, v in node.items()}
        return [walk(v) for v in node] if isinstance(node, list) else node

    return json.dumps(walk(json.loads(content))).encode()
