"""Tiles cover an image, look far enough, and are of one size."""
import math

import numpy as np
import pytest
import torch

from mmfusion.models.tiling import Tiling, tiling_of
from mmfusion.utils.errors import UsageError
from tests.support.fuser_cases import FUSERS, build, condition
from tests.support.tile_cases import Tiled, arrays, worst, wrap


@pytest.mark.parametrize('overlap, step, fixed', [(0, 1, None), (4, 1, None),
                                                  (16, 16, None), (8, 8, 32),
                                                  (6, 2, 21)])
@pytest.mark.parametrize('length', [21, 22, 32, 45, 64, 101, 277])
def test_spans(length, overlap, step, fixed):
    least = -(-(2 * overlap + step) // step) * step
    tiling = Tiling(overlap, step, least, fixed and (fixed, fixed))
    tile = tiling.tile((length, length), (least + 3 * step)**2)[0]
    if fixed and (length < fixed or (length - fixed) % step):
        with pytest.raises(UsageError, match='--dynamic'):
            list(tiling.spans(length, tile))
        return
    spans = list(tiling.spans(length, tile))
    kept = [place for span in spans for place in range(*span.kept)]
    assert kept == list(range(length))
    for span in spans:
        assert span.first % step == 0
        assert span.first >= 0 and span.end <= length
        assert span.first == 0 or span.kept[0] >= span.first + overlap
        assert span.end == length or span.kept[1] <= span.end - overlap
        # the fuser pads the last one to the same size
        assert -(-(span.end - span.first) // step) * step == (
            -(-min(tile, length) // step) * step)
        line = np.arange(length)
        np.testing.assert_array_equal(line[span.seen][span.core],
                                      np.arange(*span.kept))


def test_tiles_are_alike_and_bounded():
    tiling = Tiling(10, 4, 24)
    height, width = tiling.tile((9000, 12000), 200 * 200)
    assert height * width <= 200 * 200
    assert max(tiling.tile((9000, 12000), math.inf)) <= 1044
    # an image that is a little larger than a tile is cut in halves
    assert tiling.tile((100, 104), 100 * 100)[1] < 80


FAR = 48
STRETCHED = ('SAGE', )  # by less than a pixel, to sizes of all of an image


def influence(name):
    """How far a change of the inputs is seen, pixels; FAR: everywhere."""
    fuser = build(name).double().eval()
    side = 2 * max(fuser.tile_overlap or 0, FAR) + 32
    torch.manual_seed(1)
    first = torch.rand(1, 4, side, side).double()
    second = first.clone()
    edge = side // 2
    second[..., edge:] *= 0.4
    text = condition(fuser, 1, dtype=torch.float64)
    with torch.no_grad():
        if name in ('DATFuse', 'LUTFuse'):
            # fresh weights of these hide what a layer sees
            for value in fuser.parameters():
                value.add_(torch.randn_like(value), alpha=0.1)
        images = [
            fuser(x[:, :3], x[:, 3:], **text).fused for x in (first, second)
        ]
    changed = (images[0] - images[1]).abs().amax((0, 1, 2))
    return edge - int((changed > 1e-13).float().argmax())


@pytest.mark.parametrize('name', FUSERS)
def test_declared_overlaps(name):
    """No output looks farther than declared; who declares none, does."""
    fuser = build(name).eval()
    if fuser.tile_overlap is None:
        # samplers draw noise for the whole image
        if fuser.trainable and name not in STRETCHED:
            assert influence(name) >= FAR, (
                f'{name} looks at a part of the image: give it tile_overlap')
        return
    assert influence(name) <= fuser.tile_overlap


@pytest.mark.parametrize(
    'name', [name for name in FUSERS if build(name).tile_overlap is not None])
def test_tiles_equal_the_whole_image(name):
    fuser = build(name)
    model = wrap(fuser)
    tiling = tiling_of(model)
    side = tiling.least + tiling.step
    size = side + 5, side + 13
    vis, ir = arrays(size)
    for candidate in (model, wrap(fuser.optimize_for_inference())):
        tiles = Tiled(candidate, side * side)
        assert len(list(tiling.spans(size[0], side))) > 1
        assert worst(candidate, tiles, vis, ir) <= 1


def test_who_looks_at_all_of_an_image():
    local = build('MaximumFuser')
    assert tiling_of(wrap(local)) is not None
    assert tiling_of(wrap(local, output_norm='minmax')) is None
    assert tiling_of(wrap(local,
                          registration=dict(type='RegistrationHead'))) is None
    assert tiling_of(wrap(build('PSFusion'))) is None
    padded = dict(type='FusionDataPreprocessor', size_divisor=12)
    assert tiling_of(wrap(local, data_preprocessor=padded)).step == 12
