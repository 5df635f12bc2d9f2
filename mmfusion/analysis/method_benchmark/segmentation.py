"""What a segmentor makes of fused images."""
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.evaluation import IoUMetric

from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.apis.model_loading import complete_meta, init_model
from mmfusion.apis.pairs import Pair, PairReader, model_pipeline
from mmfusion.datasets.transforms import LoadFusionAnnotations
from mmfusion.evaluation.records import Record, RecordStore
from mmfusion.fileio import read_image
from mmfusion.fileio.paths import output_path
from mmfusion.registry import MODELS
from mmfusion.structures.label_maps import IGNORED
from mmfusion.utils.config_file import load_config, require_file, type_name
from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import track

_LOADING = ('LoadImageFromFile', 'LoadAnnotations', 'PackSegInputs')
_PASS = dict(type='SelectModality', modality='vis')


class Segmentor:
    """A trained segmentor that is given fused images.

    Args:
        config (str): Of an mmfusion ``FuserSegmenter``, whose fuser is left
            out, or of a whole mmseg model.
        checkpoint (str): Its weights.
        device (str): Where it runs.

    Raises:
        FileNotFoundError: If a file is missing.
        UsageError: If the config is of another model, the checkpoint does
            not fit, or its data set has another number of classes.
    """

    def __init__(self, config: str, checkpoint: str,
                 device: str = 'cpu') -> None:
        self.config = config
        self.checkpoint = require_file(checkpoint,
                                       f'the checkpoint of {config}',
                                       'Train it with tools/train.py.')
        cfg = load_config(config)
        kind = type_name((cfg.get('model') or {}).get('type', 'nothing'))
        if kind == 'FuserSegmenter':
            model = init_model(cfg, checkpoint, device, optimize=False)
            model.fuser = MODELS.build(_PASS).to(device)
        elif cfg.get('default_scope') == 'mmseg':
            model = _from_mmseg(cfg, checkpoint, device)
        else:
            raise UsageError(
                f'{config}: expected a FuserSegmenter or an mmseg model, '
                f'got {kind}.')
        self.model = model
        self.count = model.segmentor.num_classes
        meta = model.dataset_meta
        self.classes = list(meta.get('classes') or map(str, range(self.count)))
        if len(self.classes) != self.count:
            raise UsageError(
                f'{config}: expected a data set of {self.count} classes, as '
                f'its decode_head has them, got {len(self.classes)}: '
                f'{", ".join(self.classes)}.')
        self._load = LoadFusionAnnotations()
        self._rule = {
            key: meta[key] for key in ('label_map', 'reduce_zero_label')
            if meta.get(key)
        }

    def settings(self) -> dict[str, str]:
        """All that decides about its predictions."""
        content = Path(self.checkpoint).read_bytes()
        return dict(self._rule, config=self.config,
                    checkpoint=hashlib.sha256(content).hexdigest())

    def reader(self, images: Sequence[str]) -> PairReader:
        """Files of fused images, as the segmentor takes them."""
        init_default_scope('mmfusion')
        pipeline = model_pipeline(self.model)
        pipeline.transforms.insert(0, _read_as_pair)
        return PairReader([dict(vis_path=path) for path in images], pipeline)

    def areas(self, pair: Pair, labels: str) -> dict[str, float]:
        """Intersection and union of each class in one image, pixels.

        Args:
            pair (Pair): Of :meth:`reader`.
            labels (str): File of its label map, (H, W), as the segmentor's
                data set has them; 255 is ignored.

        Returns:
            dict[str, float]: ``intersect.K`` and ``union.K``.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the label map does not fit.
        """
        truth = self._load.transform(
            dict(self._rule, background=None,
                 seg_map_path=labels))['gt_seg_map']
        size = pair.item['data_samples'].ori_shape
        if truth.shape != tuple(size):
            raise ValueError(
                f'Expected a label map of the image\'s size {labels!r}, got '
                f'shape {truth.shape} for an image of {tuple(size)}.')
        top = int(truth[truth != IGNORED].max(initial=0))
        if top >= self.count:
            raise ValueError(
                f'Expected labels below {self.count}, the classes of '
                f'{self.config}, or {IGNORED}, got {top} in {labels!r}.')
        output, = self.model.test_step(pseudo_collate([pair.item]))
        guess = output.pred_sem_seg.data[0].cpu()
        shared, either, _, _ = IoUMetric.intersect_and_union(
            guess.long(), torch.from_numpy(truth.astype(np.int64)), self.count,
            IGNORED)
        return {
            f'{name}.{index}': value
            for name, areas in (('intersect', shared), ('union', either))
            for index, value in enumerate(areas.tolist())
        }


