"""MMDRFuse (ACM MM 2024): two files, the student's and the teacher's."""
from torch import nn

from mmfusion.registry import MODELS

from .base import KeyMapping

_ENCODER = ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6')
_DECODER = ('conv66', 'conv55', 'conv44', 'conv33', 'conv22')
_TEACHER = {
    **{
        f'encoder.{i}': name for i, name in enumerate(_ENCODER)
    },
    **{
        f'decoder.{i}': name for i, name in enumerate(_DECODER)
    },
    'buffer': 'conv11',
    'out': 'conv00',
}
_STUDENT = dict(hidden='conv1', out='conv2')


def _mapping(fuser: str, layers: dict) -> KeyMapping:

    def build() -> nn.Module:
        return nn.ModuleDict(dict(fuser=MODELS.build(dict(type=fuser))))

    def reference_key(key: str) -> str:
        layer, _, kind = key.removeprefix('fuser.').rpartition('.')
        return f'{layers[layer]}.1.{kind}'  # 0 is their padding layer

    return KeyMapping('mmdrfuse', build, reference_key)


#: the file's keys tell which of the two it is
MMDRFUSE = (_mapping('MMDRFuseStudent',
                     _STUDENT), _mapping('MMDRFuseTeacher', _TEACHER))
