"""A known matrix is found again, unrelated images are refused."""
import json

import cv2
import numpy as np
import pytest

from mmfusion.apis import FusionInferencer, register_pair
from mmfusion.cli.commands.register import main
from mmfusion.datasets.synthetic import generate_scene
from mmfusion.fileio import PairReading
from mmfusion.fileio.homography import load_homography
from mmfusion.fileio.registering import METHODS, register_images
from mmfusion.utils.errors import UsageError
from mmfusion.video import FusionStream

SIZE, SMALL = (192, 256), (150, 200)


@pytest.fixture(scope='module')
def scene():
    drawn = generate_scene(3, SIZE)
    return drawn['vis'][..., ::-1].copy(), drawn['ir']


def moved(ir, angle=2.5, scale=0.9, shift=(6, -4), size=SMALL):
    """The infrared image of another camera, and the way back to ours."""
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), angle,
                                         scale)
    matrix[:2, 2] += shift
    matrix = np.diag([size[1] / SIZE[1], size[0] / SIZE[0], 1]) @ matrix
    image = cv2.warpPerspective(ir, matrix, size[::-1], flags=cv2.INTER_AREA,
                                borderMode=cv2.BORDER_REPLICATE)
    return image, np.linalg.inv(matrix)


def error(found, true, size=SMALL):
    """Largest distance in the middle of the image, pixels."""
    height, width = size
    points = np.float64([[[x * width, y * height] for x in (.25, .75)
                          for y in (.25, .75)]])
    return abs(
        cv2.perspectiveTransform(points, found) -
        cv2.perspectiveTransform(points, true)).max()


@pytest.fixture(scope='module')
def pair(scene, tmp_path_factory):
    """Files of a pair out of register, and the matrix between them."""
    folder = tmp_path_factory.mktemp('pair')
    small, true = moved(scene[1])
    for name, image in (('vis', scene[0]), ('ir', small), ('fit', scene[1])):
        cv2.imwrite(str(folder / f'{name}.png'), image)
    return folder / 'vis.png', folder / 'ir.png', true


@pytest.mark.parametrize('method', METHODS)
def test_a_known_matrix(scene, method):
    turn = dict(angle=0, scale=1.12) if method == 'phase' else {}
    # features of two modalities are too few in a scene of this size
    other = scene[method != 'features']
    small, true = moved(other, **turn)
    found = register_images(scene[0], small, method)
    assert error(found.matrix, true) < 4
    assert found.method in (('phase', 'ecc',
                             'features') if method == 'auto' else (method, ))
    assert found.after > found.before


def test_a_pair_that_fits_stays(scene):
    found = register_images(*scene, 'ecc')
    assert error(found.matrix, np.eye(3), SIZE) < 1.5


def test_unrelated_images(scene):
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(128, 99, SIZE), (0, 0), 2)
    for other in (noise.clip(0, 255).astype(np.uint8),
                  np.full(SMALL, 7, np.uint8)):
        with pytest.raises(UsageError, match='two images of one view'):
            register_images(scene[0], other, 'phase')
    with pytest.raises(UsageError, match="method 'auto', 'phase'"):
        register_images(*scene, 'magic')


def test_files(pair, tmp_path):
    vis, ir, true = pair
    out, matrix = tmp_path / 'moved.png', tmp_path / 'matrix.json'
    found = register_pair(vis, ir, out, matrix, 'ecc')
    assert cv2.imread(str(out), cv2.IMREAD_UNCHANGED).shape == SIZE
    record = json.loads(matrix.read_text())
    assert record['quality']['after'] > record['quality']['before']
    loaded = load_homography(matrix)
    np.testing.assert_allclose(loaded.matrix, found.matrix)
    assert loaded.sizes == (SIZE, SMALL)
    # what reads pairs moves the image in the same way
    images = PairReading(register=str(matrix)).read(dict(vis=vis, ir=ir),
                                                    dict(vis=3, ir=1))
    np.testing.assert_array_equal(images['ir'],
                                  cv2.imread(str(out), cv2.IMREAD_UNCHANGED))
    with pytest.raises(ValueError, match='256x192 and 200x150.*got 256x192 '
                       'and 256x192'):
        PairReading(register=matrix).read(
            dict(vis=vis, ir=ir.with_name('fit.png')), dict(vis=3, ir=1))
    with pytest.raises(UsageError, match=r'file \.json'):
        register_pair(vis, ir, matrix=tmp_path / 'matrix.txt')
    with pytest.raises(UsageError, match='vis.png'):
        register_pair(vis, ir, vis)
    cv2.imwrite(str(out), np.zeros((4, 4), np.uint8))
    with pytest.raises(UsageError, match='moved.png'):
        register_pair(vis, ir, out)


def test_sixteen_bits_stay(pair, tmp_path):
    vis, ir, _ = pair
    deep = tmp_path / 'deep.png'
    cv2.imwrite(str(deep), cv2.imread(str(ir), -1).astype(np.uint16) * 200)
    out = tmp_path / 'moved.tif'
    register_pair(vis, deep, out, method='phase')
    assert cv2.imread(str(out), -1).dtype == np.uint16


def test_fusing(pair, tmp_path):
    vis, ir, _ = pair
    cfg = 'mmfusion::fusers/laplacian_pyramid.py'
    with pytest.raises(ValueError, match='mmfusion register VIS IR'):
        FusionInferencer(cfg, device='cpu')(vis, ir)
    matrix = tmp_path / 'matrix.json'
    register_pair(vis, ir, matrix=matrix, method='ecc')
    fused = [
        FusionInferencer(cfg, device='cpu', loading=dict(register=how),
                         **more)(vis, ir)['fused']
        for how, more in ((str(matrix), {}), ('auto', {}),
                          (str(matrix), dict(max_memory='9GB')))
    ]
    assert [image.shape for image in fused] == [(*SIZE, 3)] * 3
    np.testing.assert_array_equal(fused[0], fused[2])
    # the whole search may do a little better than one method
    assert abs(fused[0].astype(int) - fused[1]).mean() < 6
    with pytest.raises(FileNotFoundError, match='3x3 matrix'):
        FusionInferencer(cfg, device='cpu',
                         loading=dict(register='no.json'))(vis, ir)


@pytest.mark.parametrize('how', ['auto', 'matrix.json'])
def test_streams(pair, tmp_path, monkeypatch, how):
    from mmfusion.apis.model_loading import init_model
    from mmfusion.utils.loading_steps import state_loading
    vis, ir, true = pair
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'matrix.json').write_text(json.dumps(true.tolist()))
    for kind, path in dict(vis=vis, ir=ir).items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / '0.png').write_bytes(path.read_bytes())
    model = init_model('mmfusion::fusers/laplacian_pyramid.py')
    state_loading(model.cfg, register=how)
    stream = FusionStream(model, tmp_path / 'vis', tmp_path / 'ir')
    frames = list(stream)
    assert len(frames) == 1
    assert error(stream._homography, true) < 4


def test_command(pair, tmp_path, capsys):
    vis, ir, _ = map(str, pair)
    out = tmp_path / 'out.png'
    words = [vis, ir, '--method', 'PHASE', '-o', str(out)]
    assert main([*words, '-m', str(tmp_path / 'm.json')]) == 0
    said = capsys.readouterr().out
    assert 'edges agree to 0.' in said and f'wrote {out}' in said
    assert load_homography(tmp_path / 'm.json').sizes == (SIZE, SMALL)
    assert main([*words, '--overwrite']) == 0
    with pytest.raises(SystemExit):
        main([vis, ir])
    assert 'nothing to write' in capsys.readouterr().err
