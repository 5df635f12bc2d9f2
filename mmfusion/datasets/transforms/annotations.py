"""Load label maps, and derive the maps that PSFusion trains on."""
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmfusion.fileio import read_bytes, read_image
from mmfusion.registry import TRANSFORMS
from mmfusion.structures import background_of, resolve_labels, to_classes
from mmfusion.utils.errors import UsageError, one_line

from .shown import ShownTransform

_MAPS = dict(binary_path='gt_binary_map', boundary_path='gt_boundary_map',
             mask_path='gt_mask_map')


@TRANSFORMS.register_module()
class LoadFusionAnnotations(LoadAnnotations):
    """Load the label map and, where a sample has them, three further maps.

    Labels are palette or grey PNGs; ``reduce_zero_label`` and then
    ``label_map`` turn them into classes. The further maps are images of 0
    and 255 (or 0 and 1), loaded as 0 and 1; of palette PNGs the indices.

    Required keys: ``seg_map_path`` unless ``required=False``; optional
    ``binary_path``, ``boundary_path``, ``mask_path``, ``classes``,
    ``label_map``, ``reduce_zero_label``, ``ignored_classes``.

    Added keys: ``gt_seg_map``, ``gt_binary_map``, ``gt_boundary_map``,
    ``gt_mask_map`` (each (H, W) uint8), listed in ``seg_fields``.

    Args:
        required (bool): Whether a sample without labels is an error;
            otherwise it passes without them. Defaults to True.
        ignore_index (int): Label that is always allowed. Defaults to 255.
        reduce_zero_label (bool, optional): Ignore label 0 and move the
            others down; of samples whose data set does not say it.
        backend_args (dict, optional): File backend.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is unreadable, a label lies outside the
            dataset's classes, or ``required`` labels are missing.
        UsageError: If ``reduce_zero_label`` contradicts the data set, or
            drops label 0 once more than ``label_map``.
    """

    def __init__(self, required: bool = True, ignore_index: int = 255,
                 reduce_zero_label: bool | None = None,
                 backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)
        self.reduce_zero_label = reduce_zero_label
        self.required = required
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Add the maps."""
        results.setdefault('seg_fields', [])
        if results.get('seg_map_path') is not None:
            self._load_seg_map(results)
        elif self.required:
            raise ValueError(
                "LoadFusionAnnotations: expected 'seg_map_path', got a "
                'sample without labels '
                f'({results.get("img_path", "no path")!r}). Give the dataset '
                'data_prefix=dict(seg_map_path=...) or set required=False.')
        for path_key, key in _MAPS.items():
            if results.get(path_key) is not None:
                results[key] = self._read_map(results[path_key])
                results['seg_fields'].append(key)
        return results

    def _load_seg_map(self, results: dict) -> None:
        if self.reduce_zero_label is not None:
            stated = results.setdefault('reduce_zero_label',
                                        self.reduce_zero_label)
            if stated != self.reduce_zero_label:
                raise UsageError(
                    'LoadFusionAnnotations: expected reduce_zero_label='
                    f'{stated} of the data set, got '
                    f'{self.reduce_zero_label}. Set it in the data set, '
                    'whose class names follow it.')
        if 'background' not in results:  # no data set has done so
            known = resolve_labels(results)
            results.update({
                key: known[key]
                for key in ('classes', 'label_map', 'background')
            })
        label = to_classes(self._decode(results['seg_map_path']), results)
        self._check_range(label, results)
        ignored = results.get('ignored_classes')
        if ignored:
            label[np.isin(label, ignored)] = self.ignore_index
        results['gt_seg_map'] = label
        results['seg_fields'].append('gt_seg_map')

    def _read_map(self, path: str) -> np.ndarray:
        image = read_image(path, cv2.IMREAD_GRAYSCALE,
                           backend_args=self.backend_args)
        if path.lower().endswith('.png'):
            with self._open(path) as source:
                if source.mode == 'P':  # indices, whatever their colours
                    return (np.array(source) > 0).astype(np.uint8)
        middle = 127 if image.max() > 1 else 0
        return (image > middle).astype(np.uint8)

    @contextmanager
    def _open(self, path: str) -> Iterator[Image.Image]:
        """Pillow keeps the indices of palette images; OpenCV does not."""
        content = read_bytes(path, self.backend_args)
        try:
            with Image.open(io.BytesIO(content)) as image:
                yield image
        # Pillow raises whatever the damage leads it to
        except Exception as error:
            raise ValueError(
                f'Expected a label image, got a damaged or unsupported file: '
                f'{path!r} ({one_line(error)}).') from error

    def _decode(self, path: str) -> np.ndarray:
        with self._open(path) as image:
            label = np.array(image)
        if label.ndim != 2:
            raise ValueError(
                'Expected a label image of one channel (class indices), got '
                f'shape {label.shape} in {path!r}. Convert colours to '
                'indices first.')
        if label.dtype == bool:
            return label.astype(np.uint8)
        if not (label.min() >= 0 and label.max() <= 255):  # NaN is neither
            raise ValueError(f'Expected labels in 0..255, got {label.min()}..'
                             f'{label.max()} in {path!r}.')
        return label.astype(np.uint8, copy=False)

    def _check_range(self, label: np.ndarray, results: dict) -> None:
        if not results.get('classes'):
            return
        number = len(results['classes'])
        wrong = (label >= number) & (label != self.ignore_index)
        if wrong.any():
            raise ValueError(
                f'Expected labels 0..{number - 1} ({number} classes) or '
                f'{self.ignore_index} (ignored), got '
                f'{np.unique(label[wrong]).tolist()} in '
                f'{results["seg_map_path"]!r}. Check the classes in the '
                "dataset's metainfo, or convert the labels.")


@TRANSFORMS.register_module()
class DeriveFusionMaps(ShownTransform):
    """Derive foreground, boundary and salient-object maps from labels.

    Maps that were read from files stay as they are. Values are 0 and 1, and
    255 where the label is ignored. How PSFusion's own files were made is
    not published; this is the plain reading of their description.

    Background is the class that the data set names so (``background``,
    ``unlabeled``, ...); where there is none, all labels are foreground.

    Required keys: ``gt_seg_map``; ``classes`` for names in
    ``mask_classes`` and that of the background.

    Added keys: ``gt_binary_map`` (label is not background),
    ``gt_boundary_map`` (labels differ within the window) and
    ``gt_mask_map`` (label is one of ``mask_classes``), (H, W) uint8, listed
    in ``seg_fields``.

    Args:
        boundary_width (int): Side of the boundary's window in pixels, odd.
            Defaults to 3, one pixel on either side of an edge.
        mask_classes (sequence[str | int]): Salient classes, by name or
            index. Defaults to car, person and bike.
        background (int, optional): Class of the background, where its name
            does not tell.
        ignore_index (int): Label of ignored pixels. Defaults to 255.

    Raises:
        ValueError: If ``boundary_width`` is even or below 3, there is no
            label map, or a class name is unknown.
    """

    def __init__(self, boundary_width: int = 3,
                 mask_classes: Sequence[str | int] = ('car', 'person', 'bike'),
                 background: int | None = None,
                 ignore_index: int = 255) -> None:
        if boundary_width < 3 or boundary_width % 2 == 0:
            raise ValueError('Expected an odd boundary_width of at least 3, '
                             f'got {boundary_width}.')
        self.boundary_width = boundary_width
        self.mask_classes = tuple(mask_classes)
        self.background = background
        self.ignore_index = ignore_index
        self._window = np.ones((boundary_width, boundary_width), np.uint8)

    def transform(self, results: dict) -> dict:
        """Add the missing maps."""
        label = results.get('gt_seg_map')
        if label is None:
            raise ValueError(
                "DeriveFusionMaps: expected 'gt_seg_map', got a sample "
                'without labels. Put it after LoadFusionAnnotations, on a '
                'dataset with seg_map_path.')
        for key, derive in (('gt_binary_map', self._binary),
                            ('gt_boundary_map',
                             self._boundary), ('gt_mask_map', self._mask)):
            if results.get(key) is None:
                results[key] = derive(label, results)
                results['seg_fields'].append(key)
        return results

    def _binary(self, label: np.ndarray, results: dict) -> np.ndarray:
        background = self.background
        if background is None:
            background = background_of(results.get('classes'))
        table = np.ones(256, np.uint8)
        table[background] = 0
        return self._look_up(label, table)

    def _boundary(self, label: np.ndarray, results: dict) -> np.ndarray:
        # Ignored pixels must never win: 0 for the maximum, 255 for the
        # minimum.
        low, high = np.tile(np.arange(256, dtype=np.uint8), (2, 1))
        low[self.ignore_index], high[self.ignore_index] = 0, 255
        upper = cv2.dilate(cv2.LUT(label, low), self._window)
        lower = cv2.erode(cv2.LUT(label, high), self._window)
        differs = (upper > lower).view(np.uint8)
        differs[label == self.ignore_index] = self.ignore_index
        return differs

    def _mask(self, label: np.ndarray, results: dict) -> np.ndarray:
        table = np.zeros(256, np.uint8)
        table[list(self._mask_labels(results))] = 1
        return self._look_up(label, table)

    def _look_up(self, label: np.ndarray, table: np.ndarray) -> np.ndarray:
        table[self.ignore_index] = self.ignore_index
        return cv2.LUT(label, table)

    def _mask_labels(self, results: dict) -> tuple[int, ...]:
        classes = list(results.get('classes') or ())
        unknown = [
            name for name in self.mask_classes
            if isinstance(name, str) and name not in classes
        ]
        if unknown:
            raise ValueError(
                f'DeriveFusionMaps: expected mask_classes among {classes}, '
                f'got {unknown}. Name classes of this dataset or give label '
                'indices.')
        return tuple(
            classes.index(name) if isinstance(name, str) else name
            for name in self.mask_classes)
