"""Label maps that are written, and heads of other numbers of classes."""
import json

import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer, test
from mmfusion.apis.checkpoint import check_overlap, load_model_weights
from mmfusion.apis.model_loading import build_network, init_model
from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from mmfusion.deployment.graph import ExportGraph, describe
from mmfusion.registry import MODELS
from mmfusion.structures import to_classes, to_file_labels
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError
from tests.support import tiny_project
from tests.support.tiny_project import train_with
from tests.support.wrapper_cases import FUSERS

_CHILD = '''
_base_ = './stage2.py'
stage1_config = None
stage1_checkpoint = None
rule = {rule}
model = dict(
    fuser=dict(init_cfg=None),
    segmentor=dict(decode_head=dict(num_classes={count})))
train_dataloader = dict(dataset=rule)
val_dataloader = dict(dataset=rule)
test_dataloader = dict(dataset=rule)
'''
REDUCED = dict(reduce_zero_label=True)
CHOSEN = dict(metainfo=dict(classes=MFNET_CLASSES[1:]))


@pytest.fixture
def make(tmp_path):
    """Config of a data set that is read by a rule, and random weights."""
    configs = tiny_project.make_project(tmp_path)

    def write(rule, count):
        config = configs / f'child{count}.py'
        config.write_text(_CHILD.format(rule=rule, count=count))
        torch.manual_seed(count)
        model = build_network(load_config(config))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        path = tmp_path / f'child{count}.pth'
        torch.save(dict(state_dict=model.state_dict()), path)
        return config, path

    return write


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize('rule', [REDUCED, CHOSEN], ids=['reduced', 'chosen'])
def test_written_labels_are_those_of_the_files(make, tmp_path, rule):
    config, checkpoint = make(rule, 8)
    scores = test(config, checkpoint, tmp_path / 'work',
                  out_dir=tmp_path / 'maps')
    fuse = FusionInferencer(config, checkpoint, device='cpu')
    data = tmp_path / 'data'
    results = fuse(data / 'vis', data / 'ir', out_dir=tmp_path / 'out')
    hits, union = np.zeros(9), np.zeros(9)
    for result in results:
        written = read(tmp_path / 'out' / f'{result["name"]}_seg.png')
        np.testing.assert_array_equal(written, result['pred_sem_seg'] + 1)
        np.testing.assert_array_equal(
            written, read(tmp_path / 'maps' / f'{result["name"]}.png'))
        np.testing.assert_array_equal(
            to_classes(written, fuse.model.dataset_meta),
            result['pred_sem_seg'])
        truth = read(data / 'labels' / f'{result["name"]}.png')
        for k in range(1, 9):
            own, other = truth == k, (written == k) & (truth > 0)
            hits[k] += (own & other).sum()
            union[k] += (own | other).sum()
    assert len(np.unique(written)) > 1
    assert scores['mIoU'] == pytest.approx(100 * np.mean(hits[1:] / union[1:]),
                                           abs=0.006)


def test_an_exported_model_knows_the_labels(make):
    model = init_model(*make(REDUCED, 8), optimize=False)
    meta = describe(model, ExportGraph(model, 'full'), None, 1)
    rule = json.loads(json.dumps(meta))['dataset_meta']
    assert to_file_labels(np.arange(8), rule).tolist() == list(range(1, 9))


def test_a_run_with_other_classes_does_not_start(make):
    config, _ = make(REDUCED, 9)
    with pytest.raises(
            UsageError, match=r'8 classes of train_dataloader \(MFNet.*'
            'decode_head.num_classes of 9'):
        train_with(config, '--work-dir', config.parent / 'work')


def test_the_rest_of_a_checkpoint_is_loaded(make, tmp_path, capfd):
    (_, checkpoint), (config, _) = make({}, 9), make(REDUCED, 8)
    train_with(config, '--load-from', checkpoint, '--work-dir',
               tmp_path / 'work', '--cfg-options', 'optim_wrapper.optimizer.'
               'lr=0', 'train_cfg.max_iters=1', 'train_cfg.val_interval=2',
               'default_hooks.checkpoint.interval=1')
    assert ('segmentor.decode_head.conv_seg (9 outputs there, 8 here)'
            in capfd.readouterr().err)
    before, after = (torch.load(path, weights_only=False)['state_dict']
                     for path in (checkpoint, tmp_path / 'work/iter_1.pth'))
    kept = {
        key for key, value in after.items() if value.shape == before[key].shape
        and torch.equal(value, before[key])
    }
    learned = {key for key in after if 'running' not in key}
    assert {key for key in learned - kept if 'num_batches' not in key} == {
        'segmentor.decode_head.conv_seg.weight',
        'segmentor.decode_head.conv_seg.bias'
    }


def test_other_ways_to_load_it_say_so(make, tmp_path):
    (_, nine), (config, _) = make({}, 9), make(REDUCED, 8)
    model = build_network(load_config(config))
    with pytest.raises(UsageError) as error:
        load_model_weights(model, nine)
    text = str(error.value)
    assert text.startswith(str(nine)) and '\n' not in text
    assert 'conv_seg (9 outputs there, 8 here)' in text
    assert 'load_from=FILE' in text and 'convert.py' not in text
    with pytest.raises(UsageError, match='to resume with'):
        check_overlap(model, nine, resume=True)


def test_stage1_checkpoint_of_other_classes(tmp_path):
    nodes = [dict(FUSERS['psfusion'], num_classes=count) for count in (9, 5)]
    path = tmp_path / 'stage1.pth'
    first = MODELS.build(dict(type='ImageFuser', fuser=nodes[0]))
    torch.save(first.state_dict(), path)
    nodes[1]['init_cfg'] = dict(type='Pretrained', checkpoint=str(path))
    with pytest.raises(UsageError) as error:
        MODELS.build(nodes[1]).init_weights()
    text = str(error.value)
    assert text.startswith(str(path)) and '\n' not in text
    assert 'semantic_heads.semantic' in text
    assert '(9 outputs there, 5 here)' in text and 'init_cfg=None' in text
