"""Aligned pairs with boxes, from a COCO JSON."""
import os.path as osp

from mmdet.datasets import CocoDataset
from mmdet.datasets.api_wrappers import COCO

from mmfusion.fileio.paths import name_below
from mmfusion.registry import DATASETS
from mmfusion.tasks import channel_spans
from mmfusion.utils.errors import UsageError

from ..boxes import read_coco
from ..samplers import SeededDraws


class CheckedCoco(COCO):
    """mmdet's index of a COCO JSON, which is read as data and checked.

    Args:
        annotation_file (str): The file.

    Raises:
        UsageError: If an entry is wrong; names the record.
    """

    def __init__(self, annotation_file: str) -> None:
        super().__init__()
        self.dataset = read_coco(annotation_file)
        self.createIndex()
        self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs


@DATASETS.register_module()
class PairedCocoDataset(SeededDraws, CocoDataset):
    """Pairs listed in a COCO JSON, with boxes and optional masks.

    ``file_name`` of an image is its visible file; ``ir_file_name`` its
    infrared one, by default the same name in the infrared folder.

    A sample holds ``vis_path``, ``ir_path``, ``img_id``, ``instances``,
    ``height``, ``width``, ``stem``, ``condition`` (where the JSON has it,
    e.g. ``'day'``), ``modalities``, ``classes`` and an empty
    ``seg_fields``. Load with ``LoadFusionPair`` and
    ``mmdet.LoadAnnotations``.

    Args:
        ann_file (str): The JSON, from ``data_root``.
        data_root (str, optional): Folder of everything.
        data_prefix (dict, optional): ``vis_path`` and ``ir_path``, folders
            that file names start from, updating the class's ``PREFIX``.
        ir_stem (str): Rule of the infrared file's stem where the JSON does
            not name it, e.g. ``'{stem}_ir'``.
        ir_suffix (str, optional): Its suffix, e.g. ``'.png'``. Defaults to
            that of the visible file.
        condition_key (str): Of an image in the JSON. Defaults to
            ``'condition'``.
        metainfo (dict, optional): ``classes`` defaults to the class's, and
            for this class to all categories of the JSON.
        kwargs: See mmdet's ``CocoDataset``.

    File names lie below ``data_root`` or, without one, below their folder;
    where there is neither, they are the user's own and may be absolute.

    Raises:
        FileNotFoundError: If there is no such JSON.
        UsageError: If the JSON is none or a record of it is wrong, a prefix
            is unknown, ``classes`` are not among the JSON's categories in
            the JSON's order, which mmdet would mix up, or a file name leads
            elsewhere; names the image.
    """
    METAINFO: dict = dict(modalities=dict(vis=3, ir=1))
    PREFIX: dict = dict(vis_path='vis', ir_path='ir')
    COCOAPI = CheckedCoco

    def __init__(self, *args, data_prefix: dict | None = None,
                 ir_stem: str = '{stem}', ir_suffix: str | None = None,
                 condition_key: str = 'condition', **kwargs) -> None:
        unknown = set(data_prefix or {}) - set(self.PREFIX)
        if unknown:
            raise UsageError(
                f'{type(self).__name__}: expected data_prefix keys among '
                f'{list(self.PREFIX)}, got {sorted(unknown)}.')
        prefix = {**self.PREFIX, **(data_prefix or {})}
        self.ir_stem = ir_stem
        self.ir_suffix = ir_suffix
        self.condition_key = condition_key
        super().__init__(*args, data_prefix=dict(img=prefix['vis_path'],
                                                 **prefix), **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the JSON; see mmdet's ``CocoDataset``."""
        content = read_coco(self.ann_file, self.backend_args)
        names = [item['name'] for item in content['categories']]
        classes = list(self._metainfo.setdefault('classes', tuple(names)))
        if classes != [name for name in names if name in classes]:
            raise UsageError(
                f'{type(self).__name__}: expected classes among the '
                f'categories of {self.ann_file!r}, in their order {names}, '
                f'got {classes}. Set metainfo=dict(classes=...) or convert '
                'the annotations anew.')
        return super().load_data_list()

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """One sample of the JSON's image and annotations."""
        image = raw_data_info['raw_img_info']
        visible, stem = self._place('vis_path', image, 'file_name')
        info = super().parse_data_info(raw_data_info)
        if not image.get('ir_file_name'):
            rest, suffix = osp.splitext(image['file_name'])
            if osp.isabs(rest) and self.data_prefix['vis_path']:
                rest = stem
            folder, name = osp.split(rest)
            name = self.ir_stem.format(stem=name) + (self.ir_suffix or suffix)
            image = dict(image, ir_file_name=osp.join(folder, name))
        infrared, _ = self._place('ir_path', image, 'ir_file_name')
        info.update(img_path=visible, vis_path=visible, ir_path=infrared,
                    stem=stem)
        if self.condition_key in image:
            info['condition'] = image[self.condition_key]
        return info

    def _place(self, prefix: str, image: dict, key: str) -> tuple[str, str]:
        """The file that a name stands for, and the stem of its sample."""
        name, folder = image.get(key), self.data_prefix[prefix]
        record = f'{self.ann_file}, {key} of image {image.get("id")!r}'
        try:
            below = name_below(folder, name, record)
        except UsageError:
            if not (self.data_root and isinstance(name, str) and name):
                raise
            start = osp.relpath(folder, self.data_root)
            below = name_below(self.data_root, osp.join(start, name), record)
        return osp.join(folder, name), osp.splitext(below)[0]

    def get_data_info(self, idx: int) -> dict:
        """Sample ``idx`` with what all samples share."""
        info = super().get_data_info(idx)
        info.update(modalities=channel_spans(self._metainfo['modalities']),
                    classes=self._metainfo.get('classes'), seg_fields=[])
        return info
