"""What the page does, without the page."""
import cv2
import numpy as np
import pytest

from mmfusion.datasets.synthetic import generate_scene
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_image
from mmfusion.web.fusing import PageFuser, PageModel

RULE = 'laplacian_pyramid'
#: behind a rule, so that nothing has to be trained
SEGMENTOR = ('mmfusion::fuser_segmenters/psfusion_segformer.py'
             '@synthetic,variant:visible')


@pytest.fixture
def pair(tmp_path):
    scene = generate_scene(3, (96, 128))
    paths = [str(tmp_path / name) for name in ('visible.png', 'infrared.png')]
    for path, image in zip(paths, (scene['vis'], scene['ir']), strict=True):
        write_image(path, image)
    return paths


@pytest.fixture
def fuser():
    return PageFuser({name: PageModel(name) for name in (RULE, SEGMENTOR)})


def test_lines_give_the_same(fuser, pair, tmp_path, monkeypatch):
    done = fuser(RULE, *pair, on_size_mismatch='resize_ir',
                 uint16_range='minmax')
    assert done.overlay is None and not done.notes
    assert done.sources[0].shape == done.fused.shape == (96, 128, 3)
    assert np.array_equal(done.sources[1][..., 0], cv2.imread(pair[1], 0))
    monkeypatch.chdir(tmp_path)
    exec(done.lines, {})
    again = cv2.imread(str(tmp_path / 'fused.png'))[..., ::-1]
    assert np.array_equal(done.fused, again)
    assert "'resize_ir'" in done.lines and "'minmax'" in done.lines


def test_scores_have_directions(fuser, pair):
    scores = dict(fuser(RULE, *pair).scores)
    assert {'EN ↑', 'MSE ↓', 'VIF ↑'} <= set(scores)
    # too small an image for it
    assert not any(name.startswith('MS_SSIM') for name in scores)


def test_overlay_of_a_model_that_segments(fuser, pair):
    done = fuser(SEGMENTOR, *pair)
    height, width = done.fused.shape[:2]
    assert done.overlay.shape[1] == width
    assert done.overlay.shape[0] > height  # the legend


def test_sizes_that_differ(fuser, pair):
    write_image(pair[1], np.zeros((50, 60), np.uint8))
    with pytest.raises(UsageError) as caught:
        fuser(RULE, *pair)
    text = str(caught.value)
    assert "'visible.png' is 128x96" in text and "'infrared.png' is" in text
    assert fuser(RULE, *pair,
                 on_size_mismatch='resize_ir').fused.shape == (96, 128, 3)
    with pytest.raises(UsageError, match='is 128x96'):  # asked anew
        fuser(RULE, *pair)


def test_registers(fuser, pair):
    """What is given is what is fused and measured."""
    image = generate_scene(3, (192, 256))['vis']
    write_image(pair[0], image)
    write_image(pair[1], np.roll(image, 5, 1))
    apart = []
    for loading in ({}, dict(register='auto')):
        done = fuser(RULE, *pair, **loading)
        vis, ir = (cv2.cvtColor(part[20:-20, 20:-20], cv2.COLOR_RGB2GRAY)
                   for part in done.sources)
        apart.append(cv2.absdiff(vis, ir).mean())
    assert apart[1] < apart[0] / 3
    assert "register='auto'" in done.lines or "'register': 'auto'" in \
        done.lines


def test_lost_counts_are_noted(fuser, pair):
    counts = np.arange(96 * 128).reshape(96, 128) % 900 + 7000
    cv2.imwrite(pair[1], counts.astype(np.uint16))
    assert 'almost one grey' in fuser(RULE, *pair).notes[0]
    assert not fuser(RULE, *pair, uint16_range='minmax').notes


def test_models_go_when_there_are_many(pair):
    names = {str(number): PageModel(RULE) for number in range(5)}
    fuser = PageFuser(names)
    for name in names:
        fuser(name, *pair)
    assert list(fuser._loaded) == ['2', '3', '4']
