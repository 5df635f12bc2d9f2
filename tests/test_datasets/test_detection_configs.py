"""Every dataset config with boxes loads what its converter writes."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine import Config
from mmengine.dataset import pseudo_collate

from mmfusion.datasets.sets import BOX_SETS
from mmfusion.datasets.sets.synthetic import SyntheticBoxes
from mmfusion.registry import DATA_SAMPLERS, DATASETS, METRICS, MODELS

pytestmark = pytest.mark.detection
CLASSES = {
    **{
        name: boxes.classes for name, boxes in BOX_SETS.items()
    }, 'synthetic': SyntheticBoxes.classes
}
FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
# root, classes, prefixes of the JSON's file names
SETS = dict(llvip_det=('LLVIP', 'llvip'), m3fd_det=('M3FD_Detection', 'm3fd'),
            flir_aligned_det=('align', 'flir'), kaist_det=('kaist', 'kaist'),
            vedai_det=('VEDAI', 'vedai'), dronevehicle_det=('DroneVehicle',
                                                            'dronevehicle'),
            det_llvip=('det_llvip', 'llvip'),
            synthetic_det=('data/synthetic_rgbt', 'synthetic'))


def test_all_configs_are_known():
    found = {
        path.stem for path in FOLDER.glob('*.py')
        if 'det' in path.stem.split('_')
    }
    assert found == {*SETS, 'paired_det'}


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    """Two pairs a split, where the config expects them."""

    def make(name):
        monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
        monkeypatch.chdir(tmp_path)
        root, classes = SETS[name]
        cfg = Config.fromfile(str(FOLDER / f'{name}.py'))
        for part in ('train', 'val'):
            dataset = cfg[f'{part}_dataloader'].dataset
            prefix = dataset.get('data_prefix') or dict(
                vis_path='', ir_path='')
            images, annotations = [], []
            for number in (1, 2):
                names = dict(vis=f'{part}_{number}.png',
                             ir=f'{part}_{number}_ir.png')
                for key, file in names.items():
                    image = np.zeros((512, 640, 3), np.uint8)
                    path = tmp_path / root / prefix[f'{key}_path'] / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(path), image)
                images.append(
                    dict(id=number, file_name=names['vis'],
                         ir_file_name=names['ir'], width=640, height=512))
                annotations.append(
                    dict(id=number, image_id=number, iscrowd=0, category_id=1,
                         bbox=[40, 60, 480, 390], area=480 * 390))
            path = tmp_path / root / dataset.ann_file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                json.dumps(
                    dict(
                        images=images, annotations=annotations, categories=[
                            dict(id=k, name=label)
                            for k, label in enumerate(CLASSES[classes], 1)
                        ])))
        return cfg

    return make


def batch(loader):
    dataset = DATASETS.build(loader.dataset)
    DATA_SAMPLERS.build(dict(loader.sampler, dataset=dataset, seed=0))
    return dataset, pseudo_collate([dataset[0], dataset[1]])


@pytest.mark.parametrize('name', SETS)
def test_loaders(laid_out, name):
    cfg = laid_out(name)
    prepare = MODELS.build(dict(type='FusionDataPreprocessor'))
    _, data = batch(cfg.train_dataloader)
    out = prepare(data, training=True)
    assert out['inputs'].shape[1] == 4
    sample = out['data_samples'][0]
    assert sample.gt_instances.bboxes.shape == (1, 4)
    dataset, data = batch(cfg.val_dataloader)
    sample = data['data_samples'][0]
    assert dataset.test_mode and sample.ori_shape == (512, 640)
    # boxes at the original size
    assert sample.gt_instances.bboxes.tensor.tolist() == [[40, 60, 520, 450]]
    assert sample.instances[0]['bbox'] == [40, 60, 520, 450]
    for item in cfg.val_evaluator:
        METRICS.build(dict(item)).dataset_meta = dataset.metainfo
    _, data = batch(cfg.fusion_dataloader)
    assert data['inputs'][0].shape == (4, 512, 640)


@pytest.mark.parametrize('name', SETS)
def test_fusion_pretraining_and_tta(laid_out, name):
    cfg = laid_out(name)
    cfg.train_dataloader.dataset.pipeline = cfg.fusion_train_pipeline
    _, data = batch(cfg.train_dataloader)
    size = tuple(cfg.fusion_crop_size)
    for inputs, sample in zip(*data.values(), strict=True):
        assert inputs.shape == (4, *size) and sample.gt_mask.shape == size
        assert 'gt_instances' not in sample
    cfg.val_dataloader.dataset.pipeline = cfg.tta_pipeline
    item = DATASETS.build(cfg.val_dataloader.dataset)[0]
    assert [sample.flip for sample in item['data_samples']] == [False, True]


def test_kaists_least_height_reaches_the_metric():
    cfg = Config.fromfile(str(FOLDER / 'kaist_det.py'))
    assert METRICS.build(cfg.test_evaluator[1]).metric.min_height == 55
