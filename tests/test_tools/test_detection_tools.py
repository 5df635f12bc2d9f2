"""The tools with a detector: two stages, scores, panels."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope

from tests.support import tiny_project
from tests.support.detection_cases import write_coco

pytestmark = pytest.mark.detection
BOXES = [[(6, 8, 26, 30), (36, 4, 56, 20)], [(10, 12, 40, 44)],
         [(20, 10, 50, 40)]]
CONFIG = '''
_base_ = ['./common.py', 'mmfusion::_base_/models/fuser_retinanet.py']
stage1_config = 'fusers/stage1.py'
stage1_checkpoint = {checkpoint!r}
model = dict(
    fuser=dict(
        _base_.fuser,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(
        intensity=dict(type='IntensityLoss', target_mask='boxes')),
    detector=dict(**_base_.from_scratch, test_cfg=dict(score_thr=0.0)))
load = [dict(type='LoadFusionPair')]
boxes = [dict(type='mmdet.LoadAnnotations', with_bbox=True)]
pack = [dict(type='PackFusionInputs', extra_meta_keys=('instances', ))]
resize = [dict(type='mmdet.Resize', scale=(96, 72), keep_ratio=True)]
dataset = dict(
    type='PairedCocoDataset',
    data_root={root!r},
    ann_file='annotations/train.json',
    data_prefix=dict(vis_path='train/vis', ir_path='train/ir'),
    pipeline=load + boxes + [dict(type='mmdet.RandomFlip', prob=0.5)] + pack)
train_dataloader = dict(dataset=dict(_delete_=True, **dataset))
test_dataloader = dict(
    dataset=dict(
        dataset,
        _delete_=True,
        pipeline=load + resize + boxes + pack,
        test_mode=True))
val_dataloader = test_dataloader
fusion_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(dataset, pipeline=load + pack, test_mode=True))
val_evaluator = [
    dict(
        type='ConditionMetric',
        metric=dict(type='mmdet.CocoMetric', metric=['bbox'])),
    dict(type='MissRateMetric'),
]
test_evaluator = val_evaluator
tta_model = dict(type='FuserDetTTAModel')
tta_pipeline = load + [
    dict(
        type='TestTimeAug',
        transforms=[
            resize,
            [
                dict(type='mmdet.RandomFlip', prob=0.0),
                dict(type='mmdet.RandomFlip', prob=1.0)
            ], boxes, pack
        ])
]
'''


@pytest.fixture(scope='session')
def detector(tmp_path_factory):
    """A project whose fuser is stage 1's, behind it a trained RetinaNet."""
    root = tmp_path_factory.mktemp('detector')
    configs = tiny_project.make_project(root)
    write_coco(root / 'pairs', BOXES, condition=['day', 'night', 'night'])
    (configs / 'detect.py').write_text(
        CONFIG.replace('{root!r}', repr(str(root / 'pairs'))).replace(
            '{checkpoint!r}', repr(str(root / 'stage1' / 'iter_2.pth'))))
    DefaultScope.get_instance('mmfusion', scope_name='mmfusion')
    tiny_project.train_with(configs / 'detect.py', '--two-stage', '--work-dir',
                            root / 'stage2', '--seed', 0, '--cfg-options',
                            'model.fuser_frozen=True')
    return root


@pytest.fixture
def score(detector, tmp_path, call):
    """Run ``test.py``; give the metrics."""

    def run(*flags):
        assert call('test.py', detector / 'configs/fusers/detect.py',
                    detector / 'stage2/iter_2.pth', '--work-dir', tmp_path,
                    *flags) == 0
        files = list(tmp_path.glob('eval_*.json'))
        return json.loads(files[0].read_text())['metric'] if files else {}

    return run


def test_two_stages(detector):
    one, two = (torch.load(detector / name / 'iter_2.pth',
                           weights_only=False)['state_dict']
                for name in ('stage1', 'stage2'))
    fuser = [key for key in two if key.startswith('fuser.')]
    assert fuser and all(torch.equal(one[key], two[key]) for key in fuser)
    assert any(key.startswith('detector.bbox_head.') for key in two)