def _read_as_pair(sample: dict) -> dict:
    image = read_image(sample['vis_path'], cv2.IMREAD_COLOR)
    return dict(sample, vis=image, ir=image)


def _from_mmseg(cfg: Config, checkpoint: str, device: str) -> torch.nn.Module:
    """A wrapper around an mmseg config's model, whose images it takes."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    steps = [
        dict(step, _scope_='mmseg')
        for step in dataset.get('pipeline') or cfg.get('test_pipeline') or ()
        if type_name(step['type']) not in _LOADING
    ]
    known = {
        key: dataset[key] for key in ('metainfo', 'reduce_zero_label')
        if key in dataset
    }
    if 'type' in dataset:
        known['type'] = f'mmseg.{type_name(dataset["type"])}'
    wrapped = Config(
        dict(
            default_scope='mmfusion',
            model=dict(type='FuserSegmenter', fuser=_PASS,
                       segmentor=dict(cfg.model, _scope_='mmseg')),
            test_dataloader=dict(dataset=dict(
                known, pipeline=[
                    dict(type='LoadFusionPair'), *steps,
                    dict(type='PackFusionInputs')
                ]))))
    model = init_model(wrapped, None, device, optimize=False)
    meta, _ = load_model_weights(model.segmentor, checkpoint)
    model.dataset_meta = complete_meta(wrapped, meta)
    return model


def segment(
    segmentor: Segmentor, pairs: Sequence[Mapping[str, str]],
    images: Mapping[str, Path], store: RecordStore
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[tuple[str, str], str]]:
    """Segment what the store does not have yet.

    Args:
        segmentor (Segmentor): The segmentor.
        pairs (sequence[mapping]): ``stem`` and, where labelled,
            ``label_path``.
        images (mapping): Method -> folder of its images.
        store (RecordStore): Where areas are looked up and added.

    Returns:
        tuple[dict, dict]: Areas by method and stem, and reasons by method
        and stem of what could not be scored.
    """
    found: dict[str, dict[str, Any]] = {method: {} for method in images}
    failures, todo = {}, []
    for pair in pairs:
        for method, folder in images.items():
            path = output_path(folder, pair['stem'])
            if 'label_path' not in pair or not path.is_file():
                continue
            files = [path, pair['label_path']]
            record = store.find(method, pair['stem'], files)
            if record:
                found[method][pair['stem']] = record.values
            else:
                todo.append((method, pair['stem'], files))
    reader = segmentor.reader([str(files[0]) for _, _, files in todo])

    def run(batch: list[Pair]) -> list[dict[str, float]]:
        return [
            segmentor.areas(pair, str(todo[pair.index][2][1]))
            for pair in batch
        ]

    for pair in track(reader.run(run), len(todo)):
        method, stem, files = todo[pair.index]
        if pair.failure:
            failures[method, stem] = pair.failure[1]
            continue
        found[method][stem] = pair.result
        store.add(Record(method, stem, pair.result), files)
    store.close()
    return found, failures


def class_iou(areas: Sequence[Mapping[str, float]],
              count: int) -> list[float | None]:
    """IoU in % of each class over several images.

    Args:
        areas (sequence[mapping]): As :meth:`Segmentor.areas` gives them.
        count (int): Number of classes.

    Returns:
        list[float | None]: None for a class that neither occurs nor is
        predicted.
    """
    iou: list[float | None] = []
    for index in range(count):
        union = sum(item[f'union.{index}'] for item in areas)
        shared = sum(item[f'intersect.{index}'] for item in areas)
        iou.append(100 * shared / union if union else None)
    return iou
