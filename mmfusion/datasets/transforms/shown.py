"""Transforms that show their options."""
from mmcv.transforms import BaseTransform


class ShownTransform(BaseTransform):
    """Base of the transforms: its ``repr`` has all public attributes."""

    def __repr__(self) -> str:
        options = ', '.join(f'{key}={value!r}'
                            for key, value in vars(self).items()
                            if not key.startswith('_'))
        return f'{type(self).__name__}({options})'