def test_resume(detector, tmp_path):
    config = detector / 'configs/fusers/detect.py'
    four = ['--cfg-options', 'train_cfg.max_iters=4']
    tiny_project.train_with(config, '--work-dir', tmp_path)
    tiny_project.train_with(config, '--work-dir', tmp_path, '--resume', *four)
    saved = torch.load(tmp_path / 'iter_4.pth', weights_only=False)
    assert saved['meta']['iter'] == 4


def test_eval_bbox(score):
    metrics = score('--eval', 'bbox')
    for name in ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/day/bbox_mAP_50',
                 'coco/night/bbox_mAP_50'):
        assert -1 <= metrics[name] <= 1
    assert 0 <= metrics['detection/MR-2'] <= 100


def test_eval_of_boxes_and_fused_images(score):
    metrics = score('--eval', 'bbox', 'EN')
    assert 'coco/bbox_mAP' in metrics and 'fusion/EN' in metrics


def test_eval_of_fused_images_alone(score):
    metrics = score('--eval', 'EN')
    assert 'coco/bbox_mAP' not in metrics and 'fusion/EN' in metrics


def test_eval_of_labels_that_are_not_there(detector, call, capsys):
    assert call('test.py', detector / 'configs/fusers/detect.py',
                detector / 'stage2/iter_2.pth', '--eval', 'mIoU') == 2
    assert 'needs an IoUMetric' in capsys.readouterr().err


def test_tta(score):
    assert 'coco/bbox_mAP' in score('--tta')


def test_panels_and_detections_as_json(score, detector, tmp_path):
    score('--show-dir', tmp_path / 'panels', '--out', tmp_path / 'out')
    panel = cv2.imread(str(tmp_path / 'panels' / '001.png'))
    assert panel.shape[1] > 5 * 64  # five tiles
    found = json.loads((tmp_path / 'out/detections.bbox.json').read_text())
    assert {item['image_id'] for item in found} == {1, 2, 3}


def test_fused_images_with_boxes(detector, call, tmp_path):
    base = detector / 'pairs' / 'train'
    common = [
        'test_fusion.py', detector / 'configs/fusers/detect.py',
        detector / 'stage2/iter_2.pth', '--device', 'cpu'
    ]
    outs = {}
    for name, flags in dict(
            folders=['--vis', base / 'vis', '--ir', base / 'ir'], config=[],
            none=['--score-thr', '1.1']).items():
        out = tmp_path / name
        assert call(*common, '--out-dir', out / 'fused', '--show-dir',
                    out / 'panels', '--score-thr', '0', *flags) == 0
        outs[name] = cv2.imread(str(out / 'panels' / '001.png'))
        assert len(list((out / 'fused').iterdir())) == 3
        assert cv2.imread(str(out / 'fused/001.png')).shape == (48, 64, 3)
    np.testing.assert_array_equal(outs['folders'], outs['config'])
    assert outs['config'].shape == outs['none'].shape
    assert (outs['config'] != outs['none']).any()


def test_a_fuser_alone_draws_no_boxes(detector, call, tmp_path, capsys):
    assert call('test_fusion.py', detector / 'configs/fusers/detect.py',
                detector / 'stage1/iter_2.pth', '--device', 'cpu', '--out-dir',
                tmp_path / 'fused', '--show-dir', tmp_path / 'panels') == 0
    assert 'detector stays untrained' in capsys.readouterr().err
    panel = cv2.imread(str(tmp_path / 'panels' / '001.png'))
    assert panel.shape[1] < 4 * 64 + 40  # three tiles
    # and the other way round: a detector's checkpoint serves its fuser
    assert call('test_fusion.py', detector / 'configs/fusers/stage1.py',
                detector / 'stage2/iter_2.pth', '--device', 'cpu', '--out-dir',
                tmp_path / 'other') == 0
    assert 'no detector' in capsys.readouterr().err


def test_inferencer_gives_boxes(detector):
    from mmfusion.apis import FusionInferencer
    fuse = FusionInferencer(str(detector / 'configs/fusers/detect.py'),
                            str(detector / 'stage2/iter_2.pth'), device='cpu')
    result = fuse(np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64),
                                                            np.uint8))
    count = len(result['scores'])
    assert result['bboxes'].shape == (count, 4)
    assert (np.diff(result['scores']) <= 0).all()
