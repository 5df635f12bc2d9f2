"""The log-average miss rate, on cases computed by hand."""
import math

import pytest
import torch

from mmfusion.functional.miss_rate import (REFERENCES, log_average_miss_rate,
                                           match_detections, miss_rate_curve,
                                           overlaps)
from mmfusion.registry import METRICS

NONE = torch.zeros(0, 4)


def boxes(*rows):
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def square(x, y=0., side=10.):
    return [x, y, x + side, y + side]


def match(found, scores, objects, ignored=NONE, **kwargs):
    return match_detections(boxes(*found), torch.tensor(scores),
                            boxes(*objects), ignored, **kwargs)


def test_overlaps_by_hand():
    table = overlaps(boxes(square(0), square(100)),
                     boxes(square(5), [0, 0, 10, 5], square(300)))
    torch.testing.assert_close(table,
                               torch.tensor([[1 / 3, 0.5, 0.], [0., 0., 0.]]))
    inside = overlaps(boxes(square(0)), boxes([0, 0, 5, 100]), of_first=True)
    assert inside.item() == pytest.approx(0.5)
    assert overlaps(boxes([3, 3, 3, 3]), boxes([3, 3, 3, 3])).item() == 0


def test_each_object_is_found_once():
    """The second detection of an object is a false positive."""
    result = match([square(0), square(1), square(50)], [0.5, 0.9, 0.7],
                   [square(0), square(50)])
    assert result.scores.tolist() == pytest.approx([0.9, 0.7, 0.5])
    assert result.hits.tolist() == [True, True, False]
    assert result.objects == 2


def test_a_detection_takes_the_object_it_overlaps_most():
    result = match([square(2)], [0.5], [square(0), square(3)])
    again = match([square(2), square(3)], [0.9, 0.5], [square(0), square(3)])
    assert result.hits.tolist() == [True]
    # the first takes square(3); square(3) then overlaps square(0) by 0.54
    assert again.hits.tolist() == [True, True]


def test_ignored_regions_and_low_objects_do_not_count():
    ignored = boxes([40, 0, 80, 40])
    result = match([square(50), square(60), square(0)], [0.9, 0.8, 0.7],
                   [square(0)], ignored)
    assert result.hits.tolist() == [True] and result.objects == 1
    # half of its own area inside is enough, less is not
    for x, counts in ((35., 0), (34., 1)):
        assert len(match([square(x)], [0.9], [], ignored).hits) == counts
    low = match(
        [square(0), square(50, side=7.9),
         square(80, side=8.)], [0.9, 0.8, 0.7],
        [square(0, side=9.9), square(20)], min_height=10.)
    # 9.9 is too low for an object; 7.9 < 10 / 1.25 <= 8 for a detection
    assert low.objects == 1 and low.scores.tolist() == pytest.approx([0.7])


def test_low_detections_find_nothing():
    """One of 43 pixels on a person of 60: 43 < 55 / 1.25."""
    person = [0., 0., 20., 60.]
    result = match([[0., 10., 20., 53.]], [0.9], [person], min_height=55.)
    assert result.objects == 1 and len(result.hits) == 0
    result = match([[0., 10., 20., 54.]], [0.9], [person], min_height=55.)
    assert result.hits.tolist() == [True]
    # nor does it take the person away from another one
    result = match([[0., 10., 20., 53.], person], [0.9, 0.8], [person],
                   min_height=55.)
    assert result.scores.tolist() == pytest.approx([0.8])
    assert result.hits.tolist() == [True]


def test_objects_beyond_the_bounds_are_ignored():
    bounds = (5, 5, 635, 507)
    inside = [100., 5., 635., 507.]
    for outside in ([4., 5., 30., 70.], [5., 4., 30.,
                                         70.], [600., 5., 636.,
                                                70.], [5., 440., 30., 508.]):
        result = match([outside], [0.9], [outside, inside], bounds=bounds)
        assert result.objects == 1 and len(result.hits) == 0
    result = match([inside], [0.9], [inside], bounds=bounds)
    assert result.hits.tolist() == [True]


def images(counts, objects, empty=0):
    """One image with hits and misses by score, and empty ones."""
    found = [
        square(100. * k) if hit else square(-500. - 100 * k)
        for k, (_, hit) in enumerate(counts)
    ]
    truth = [box for box, (_, hit) in zip(found, counts, strict=True) if hit]
    truth += [square(5000. + 100 * k) for k in range(objects - len(truth))]
    one = match(found, [score for score, _ in counts], truth)
    return [one] + [match([], [], []) for _ in range(empty)]


def test_curve_and_average_by_hand():
    """Four objects in ten images: hit, miss, hit, hit, miss."""
    every = images([(0.9, 1), (0.8, 0), (0.7, 1), (0.6, 1), (0.5, 0)], 4, 9)
    false, missed = miss_rate_curve(every)
    torch.testing.assert_close(
        false, torch.tensor([0., .1, .1, .1, .2], dtype=torch.float64))
    torch.testing.assert_close(
        missed, torch.tensor([.75, .75, .5, .25, .25], dtype=torch.float64))
    # 0.01, 0.0178, 0.0316, 0.0562: before the first false positive; from
    # 0.1 on three of four are found
    expected = math.exp((4 * math.log(.75) + 5 * math.log(.25)) / 9)
    assert log_average_miss_rate(every) == pytest.approx(expected)


