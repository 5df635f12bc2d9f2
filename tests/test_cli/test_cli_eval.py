"""--eval: which evaluators a command line leaves in a config."""
import pytest

from mmfusion.cli.legacy import UsageError, parse
from tests.support.cli_cases import make_config, run


def test_eval_of_fused_images_replaces_that_of_labels():
    cfg, lines = run('test', '--eval', 'EN,SD')
    assert not lines
    assert cfg.test_evaluator == dict(
        type='mmfusion.FusionMetric', preset='default', metrics=['EN', 'SD'],
        csv_file='from_config/fusion_metrics.csv')


@pytest.mark.parametrize('word', ['fusion', 'default'])
def test_eval_of_the_default_metrics(word):
    evaluator = run('test', '--eval', word)[0].test_evaluator
    assert (evaluator.preset, evaluator.metrics) == ('default', None)


def test_eval_of_both():
    cfg, lines = run('test', '--eval', 'film', 'mDice', 'EN')
    assert not lines
    first, second = cfg.test_evaluator
    assert first.iou_metrics == ['mDice']
    assert second.type == 'mmfusion.FusionMetric'
    assert (second.preset, second.metrics) == ('film', ['EN'])


def test_eval_with_a_fusion_metric_in_the_config():
    own = dict(type='FusionMetric', metrics=['EN'], csv_file='own.csv')
    cfg = make_config(
        test_evaluator=[dict(type='mmseg.IoUMetric'), own,
                        dict(type='Other')])
    # 'fusion' means the config's settings
    assert run('test', '--eval', 'fusion',
               cfg=cfg)[0].test_evaluator == [own, dict(type='Other')]
    assert run('test', '--eval', 'film',
               cfg=cfg)[0].test_evaluator[0] == dict(own, preset='film',
                                                     metrics=None)
    kinds = [
        evaluator.type for evaluator in run('test', '--eval', 'mIoU', cfg=cfg)
        [0].test_evaluator
    ]
    assert kinds == ['mmseg.IoUMetric', 'Other']


def test_eval_of_a_config_that_only_fuses():
    cfg = make_config()
    cfg.test_evaluator = cfg.test_dataloader = None
    cfg.fusion_dataloader = dict(batch_size=1, dataset=dict(type='D'))
    cfg, _ = run('test', '--eval', 'EN', cfg=cfg)
    assert cfg.test_evaluator.metrics == ['EN']
    assert cfg.test_dataloader.dataset.type == 'D'
    assert cfg.test_dataloader.sampler.type == 'DefaultSampler'
    assert cfg.test_cfg == {}


def test_label_maps_are_not_written_by_a_fusion_metric():
    cfg, _ = run('test', '--eval', 'EN', 'mIoU', '--out', 'maps')
    first, second = cfg.test_evaluator
    assert first.output_dir == 'maps' and 'output_dir' not in second
    with pytest.raises(UsageError, match='--out.*got none'):
        run('test', '--eval', 'EN', '--out', 'maps')


def detection_config():
    return make_config(test_evaluator=[
        dict(type='ConditionMetric', metric=dict(type='mmdet.CocoMetric',
                                                 metric=['proposal'])),
        dict(type='MissRateMetric'),
    ])


def test_eval_of_boxes():
    for words in (['bbox'], ['segm', 'bbox']):
        cfg, lines = run('test', '--eval', *words, cfg=detection_config())
        first, second = cfg.test_evaluator
        assert first.metric.metric == words and not lines
        assert second.type == 'MissRateMetric'
    plain = make_config(test_evaluator=dict(type='mmdet.CocoMetric'))
    cfg, _ = run('test', '--eval', 'bbox', 'EN', cfg=plain)
    assert cfg.test_evaluator[0].metric == ['bbox']
    assert cfg.test_evaluator[1].metrics == ['EN']


def test_eval_of_boxes_or_labels_that_are_not_there():
    with pytest.raises(UsageError, match='needs a CocoMetric'):
        run('test', '--eval', 'bbox')
    with pytest.raises(UsageError, match='needs an IoUMetric'):
        run('test', '--eval', 'mIoU', cfg=detection_config())
    with pytest.raises(UsageError, match="'bbox', 'segm'"):
        run('test', '--eval', 'mAP', cfg=detection_config())


def test_detections_are_written_as_json():
    cfg, _ = run('test', '--out', 'found', cfg=detection_config())
    assert cfg.test_evaluator[0].metric.outfile_prefix == 'found/detections'
    cfg, _ = run('test', '--format-only', cfg=detection_config())
    inner = cfg.test_evaluator[0].metric
    assert inner.format_only
    assert inner.outfile_prefix == 'from_config/predictions/detections'


def test_collecting_of_all_evaluators():
    cfg, _ = run('test', '--eval', 'EN', 'mIoU', '--tmpdir', 'shared')
    assert [e.collect_dir for e in cfg.test_evaluator] == ['shared'] * 2


def test_eval_of_written_images():
    args, lines = parse('test_fusion', ['c', 'p', '--eval', 'film', 'EN,SD'])
    assert args.eval == ['film', 'EN,SD'] and not lines
