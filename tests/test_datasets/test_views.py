"""Tones and views that stand in for other cameras and other tasks."""
import cv2
import numpy as np
import pytest

from mmfusion.registry import TRANSFORMS


def build(**cfg):
    return TRANSFORMS.build(cfg)


def stack():
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (16, 20, 4), np.uint8)
    return cv2.resize(coarse, (80, 64), interpolation=cv2.INTER_CUBIC)


def viewed(**shares):
    np.random.seed(3)
    sample = build(type='SimulateViews', shares=shares)(dict(img=stack()))
    assert sample['img'].dtype == np.uint8
    assert sample['img'].shape == (64, 80, 4)
    return [
        cv2.cvtColor(sample['img'][..., :3], cv2.COLOR_BGR2GRAY).astype(float),
        sample['img'][..., 3].astype(float)
    ]


def energy(image):
    return np.abs(cv2.Laplacian(image, cv2.CV_64F))


def test_each_focus_is_somewhere_sharper():
    near, far = viewed(focus=1.)
    difference = cv2.GaussianBlur(energy(near) - energy(far), (0, 0), 4)
    assert difference.max() > 1 and difference.min() < -1
    sharp = cv2.cvtColor(stack()[..., :3], cv2.COLOR_BGR2GRAY)
    best = np.minimum(np.abs(near - sharp), np.abs(far - sharp))
    assert np.median(best) <= 2


def test_exposures_order_the_levels():
    views = sorted(viewed(exposure=1.), key=np.mean)
    assert views[0].mean() + 50 < views[1].mean()
    assert (views[0] <= views[1]).all() and views[1].max() == 255


def test_scans_are_black_outside():
    views = viewed(scan=1.)
    for view in views:
        assert view[:4, :4].max() == 0 and view[24:40, 30:50].mean() > 40
    assert energy(views[0]).mean() != energy(views[1]).mean()


def test_pairs_that_are_left():
    np.testing.assert_array_equal(
        build(type='SimulateViews', shares={})(dict(img=stack()))['img'],
        stack())
    build(type='SimulateViews')
    for shares in (dict(focus=.7, scan=.7), dict(depth=.1)):
        with pytest.raises(ValueError, match='Expected shares'):
            build(type='SimulateViews', shares=shares)


def test_tone():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    fixed = dict(type='RandomTone', gamma=1, low=(.1, .1), high=(.9, .9),
                 prob=1)
    out = build(**fixed).change(image).ravel()
    np.testing.assert_allclose(out, 25.5 + .8 * image.ravel(), atol=.5)
    inverted = build(**fixed, invert=1.).change(image).ravel()
    np.testing.assert_allclose(inverted, out[::-1], atol=1)
    np.random.seed(0)
    drawn = [build(type='RandomTone', prob=1).change(image) for _ in range(9)]
    assert len({x.tobytes() for x in drawn}) == 9
    assert all((np.diff(x.ravel().astype(int)) >= 0).all() for x in drawn)
    for bad in (dict(gamma=.5), dict(invert=2), dict(prob=-1)):
        with pytest.raises(ValueError, match='Expected'):
            build(type='RandomTone', **bad)
