"""Files of a sample: how they are named, found and decoded. No torch."""
from .arrays import map_array, npz_names, read_array, read_arrays
from .captions import Caption, read_captions
from .h5 import H5_SUFFIXES, check_same_names, h5_shapes, read_h5, require_h5py
from .images import read_bytes, read_image
from .levels import to_byte_range
from .reading import PairReading, resize_image, to_bytes
from .rules import (IMG_SUFFIXES, FileRule, Suffix, data_paths, image_files,
                    is_data, join_by_stem, natural_key, sample_stem)
from .text_features import (as_text_feature, h5_text_paths, read_npz,
                            read_text_feature)
from .texts import read_lines, read_text

__all__ = [
    'Caption', 'FileRule', 'H5_SUFFIXES', 'IMG_SUFFIXES', 'PairReading',
    'Suffix', 'as_text_feature', 'check_same_names', 'data_paths', 'h5_shapes',
    'h5_text_paths', 'image_files', 'is_data', 'join_by_stem', 'map_array',
    'natural_key', 'npz_names', 'read_array', 'read_arrays', 'read_bytes',
    'read_captions', 'read_h5', 'read_image', 'read_lines', 'read_npz',
    'read_text', 'read_text_feature', 'require_h5py', 'resize_image',
    'sample_stem', 'to_byte_range', 'to_bytes'
]
