"""Panels as pure functions: values, sizes, bad input."""
import numpy as np
import pytest
import torch

from mmfusion.visualization import (draw_grid, draw_legend, draw_panel,
                                    overlay_labels, resize_like,
                                    stacked_to_rgb, to_label_map, to_rgb_uint8)

PALETTE = [(0, 0, 0), (200, 0, 0), (0, 100, 0)]
CLASSES = ('unlabeled', 'car', 'person')


@pytest.mark.parametrize('image, expected', [
    (np.full((4, 5), 7, np.uint8), 7),
    (np.full((4, 5, 1), 7, np.uint8), 7),
    (np.full((4, 5, 3), 0.5, np.float64), 128),
    (np.full((4, 5), 65535, np.uint16), 255),
    (np.full((4, 5), 1.7, np.float32), 255),
    (np.full((4, 5), np.nan, np.float32), 0),
    (torch.full((3, 4, 5), 0.2), 51),
    (torch.full((1, 4, 5), 0.2, dtype=torch.bfloat16, requires_grad=True), 51),
    (torch.full((4, 5), 9, dtype=torch.uint8), 9),
])
def test_to_rgb(image, expected):
    rgb = to_rgb_uint8(image)
    assert rgb.shape == (4, 5, 3) and rgb.dtype == np.uint8
    assert (rgb == expected).all()


@pytest.mark.parametrize('image', [
    np.zeros((4, 5, 2), np.uint8),
    np.zeros(4, np.uint8),
    np.zeros((4, 5), np.int64)
])
def test_to_rgb_bad_input(image):
    with pytest.raises(ValueError, match='Expected .* got'):
        to_rgb_uint8(image)


def test_labels_are_resized_by_nearest():
    labels = torch.tensor([[[1, 255]]])
    expected = np.array([[1, 1, 255, 255]] * 2)
    assert (to_label_map(labels, (2, 4)) == expected).all()
    with pytest.raises(ValueError, match='argmax'):
        to_label_map(torch.zeros(9, 4, 5), (4, 5))


def test_overlay():
    image = np.full((1, 5, 3), 100, np.uint8)
    labels = np.array([[0, 1, 2, 255, 7]])
    drawn = overlay_labels(image, labels, PALETTE, alpha=0.5)
    assert drawn[0].tolist() == [
        [100, 100, 100],  # a black class shows the image
        [150, 50, 50],
        [50, 100, 50],
        [114, 114, 114],  # ignored, and beyond the palette: grey
        [114, 114, 114]
    ]
    assert (image == 100).all()
    with pytest.raises(ValueError, match='alpha'):
        overlay_labels(image, labels, PALETTE, alpha=2)


def test_background_by_name_keeps_the_image():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 2]])
    palette = [[0, 0, 0], [200, 0, 0], [0, 0, 0]]
    named = ('road', 'background', 'hole')
    drawn = overlay_labels(image, labels, palette, alpha=0.5, classes=named)
    assert drawn[0].tolist() == [[50] * 3, [100] * 3, [50] * 3]
    panel = draw_panel(image.repeat(9, 0), gt=labels.repeat(9, 0),
                       classes=named, palette=palette, alpha=1.0, legend=False)
    assert (panel == 0).all(-1).sum() == 2 * 9


def test_grid_keeps_pixels_and_wraps():
    tile = np.random.default_rng(0).integers(0, 255, (40, 60, 3),
                                             dtype=np.uint8)
    row = draw_grid({'a': tile, 'b': tile, 'c': tile})
    wrapped = draw_grid({'a': tile, 'b': tile, 'c': tile}, columns=2)
    assert row.shape[1] == 3 * 64 + 4 and wrapped.shape[1] == 2 * 64 + 4
    assert wrapped.shape[0] > 2 * 40
    top = 4 + 16
    assert (row[top:top + 40, 4:64] == tile).all()
    assert (row[4:top, 4:64] != 255).any()  # the caption
    for bad in (dict(tiles={}), dict(tiles=dict(a=tile), columns=0)):
        with pytest.raises(ValueError, match='at least'):
            draw_grid(**bad)


def test_legend_wraps_to_the_width():
    wide = draw_legend(CLASSES, PALETTE, 800)
    narrow = draw_legend(CLASSES, PALETTE, 100)
    assert wide.shape == (24, 800, 3)
    assert narrow.shape[1] == 100 and narrow.shape[0] > wide.shape[0]
    assert (wide.reshape(-1, 3) == PALETTE[1]).all(1).any()
    with pytest.raises(ValueError, match='one colour a class'):
        draw_legend(CLASSES, PALETTE[:2], 100)


@pytest.mark.parametrize('size', [(1, 1), (33, 47), (240, 320)])
def test_panel_with_and_without_labels(size):
    vis = np.zeros(size + (3, ), np.uint8)
    ir = torch.rand(1, *size)
    labels = torch.randint(0, 3, (1, *size))
    alone = draw_panel(vis)
    pair = draw_panel(vis, ir, torch.rand(3, *size))
    full = draw_panel(vis, ir, vis, labels, labels, classes=CLASSES,
                      palette=PALETTE)
    tall = draw_panel(vis, ir, vis, labels, labels, classes=CLASSES,
                      palette=PALETTE, columns=2, legend=False)
    assert alone.shape[1] < pair.shape[1] < full.shape[1]
    assert tall.shape[1] < full.shape[1] and tall.shape[0] > pair.shape[0]
    for panel in (alone, pair, full, tall):
        assert panel.dtype == np.uint8 and panel.shape[2] == 3


def test_panel_lays_labels_over_the_fused_image():
    black, white = (np.full((20, 20, 3), v, np.uint8) for v in (0, 255))
    labels = np.zeros((20, 20), int)
    panel = draw_panel(black, None, white, labels, palette=PALETTE)
    assert (panel[-24:-4, -24:-4] == 255).all()
    panel = draw_panel(black, None, None, labels, palette=PALETTE)
    assert (panel[-24:-4, -24:-4] == 0).all()
    with pytest.raises(ValueError, match='palette'):
        draw_panel(black, pred=labels)


def test_stacked_input_is_split_and_turned_to_rgb():
    stack = torch.tensor([10., 20., 30., 1.]).view(4, 1, 1)
    images = stacked_to_rgb(stack, dict(vis=(0, 3), ir=(3, 4)))
    assert images['vis'][0, 0].tolist() == [30, 20, 10]
    assert images['ir'][0, 0].tolist() == [1, 1, 1]


def test_resize_like():
    image = np.full((4, 6, 3), 9, np.uint8)
    assert resize_like(image, (4, 6)) is not None
    assert resize_like(image, (8, 3)).shape == (8, 3, 3)
