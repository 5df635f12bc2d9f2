"""Synthetic scenes: alignment, complementing modalities, determinism."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmfusion.datasets import MFNetDataset
from mmfusion.datasets.sets.mfnet import MFNET_CLASSES, MFNET_PALETTE
from mmfusion.datasets.synthetic import generate_scene, write_dataset
from mmfusion.datasets.synthetic import writer as writer_module
from mmfusion.datasets.synthetic.canvas import Camera, Canvas, cuboid
from mmfusion.datasets.synthetic.classes import (BUMP, CAR, CAR_STOP,
                                                 COLOR_CONE, CURVE, GUARDRAIL,
                                                 PERSON)
from mmfusion.datasets.synthetic.conditions import draw_conditions
from mmfusion.datasets.synthetic.scenery import upright_box
from mmfusion.datasets.synthetic.traffic import car
from mmfusion.utils import files

SMALL = (48, 64)


@pytest.fixture(scope='module')
def scenes():
    """24 scenes by day and 24 by night."""
    return {
        night: [
            generate_scene((3, night, k), (240, 320), bool(night))
            for k in range(24)
        ] for night in (0, 1)
    }


@pytest.mark.parametrize('size', [(480, 640), (97, 131), (32, 32), (200, 64)])
@pytest.mark.parametrize('night', [False, True])
def test_sizes_and_types(size, night):
    scene = generate_scene(5, size, night)
    assert scene['vis'].shape == (*size, 3)
    assert scene['ir'].shape == scene['label'].shape == size
    for key in ('vis', 'ir', 'label'):
        assert scene[key].dtype == np.uint8
    assert scene['label'].max() <= 8
    assert scene['vis'].std() > 3 and scene['ir'].std() > 3


def test_boxes_surround_labels(scenes):
    number = 0
    for scene in scenes[0] + scenes[1]:
        for class_id, x1, y1, x2, y2 in scene['boxes']:
            assert 0 <= x1 < x2 <= 320 and 0 <= y1 < y2 <= 240
            inside = scene['label'][y1:y2, x1:x2] == class_id
            for border in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
                assert border.any()
            number += 1
        persons = np.argwhere(scene['label'] == PERSON)
        boxes = [box for box in scene['boxes'] if box[0] == PERSON]
        if len(persons) > 60:
            assert boxes
            covered = sum(
                any(x1 <= x < x2 and y1 <= y < y2
                    for _, x1, y1, x2, y2 in boxes) for y, x in persons)
            assert covered > .9 * len(persons)
    assert number > 200


def test_all_classes_are_learnable(scenes):
    every = scenes[0] + scenes[1]
    present = np.mean([
        np.bincount(scene['label'].ravel(), minlength=9) > 15
        for scene in every
    ], axis=0)
    assert len(present) == len(MFNET_CLASSES)
    assert (present >= .25).all(), present
    assert (present[1:4] > .6).all(), present


def contrast(image, mask):
    """Mean difference between a region and the ring around it."""
    mask = mask.astype(np.uint8)
    ring = (cv2.dilate(mask, np.ones((15, 15), np.uint8)) > 0) & (mask == 0)
    return abs(float(image[mask > 0].mean()) - float(image[ring].mean()))


def mean_contrasts(scenes, class_id):
    values = []
    for scene in scenes:
        mask = scene['label'] == class_id
        if mask.sum() > 40:
            grey = cv2.cvtColor(scene['vis'], cv2.COLOR_RGB2GRAY)
            values.append((contrast(grey, mask), contrast(scene['ir'], mask)))
    assert len(values) > 3
    return np.mean(values, axis=0)


def test_persons_live_in_infrared_at_night(scenes):
    vis, ir = mean_contrasts(scenes[1], PERSON)
    assert ir > 5 * vis
    vis, ir = mean_contrasts(scenes[0], PERSON)
    assert ir > 1.5 * vis and vis > 8


@pytest.mark.parametrize('night', [0, 1])
@pytest.mark.parametrize('class_id',
                         [COLOR_CONE, BUMP, CURVE, CAR_STOP, GUARDRAIL])
def test_street_things_live_in_visible(scenes, class_id, night):
    vis, ir = mean_contrasts(scenes[night], class_id)
    assert vis > 1.3 * ir and vis > 6, (vis, ir)
    if class_id == COLOR_CONE:
        assert vis > 4 * ir


def test_colour_and_darkness(scenes):
    brightness = [
        np.mean([scene['vis'].mean() for scene in scenes[night]])
        for night in (0, 1)
    ]
    assert brightness[1] < .4 * brightness[0]
    red, blue = (np.mean([
        scene['vis'][scene['label'] == COLOR_CONE][:, channel].mean()
        for scene in scenes[0] if (scene['label'] == COLOR_CONE).any()
    ]) for channel in (0, 2))
    assert red > blue + 40


def heat_of_car(running, seed):
    rng = np.random.default_rng(seed)
    cond = draw_conditions(rng, night=True)
    canvas = Canvas(Camera((120, 160), 140., 50., 80., 1.5))
    car(canvas, cond, 0., 9., 0., running, rng)
    label, boxes = canvas.labels_and_boxes((CAR, ))
    assert len(boxes) == 1 and (label == CAR).sum() > 300
    heat = canvas.materials[:, 3][canvas.small_index()]
    return heat[label == CAR].mean() - cond.air


def test_running_cars_are_warm_and_parked_ones_are_not():
    for seed in range(4):
        assert heat_of_car(True, seed) > .06
        assert abs(heat_of_car(False, seed)) < .03


def test_camera_projects_as_a_pinhole():
    camera = Camera((100, 200), 150., 40., 90., 1.5)
    np.testing.assert_allclose(camera.project([2., 0., 10.]), [120., 62.5])
    np.testing.assert_allclose(camera.project([0., 1.5, 7.]), [90., 40.])
    assert camera.sees(2., 10.) and not camera.sees(9., 10.)
    np.testing.assert_allclose(camera.project([0, 0, camera.nearest])[1], 100.)


def test_near_objects_hide_far_ones():
    canvas = Canvas(Camera((64, 64), 60., 30., 32., 1.5))
    for class_id, z in ((CAR, 12.), (PERSON, 6.)):
        canvas.depth = z
        paint = canvas.paint((200, 200, 200), .5)
        with canvas.instance(class_id):
            faces = cuboid(
                canvas, upright_box(0., z, 1., 1., 1.),
                dict.fromkeys(('rear', 'front', 'left', 'right', 'top'),
                              paint))
        assert faces == {'rear', 'top'}
    label, boxes = canvas.labels_and_boxes((CAR, PERSON), 1)
    (person, ) = [box for box in boxes if box[0] == PERSON]
    _, x1, y1, x2, y2 = person
    assert (label[y1 + 1:y2 - 1, x1 + 1:x2 - 1] == PERSON).all()


def test_equal_seeds_give_equal_scenes():
    first, again, other = (generate_scene(seed, SMALL, True)
                           for seed in (4, 4, 5))
    drawn = generate_scene(np.random.default_rng(4), SMALL, True)
    for key in ('vis', 'ir', 'label'):
        np.testing.assert_array_equal(first[key], again[key])
        np.testing.assert_array_equal(first[key], drawn[key])
    assert (first['vis'] != other['vis']).any()


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*')) if path.is_file()
    }


def test_files_do_not_depend_on_workers_or_count(tmp_path):
    settings = dict(size=SMALL, seed=9)
    meta = write_dataset(tmp_path / 'a', 4, 2, **settings)
    # OpenCV's threads must not be running when workers are forked.
    cv2.GaussianBlur(np.zeros((999, 999), np.float32), (0, 0), 3.)
    write_dataset(tmp_path / 'b', 4, 2, workers=2, **settings)
    files = contents(tmp_path / 'a')
    assert files == contents(tmp_path / 'b')
    assert len(files) == 4 * 6 + 3
    assert list(meta['time_of_day']['train'].values()) == ['day', 'night'] * 2
    assert 'train/vis/00001N.png' in files
    assert 'val/label/50000D.png' in files
    write_dataset(tmp_path / 'c', 2, 0, **settings)
    for name, content in contents(tmp_path / 'c').items():
        listing = name == 'meta.json' or name.startswith('annotations')
        assert listing or files[name] == content
    stored = json.loads(files['meta.json'])
    assert stored['classes'] == list(MFNET_CLASSES)
    assert stored['palette'] == MFNET_PALETTE
    assert (stored['seed'], stored['size']) == (9, list(SMALL))


def test_files_hold_the_scene(tmp_path):
    write_dataset(tmp_path, 2, 0, size=SMALL, night_ratio=1.)
    scene = generate_scene((0, 1), SMALL, True)
    vis, ir, label = (cv2.imread(str(tmp_path / 'train' / name / '00001N.png'),
                                 cv2.IMREAD_UNCHANGED)
                      for name in ('vis', 'ir', 'label'))
    np.testing.assert_array_equal(vis[..., ::-1], scene['vis'])
    np.testing.assert_array_equal(ir, scene['ir'])
    np.testing.assert_array_equal(label, scene['label'])
    dataset = MFNetDataset(data_root=str(tmp_path / 'train'),
                           data_prefix=dict(seg_map_path='label'), pipeline=[])
    assert [dataset[k]['stem'] for k in range(2)] == ['00000N', '00001N']


def test_boxes_as_coco(tmp_path):
    size = (240, 320)
    write_dataset(tmp_path, 2, 1, size=size)
    content = json.loads((tmp_path / 'annotations/train.json').read_text())
    assert [image['condition']
            for image in content['images']] == ['day', 'night']
    assert [item['name'] for item in content['categories']
            ] == ['car', 'person', 'bike', 'car_stop', 'color_cone', 'bump']
    expected = []
    for number, image in enumerate(content['images']):
        for key in ('file_name', 'ir_file_name'):
            assert (tmp_path / image[key]).is_file()
        scene = generate_scene((0, number), size, bool(number))
        expected += [(number + 1, MFNET_CLASSES[label], x1, y1, x2, y2)
                     for label, x1, y1, x2, y2 in scene['boxes']]
    names = {item['id']: item['name'] for item in content['categories']}
    found = []
    for item in content['annotations']:
        x, y, width, height = item['bbox']
        found.append((item['image_id'], names[item['category_id']], x, y,
                      x + width, y + height))
    assert found == expected and found
    # A folder of an earlier version, without boxes, is completed.
    for path in (tmp_path / 'train' / 'boxes').iterdir():
        path.unlink()
    write_dataset(tmp_path, 2, 1, size=size)
    assert json.loads(
        (tmp_path / 'annotations/train.json').read_text()) == content


def test_resumes_and_keeps_finished_pairs(tmp_path, monkeypatch):
    settings = dict(train=3, val=0, size=SMALL)
    write_dataset(tmp_path, **settings)
    files = contents(tmp_path)
    kept = tmp_path / 'train' / 'ir' / '00000D.png'
    kept.write_bytes(b'mine')
    (tmp_path / 'train' / 'vis' / '00001N.png').unlink()
    made = []
    original = writer_module.generate_scene
    monkeypatch.setattr(
        writer_module, 'generate_scene',
        lambda seed, *rest: made.append(seed) or original(seed, *rest))
    write_dataset(tmp_path, **settings)
    assert made == [(0, 1)]
    assert kept.read_bytes() == b'mine'
    write_dataset(tmp_path, overwrite=True, **settings)
    assert contents(tmp_path) == files


def test_refuses_to_mix_settings(tmp_path):
    write_dataset(tmp_path, 3, 1, size=SMALL)
    with pytest.raises(ValueError, match='seed 1.*seed 0.*overwrite'):
        write_dataset(tmp_path, 3, 1, size=SMALL, seed=1)
    with pytest.raises(ValueError, match='2 more'):
        write_dataset(tmp_path, 1, 1, size=SMALL)
    write_dataset(tmp_path, 1, 1, size=SMALL, night_ratio=1., overwrite=True)
    assert sorted(path.name for path in tmp_path.rglob(
        '*.png')) == ['00000N.png'] * 3 + ['50000N.png'] * 3
    (tmp_path / 'meta.json').write_text('[]')
    with pytest.raises(ValueError, match='meta.json'):
        write_dataset(tmp_path, 1, 1, size=SMALL)


def test_leaves_nothing_half_written(tmp_path, monkeypatch):

    def fail(source, target):
        if str(target).endswith('.png'):
            raise OSError(f'disk full: {target}')
        real(source, target)

    real = files.os.replace
    monkeypatch.setattr(files, 'os',
                        SimpleNamespace(replace=fail, getpid=files.os.getpid))
    with pytest.raises(OSError, match='2 of 2 pairs.*disk full'):
        write_dataset(tmp_path, 2, 0, size=SMALL)
    assert [path.name for path in tmp_path.rglob('*')
            if path.is_file()] == ['meta.json']


@pytest.mark.parametrize('arguments, words', [
    (dict(size=(31, 64)), 'size.*32'),
    (dict(size=(64, 9000)), 'size.*4096'),
    (dict(size=64), 'size.*two integers'),
    (dict(train=-1), 'train'),
    (dict(train=0, val=0), 'at least one'),
    (dict(val=50001), 'val.*50000'),
    (dict(seed=-1), 'seed'),
    (dict(workers=-1), 'workers'),
    (dict(night_ratio=1.5), 'night_ratio'),
])
def test_bad_arguments(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        write_dataset(tmp_path / 'out', **arguments)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('ratio', [0., .3, .5, 1.])
def test_night_ratio(ratio):
    nights = [writer_module._is_night(k, ratio) for k in range(100)]
    assert sum(nights) == round(100 * ratio)
    assert abs(sum(nights[:10]) - 10 * ratio) <= 1
