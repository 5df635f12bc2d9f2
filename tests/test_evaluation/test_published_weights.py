"""Scores of MMDRFuse's published weights on RoadScene and TNO."""

import cv2
import numpy as np
import pytest
import torch

from mmfusion.evaluation import compute
from mmfusion.models.fusers import MMDRFuseStudent, MMDRFuseTeacher
from mmfusion.utils.checkpoint import read_checkpoint

FUSERS = dict(student=MMDRFuseStudent, teacher=MMDRFuseTeacher)
COLUMNS = dict(SD='SD', SCD='SCD', VIF='VIF', Qabf='Qabf',
               SSIM2='SSIM:cddfuse', SSIM255='SSIM:film', CC='CC')
MEANS = {
    ('roadscene', 'student', 'minmax'):
    (43.771, 1.767, 0.596, 0.435, 0.905, 1.327, 0.419),
    ('roadscene', 'student', 'clamp'):
    (21.702, 1.535, 0.489, 0.284, 0.805, 1.355, 0.419),
    ('roadscene', 'teacher', 'minmax'):
    (58.799, 1.434, 0.756, 0.480, 0.861, 1.275, 0.362),
    ('roadscene', 'teacher', 'clamp'):
    (39.511, 1.597, 0.680, 0.465, 0.895, 1.357, 0.362),
    ('tno', 'student', 'minmax'): (41.633, 1.691, 0.744, 0.502, 1.039, 1.352,
                                   0.551),
    ('tno', 'student', 'clamp'): (30.370, 1.504, 0.670, 0.437, 1.042, 1.443,
                                  0.551),
    ('tno', 'teacher', 'minmax'): (44.635, 1.574, 0.884, 0.589, 1.048, 1.371,
                                   0.530),
    ('tno', 'teacher', 'clamp'): (39.455, 1.560, 0.844, 0.585, 1.053, 1.411,
                                  0.530),
}
FIRST = dict(student=(37.880, 1.846, 0.604, 0.444, 0.856, 1.361, 0.338),
             teacher=(53.048, 1.507, 0.807, 0.480, 0.822, 1.329, 0.286))


@pytest.fixture(scope='module')
def fusers(converter, published_weights):
    """Both networks with the authors' weights."""
    built = {}
    for name, kind in FUSERS.items():
        checkpoint = read_checkpoint(
            str(published_weights / 'mmdrfuse' / f'{name}.model'))
        state = converter.convert(checkpoint,
                                  converter.choose(checkpoint, 'mmdrfuse'))
        built[name] = kind().eval()
        built[name].load_state_dict({
            key.removeprefix('fuser.'): value
            for key, value in state['state_dict'].items()
        })
    return built


@pytest.fixture(scope='module')
def pairs(real_data):
    """Grey (infrared, visible) pairs of both sets."""
    roots = dict(roadscene=real_data / 'fusion_roadscene_ref10',
                 tno=real_data / 'fusion_tno' / 'test')
    read = {}
    for name, root in roots.items():
        stems = sorted(path.stem for path in (root / 'ir').iterdir()
                       if path.suffix != '.txt')[:10]
        read[name] = [[
            cv2.imread(str(next((root / kind).glob(f'{stem}.*'))),
                       cv2.IMREAD_GRAYSCALE) for kind in ('ir', 'vi')
        ] for stem in stems]
        assert len(read[name]) == 10
    return read


def fuse(fuser, ir, vis):
    """Raw luminance, (H, W), of grey images."""
    vis, ir = (torch.from_numpy(image / np.float32(255))[None, None]
               for image in (vis, ir))
    pad = [
        0, ir.shape[3] % fuser.size_divisor, 0,
        ir.shape[2] % fuser.size_divisor
    ]
    vis, ir = (torch.nn.functional.pad(x, pad, mode='reflect')
               for x in (vis, ir))
    with torch.inference_mode():
        luma = fuser.fuse_luma(vis, ir)[0]
    return luma[0, 0, :vis.shape[2] - pad[3], :vis.shape[3] - pad[1]].numpy()


def save(luma, how):
    """8-bit image as the authors' script saves it, or clamped."""
    if how == 'minmax':
        luma = (luma - luma.min()) / (luma.max() - luma.min())
    return (luma.clip(0, 1) * 255 + 0.5).astype(np.uint8)


@pytest.mark.parametrize('name', ['roadscene', 'tno'])
@pytest.mark.parametrize('model', FUSERS)
def test_means(fusers, pairs, name, model):
    rows = dict(minmax=[], clamp=[])
    for ir, vis in pairs[name]:
        luma = fuse(fusers[model], ir, vis)
        for how, values in rows.items():
            values.append(
                list(
                    compute(save(luma, how), (ir, vis),
                            list(COLUMNS.values())).values()))
    for how, values in rows.items():
        means = np.mean(values, 0)
        expected = np.array(MEANS[name, model, how])
        # SD is given to 3 decimals, JPEG decoders differ by 0.02
        assert np.abs(means - expected)[0] <= 0.03, (how, means)
        assert np.abs(means - expected)[1:].max() <= 2e-3, (how, means)
    if name == 'roadscene':
        first = np.abs(np.array(rows['minmax'][0]) - FIRST[model])
        assert first[0] <= 0.03 and first[1:].max() <= 2e-3, first