def test_extremes():
    assert log_average_miss_rate(images([], 3)) == pytest.approx(1)
    assert log_average_miss_rate(images([(0.9, 1)], 1)) == pytest.approx(1e-10)
    # a false positive first: nothing is reached below 1 per image
    late = images([(0.9, 0), (0.8, 1)], 1)
    assert log_average_miss_rate(late) == pytest.approx(
        math.exp(math.log(1e-10) / 9))
    # equal scores pass a threshold together
    tied = images([(0.9, 1), (0.9, 0)], 1)
    assert miss_rate_curve(tied)[0].tolist() == [1.]
    with pytest.raises(ValueError, match='at least one object'):
        log_average_miss_rate([match([square(0)], [0.9], [])])


def test_a_false_positive_in_a_hundred_images_reaches_the_first_reference():
    every = images([(0.9, 0), (0.8, 1)], 2, 99)
    assert REFERENCES[0] == pytest.approx(0.01) and len(REFERENCES) == 9
    assert REFERENCES[-1] == pytest.approx(1)
    assert log_average_miss_rate(every) == pytest.approx(0.5)


def sample(found, scores, labels, objects, kinds, condition=None, number=0):
    return dict(
        img_id=number, ori_shape=(200, 200), condition=condition, instances=[
            dict(bbox=list(box), bbox_label=kind, ignore_flag=0)
            for box, kind in zip(objects, kinds, strict=True)
        ], pred_instances=dict(bboxes=boxes(*found),
                               scores=torch.tensor(scores),
                               labels=torch.tensor(labels, dtype=torch.long)),
        gt_instances=dict(bboxes=boxes(*objects),
                          labels=torch.tensor(kinds, dtype=torch.long)),
        ignored_instances=dict())


def evaluate(cfg, samples, classes=('person', 'car')):
    metric = METRICS.build(cfg)
    metric.dataset_meta = dict(classes=classes)
    for item in samples:
        metric.process({}, [item])
    return metric.evaluate(len(samples))


def test_metric_of_classes():
    samples = [
        sample([square(0), square(50)], [0.9, 0.8], [0, 1],
               [square(0), square(50), square(90)], [0, 1, 1]),
        sample([], [], [], [square(0)], [0], number=1),
    ]
    found = evaluate(dict(type='MissRateMetric'), samples,
                     ('person', 'car', 'bike'))
    assert found['detection/MR-2_person'] == pytest.approx(50)
    assert found['detection/MR-2_car'] == pytest.approx(50)
    assert math.isnan(found['detection/MR-2_bike'])
    assert found['detection/MR-2'] == pytest.approx(50)


def test_metric_with_bounds():
    samples = [sample([], [], [], [square(0), square(50, 50)], [0, 0])]
    cfg = dict(type='MissRateMetric', bounds=(5, 5, 100, 100))
    metric = METRICS.build(cfg)
    metric.dataset_meta = dict(classes=('person', ))
    metric.process({}, samples)
    assert metric.results[0][0].objects == 1
    for bad in ((5, 5, 100), (5, 5, 5, 9)):
        with pytest.raises(ValueError, match='bounds'):
            METRICS.build(dict(cfg, bounds=bad))


def test_metric_without_ground_truth():
    item = sample([], [], [], [], [])
    del item['gt_instances']
    with pytest.raises(ValueError, match='gt_instances'):
        evaluate(dict(type='MissRateMetric'), [item])


def by_day_and_night():
    return [
        sample([square(0)], [0.9], [0], [square(0)], [0], 'day', 1),
        sample([square(0)], [0.8], [0], [square(100)], [0], 'night', 2),
        sample([square(0)], [0.7], [0], [square(0)], [0], None, 3),
    ]


def test_conditions():
    cfg = dict(type='ConditionMetric', metric=dict(type='MissRateMetric'))
    found = evaluate(cfg, by_day_and_night(), ('person', ))
    assert set(found) == {
        'detection/MR-2', 'detection/day/MR-2', 'detection/night/MR-2'
    }
    assert found['detection/day/MR-2'] == pytest.approx(1e-8)
    assert found['detection/night/MR-2'] == pytest.approx(100)
    alone = evaluate(cfg['metric'], by_day_and_night(), ('person', ))
    assert found['detection/MR-2'] == alone['detection/MR-2']
    # one condition adds nothing
    assert set(evaluate(cfg,
                        by_day_and_night()[:1],
                        ('person', ))) == {'detection/MR-2'}


@pytest.mark.detection
def test_conditions_of_coco():
    """Each condition's AP is that of its images alone."""
    inner = dict(type='mmdet.CocoMetric', metric=['bbox'])
    cfg = dict(type='ConditionMetric', metric=inner)
    samples = by_day_and_night()
    found = evaluate(cfg, samples, ('person', ))
    for condition, part in dict(day=samples[:1], night=samples[1:2]).items():
        alone = evaluate(inner, part, ('person', ))
        assert found[f'coco/{condition}/bbox_mAP_50'] == alone[
            'coco/bbox_mAP_50']
    assert found['coco/day/bbox_mAP_50'] == pytest.approx(1)
    assert found['coco/night/bbox_mAP_50'] == 0.
    assert found['coco/bbox_mAP_50'] == evaluate(
        inner, samples, ('person', ))['coco/bbox_mAP_50']


def test_a_metric_with_one_result_for_all():

    class Count(METRICS.get('MissRateMetric')):

        def process(self, data_batch, data_samples):
            self.results.append(0)

    METRICS.register_module(name='CountForTest', module=Count, force=True)
    metric = METRICS.build(
        dict(type='ConditionMetric', metric=dict(type='CountForTest')))
    with pytest.raises(ValueError, match='one result a sample'):
        metric.process({}, by_day_and_night())
