"""MMDRFuse: published weights, an independent transcription, converter."""
import pytest
import torch
import torch.nn.functional as F

from mmfusion.models.fusers import MMDRFuseStudent, MMDRFuseTeacher
from mmfusion.utils.checkpoint import load_fuser_weights, read_checkpoint

FUSERS = dict(student=MMDRFuseStudent, teacher=MMDRFuseTeacher)
PIXELS = ((0, 0), (5, 9), (31, 31), (63, 63))
# mean, standard deviation, min, max; values at PIXELS; mean of the features
GOLDEN = dict(
    student=((0.618409, 0.184352, -0.140820, 0.926352),
             (0.044628, 0.275080, 0.731310, 0.757395), 0.465570),
    teacher=((0.660703, 0.224487, -0.088358, 0.999554),
             (0.007207, 0.269318, 0.771002, 0.786296), 1.167464))


def ramps():
    """Visible luminance and infrared image, (1, 1, 64, 64)."""
    i, j = torch.meshgrid(torch.arange(64), torch.arange(64), indexing='ij')
    return (((7 * i + 2 * j) % 256 / 255)[None, None],
            ((3 * i + 5 * j) % 256 / 255)[None, None])


def authors_state(fuser):
    """Random weights under the authors' names."""
    from mappings import MAPPINGS
    torch.manual_seed(0)
    student = isinstance(fuser, MMDRFuseStudent)
    mapping = MAPPINGS['mmdrfuse'][0 if student else 1]
    return {
        key: torch.randn(shape) * 0.1
        for key, shape in mapping.reference_shapes().items()
    }


def transcription(state, vis, ir):
    """The table of layers, read line by line."""

    def conv(name, *maps, stride=1):
        x = F.pad(torch.cat(maps, 1), (1, 1, 1, 1), mode='reflect')
        return F.conv2d(x, state[f'{name}.1.weight'], state[f'{name}.1.bias'],
                        stride)

    x = torch.cat((ir, vis), 1)
    if 'conv00.1.weight' not in state:
        features = conv('conv1', x).relu()
        return conv('conv2', features).tanh(), features
    e1 = conv('conv1', x).relu()
    e2 = conv('conv2', e1).relu()
    e3 = conv('conv3', e1, e2, stride=2).relu()
    e4 = conv('conv4', e3).relu()
    e5 = conv('conv5', e3, e4).relu()
    e6 = conv('conv6', e3, e4, e5).relu()
    d6 = conv('conv66', e6).relu()
    d5 = conv('conv55', e5, d6).relu()
    d4 = conv('conv44', e4, d5).relu()
    d3 = conv('conv33', e3, d4).relu()
    up = F.interpolate(d3, scale_factor=2, mode='bicubic', align_corners=False)
    d2 = conv('conv22', e2, up).relu()
    features = conv('conv11', e1, d2).relu()
    return conv('conv00', features).tanh(), features


@pytest.mark.parametrize('name,count', [('student', 113),
                                        ('teacher', 556_489)])
def test_parameters(name, count):
    assert sum(p.numel() for p in FUSERS[name]().parameters()) == count


@pytest.mark.parametrize('name', FUSERS)
def test_equals_the_table_of_layers(name, tmp_path):
    from convert import convert_file
    fuser = FUSERS[name]().eval()
    state = authors_state(fuser)
    files = [str(tmp_path / file) for file in ('in', 'ours', 'back')]
    torch.save(state, files[0])
    convert_file(files[0], files[1], 'mmdrfuse')
    load_fuser_weights(fuser, files[1])
    vis, ir = torch.rand(2, 2, 1, 32, 48)
    fused, aux = fuser.fuse_luma(vis, ir)
    expected, features = transcription(state, vis, ir)
    assert torch.allclose(fused, expected, atol=1e-6)
    assert list(aux) == ['hidden' if name == 'student' else 'buffer']
    assert torch.allclose(*aux.values(), features, atol=1e-6)
    convert_file(files[1], files[2], 'mmdrfuse', reverse=True)
    back = torch.load(files[2], weights_only=True)['state_dict']
    assert sorted(back) == sorted(state)
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_wrong_file(tmp_path):
    from convert import convert_file
    state = authors_state(MMDRFuseStudent())
    state['conv3.1.weight'] = state.pop('conv2.1.weight')
    torch.save(state, tmp_path / 'in')
    with pytest.raises(ValueError, match='conv2.1.weight'):
        convert_file(str(tmp_path / 'in'), str(tmp_path / 'out'), 'mmdrfuse')


@pytest.mark.parametrize('name', FUSERS)
@pytest.mark.parametrize('size', [(64, 64), (33, 47), (5, 2), (470, 631)])
def test_any_size_keeps_the_inside(name, size):
    """Odd sides are mirrored; what is far from them does not change."""
    fuser = FUSERS[name]().eval()
    vis, ir = torch.rand(1, 3, *size), torch.rand(1, 1, *size)
    with torch.inference_mode():
        output = fuser(vis, ir)
    assert output.fused.shape == vis.shape
    assert output.luma.shape == ir.shape
    assert next(iter(output.aux.values())).shape == (1, 4, *size)


@pytest.mark.parametrize('name', FUSERS)
def test_published_weights(name, published_weights):
    from convert import choose, convert
    source = published_weights / 'mmdrfuse' / f'{name}.model'
    checkpoint = read_checkpoint(str(source))
    state = convert(checkpoint, choose(checkpoint, 'mmdrfuse'))['state_dict']
    fuser = FUSERS[name]().eval()
    fuser.load_state_dict({
        key.removeprefix('fuser.'): value for key, value in state.items()
    })
    with torch.inference_mode():
        fused, aux = fuser.fuse_luma(*ramps())
    statistics, values, feature_mean = GOLDEN[name]
    found = [fused.mean(), fused.std(), fused.min(), fused.max()]
    assert [float(x) for x in found] == pytest.approx(statistics, abs=2e-5)
    assert [float(fused[0, 0, y, x])
            for y, x in PIXELS] == pytest.approx(values, abs=1e-5)
    assert float(*map(torch.mean, aux.values())) == pytest.approx(
        feature_mean, abs=1e-5)


def test_every_parameter_learns():
    for fuser in (MMDRFuseStudent(), MMDRFuseTeacher()):
        vis, ir = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16)
        fuser(vis, ir).fused.square().sum().backward()
        assert all(p.grad is not None for p in fuser.parameters())
