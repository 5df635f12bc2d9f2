"""NaN and infinite values: named as failed by every tool, never saved."""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer, init_model
from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.deployment import export_model
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from mmfusion.video import FusionStream
from tests.support import tiny_project

PYRAMID = 'mmfusion::fusers/laplacian_pyramid.py'
STRETCHED = '''
default_scope = 'mmfusion'
model = dict(type='ImageFuser', fuser=dict(type='LaplacianPyramidFuser'))
fusion_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadFusionPair', uint16_range='minmax'),
    dict(type='PackFusionInputs')]))
'''


@pytest.fixture
def spoilt(trained, tmp_path):
    """``spoilt(stage, key)``: a checkpoint with NaN in one of its weights."""

    def make(stage, key):
        content = torch.load(trained / stage / 'iter_2.pth',
                             weights_only=False)
        for name, value in content['state_dict'].items():
            if name.startswith(key):
                value.view(-1)[0] = np.nan
                break
        path = tmp_path / f'{stage}.pth'
        torch.save(dict(state_dict=content['state_dict']), path)
        return trained / 'configs' / 'fusers' / f'{stage}.py', path

    return make


@pytest.fixture
def deep(tmp_path):
    """Two folders of three pairs, infrared as float TIFFs; the second has
    one NaN, the third one infinite pixel."""
    root = tmp_path / 'deep'
    tiny_project.write_pairs(root)
    rng = np.random.default_rng(0)
    for index, value in enumerate((1, np.nan, np.inf)):
        image = rng.random(tiny_project.SIZE, np.float32)
        image[3, 4] = value
        (root / f'ir/{index:03d}.png').unlink()
        cv2.imwrite(str(root / f'ir/{index:03d}.tiff'), image)
    return root


def named(capsys, *names):
    """What was told as failed."""
    told = [
        line for line in capsys.readouterr().err.splitlines()
        if line.startswith('failed: ')
    ]
    assert [line.split(': ')[1] for line in told] == list(names)
    assert all('NaN or infinit' in line for line in told)


@pytest.mark.parametrize('stretched', [False, True])
@pytest.mark.parametrize('mode', ['round', 'minmax'])
def test_a_pixel(call, deep, tmp_path, capsys, stretched, mode):
    config, out = PYRAMID, tmp_path / 'out'
    if stretched:
        config = tmp_path / 'stretched.py'
        config.write_text(STRETCHED)
    assert call('test_fusion.py', config, '--vis', deep / 'vis', '--ir',
                deep / 'ir', '--out-dir', out, '--save-mode', mode, '--device',
                'cpu') == 1
    named(capsys, '001', '002')
    assert [path.name for path in out.iterdir()] == ['000.png']


def test_a_pixel_in_other_tools(call, deep, tmp_path, capsys):
    assert call('distill/make_teacher.py', PYRAMID, '--vis', deep / 'vis',
                '--ir', deep / 'ir', '--out', tmp_path / 'out', '--device',
                'cpu') == 1
    named(capsys, '001', '002')
    assert call('analysis_tools/evaluate_fusion.py', '--fused', deep / 'vis',
                '--vis', deep / 'vis', '--ir', deep / 'ir', '--metrics', 'EN',
                'MI', '--workers', 1, '--out', tmp_path / 'scores') == 1
    told = capsys.readouterr().err
    for name in ('001', '002'):
        assert f"Expected finite values in '{deep}/ir/{name}.tiff'" in told


def test_arrays_and_files_of_the_inferencer(deep):
    fuse = FusionInferencer(PYRAMID)
    vis = deep / 'vis/000.png'
    for index in (1, 2):
        with pytest.raises(ValueError, match=f'finite .*00{index}.tiff'):
            fuse(vis, deep / f'ir/00{index}.tiff')
    ir = np.full(tiny_project.SIZE, 0.5, np.float32)
    ir[0, 0] = np.nan
    with pytest.raises(ValueError,
                       match="Expected finite values in 'array ir'"):
        fuse(cv2.imread(str(vis)), ir)


def test_weights_of_a_fuser(call, spoilt, tmp_path, capsys):
    """Each pair is named, and the note says where the cause may be."""
    out = tmp_path / 'out'
    config, path = spoilt('stage1', 'fuser.')
    assert call('test_fusion.py', config, path, '--out-dir', out, '--device',
                'cpu') == 1
    told = capsys.readouterr()
    assert 'fused 0 of 3 pairs' in told.out and 'such as fuser.' in told.err
    assert told.err.count('expected a fused image of finite values') == 3
    assert not out.exists()
    infer = FusionInferencer(config, path, 'cpu')
    root = config.parents[2] / 'data'
    with pytest.raises(UsageError, match=r'vis/000\.png: expected a fused'):
        infer(root / 'vis', root / 'ir', batch_size=2)


def test_weights_while_scoring(call, spoilt, tmp_path, capsys):
    config, path = spoilt('stage2', 'fuser.')
    assert call('test.py', config, path, '--work-dir', tmp_path) == 2
    assert 'vis/000.png: expected a fused image' in capsys.readouterr().err
    assert not list(tmp_path.glob('eval_*.json'))


@pytest.mark.parametrize('tool', ['test.py', 'test_fusion.py'])
def test_weights_behind_a_fuser(call, spoilt, capsys, tmp_path, tool):
    """Labels and boxes would look like others."""
    config, path = spoilt('stage2', 'segmentor.')
    assert call(tool, config, path, '--work-dir', tmp_path / 'out') == 2
    assert 'such as segmentor.' in capsys.readouterr().err


def test_infinite_weights_behind_a_fuser(spoilt):
    config, path = spoilt('stage2', 'nothing')
    model = init_model(config, path, optimize=False)
    state = model.state_dict()
    state['segmentor.decode_head.conv_seg.bias'][0] = np.inf
    torch.save(dict(state_dict=state), path)
    with pytest.raises(UsageError, match='NaN or infinite values in 1 of'):
        load_model_weights(model, path)


def student():
    model = ImageFuser(MODELS.build(dict(type='MMDRFuseStudent'))).eval()
    with torch.no_grad():
        next(model.fuser.parameters())[0] = np.nan
    return model


def test_videos(deep):
    stream = FusionStream(student(), str(deep / 'vis'), str(deep / 'vis'))
    with pytest.raises(UsageError, match='^frame 0: expected a fused image'):
        list(stream)


def test_export(tmp_path):
    with pytest.raises(UsageError, match='a model with finite outputs'):
        export_model(student(), tmp_path / 'a.ts', format='torchscript',
                     shape=(16, 16))
    assert not list(tmp_path.iterdir())
