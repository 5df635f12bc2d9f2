"""Every flag of the deployment tools and the video demo."""
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis.inferencer import init_model
from mmfusion.models.exported import open_session
from mmfusion.models.exported.runtimes import openvino_core
from tests.support import tiny_project
from tests.support.video_sequences import write_sequence

ROOT = Path(__file__).resolve().parents[2]
SMALL = ['--cfg-options', 'model.fuser.init_cfg=None']


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    """Configs and checkpoints of both stages, untrained."""
    root = tmp_path_factory.mktemp('weights')
    configs = tiny_project.make_project(root)
    torch.manual_seed(0)
    for stage in ('stage1', 'stage2'):
        model = init_model(configs / f'{stage}.py', optimize=False,
                           cfg_options={'model.fuser.init_cfg': None})
        (root / stage).mkdir()
        torch.save(dict(state_dict=model.state_dict()),
                   root / stage / 'iter_2.pth')
    return root


@pytest.fixture
def files(weights):
    """``files('stage1')``: config and checkpoint."""
    return lambda stage: (weights / 'configs' / 'fusers' / f'{stage}.py',
                          weights / stage / 'iter_2.pth')


def test_export(call, files, tmp_path, capsys):
    out = tmp_path / 'new' / 'a.onnx'
    assert call('deployment/export.py', *files('stage1'), '--out', out,
                '--opset', 12, '--shape', 48, 64, '--batch', 2, '--simplify',
                '--verify', '--tokens', 3) == 0
    text = capsys.readouterr().out
    assert '32 BatchNorm layers folded' in text
    assert 'largest difference to PyTorch: ' in text
    meta = open_session(out).meta
    assert (meta['opset'], meta['size'], meta['batch'],
            meta['tokens']) == (12, [48, 64], 2, 3)


def test_export_of_a_whole_model(call, files, tmp_path, capsys):
    out = tmp_path / 'a.ts'
    assert call('deployment/export.py', *files('stage2'), '--out', out,
                '--part', 'full', '--format', 'torchscript', '--dynamic',
                '--no-fold', '--no-verify', *SMALL) == 0
    text = capsys.readouterr().out
    assert ' 0 BatchNorm layers folded' in text and 'difference' not in text
    assert open_session(out).meta['outputs'] == ['fused', 'seg_logits']


def test_export_errors(call, files, tmp_path, capsys):
    config, _ = files('stage1')
    assert call('deployment/export.py', config, 'none', '--out',
                tmp_path / 'a.onnx', '--opset', 30) == 2
    assert 'opset of 11 to 20' in capsys.readouterr().err
    assert call('deployment/export.py', config, tmp_path / 'no.pth', '--out',
                tmp_path / 'a.onnx') == 2
    assert not (tmp_path / 'a.onnx').exists()


def test_exported_checkpoint_fuses_folders(call, files, tmp_path, capsys):
    """tools/test_fusion.py takes it in the place of a checkpoint."""
    onnx = tmp_path / 'a.onnx'
    tiny_project.write_pairs(tmp_path)
    assert call('deployment/export.py', *files('stage1'), '--out', onnx,
                '--opset', 13, '--shape', *tiny_project.SIZE) == 0
    # it is verified, unless --no-verify
    assert 'largest difference to PyTorch: ' in capsys.readouterr().out
    images = {}
    for name, checkpoint, flags in (('torch', files('stage1')[1],
                                     ['--device',
                                      'cpu']), ('onnxruntime', onnx, []),
                                    ('openvino', onnx,
                                     ['--backend', 'openvino'])):
        assert call('test_fusion.py',
                    files('stage1')[0], checkpoint, '--vis', tmp_path / 'vis',
                    '--ir', tmp_path / 'ir', '--out-dir', tmp_path / name,
                    *flags) == 0
        images[name] = cv2.imread(str(tmp_path / name / '001.png'))
    for name in ('onnxruntime', 'openvino'):
        assert np.abs(images[name].astype(int) - images['torch']).max() <= 1


def test_matrix(call, tmp_path, capsys):
    assert call('deployment/export_matrix.py', '--fusers', 'MaximumFuser',
                'TransFuser6', '--formats', 'onnx', 'torchscript', '--opsets',
                11, 13, '--shape', 40, 48, '--slim', '--out',
                tmp_path / 'm.md', '--json', tmp_path / 'm.json') == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == '| fuser | onnx 11 | onnx 13 | torchscript |'
    assert lines[2].startswith('| MaximumFuser | 0e+00 |')
    assert (tmp_path / 'm.md').read_text() == captured.out
    assert '6/6' in captured.err
    content = json.loads((tmp_path / 'm.json').read_text())
    cells = content['matrix']['TransFuser6']
    assert 0 <= cells['onnx 13']['max_difference'] <= 1e-4
    assert content['slim'] and content['shape'] == [40, 48]


def test_matrix_fails_where_there_is_no_file(call, capsys):
    """Tracing at variable size cannot express this one's kernels."""
    assert call('deployment/export_matrix.py', '--fusers', 'GuidedFilterFuser',
                '--formats', 'onnx', '--opsets', 11, '--dynamic') == 1
    captured = capsys.readouterr()
    assert '| GuidedFilterFuser | fails |' in captured.out
    assert 'failed: GuidedFilterFuser, onnx 11: Expected' in captured.err
    assert call('deployment/export_matrix.py', '--fusers', 'Nobody') == 2


@pytest.fixture
def smooth(tmp_path):
    """Folders of three pairs of 176x192."""
    rng = np.random.default_rng(0)
    for name, channels in dict(vis=3, ir=1).items():
        (tmp_path / name).mkdir()
        for index in range(3):
            image = cv2.resize(
                rng.integers(0, 256, (22, 24, channels), np.uint8), (192, 176),
                interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(tmp_path / name / f'{index}.png'), image)
    return tmp_path


def test_quantize(call, files, smooth, capsys):
    onnx, out = smooth / 'a.onnx', smooth / 'int8.onnx'
    assert call('deployment/export.py', *files('stage1'), '--out', onnx,
                '--opset', 17, '--shape', 176, 192) == 0
    folders = ['--vis', smooth / 'vis', '--ir', smooth / 'ir']
    assert call('deployment/quantize.py', onnx, out, *folders, '--num', 2,
                '--eval', 1, '--method', 'percentile', '--operators', 'all',
                '--skip', 'Softmax', '--backend', 'openvino', '--mode',
                'static', '--json', smooth / 'a.json') == 0
    text = capsys.readouterr().out
    assert 'calibrated on 2 pairs' in text and '| dB |' in text
    content = json.loads((smooth / 'a.json').read_text())
    assert 10 < content['accuracy']['psnr_db'] < 100
    for flags, words in ((['--num', 9], 'Expected at least 9 + 0 pairs'),
                         (['--num', 0], '--num of at least 1'),
                         (['--num', 1, '--mode', 'dynamic'], 'convolutions')):
        assert call('deployment/quantize.py', onnx, out, *folders, *flags) == 2
        assert words in capsys.readouterr().err


@pytest.fixture
def moving(tmp_path):
    """Folders of eight frames and a homography."""
    rng = np.random.default_rng(0)
    vis, ir = (cv2.resize(rng.integers(0, 256, (10, 14, c), np.uint8),
                          (110, 80)) for c in (3, 1))
    np.save(tmp_path / 'h.npy', np.eye(3))
    return write_sequence(tmp_path, vis, ir, 8, (48, 64))


class TestVideoDemo:

    def test_fuser(self, call, files, moving, tmp_path, capsys):
        out = tmp_path / 'a.mp4'
        assert call('video_demo.py', *files('stage1'), '--vis', moving[0],
                    '--ir', moving[1], '--out', out, '--homography',
                    tmp_path / 'h.npy', '--fps', 20, '--source-fps', 20,
                    '--offset', 0.05, '--batch', 3, '--norm', 'steady',
                    '--momentum', 0.9, '--blend', 0.4, '--flicker', '--limit',
                    6, '--device', 'cpu', '--threads', 1, '--json',
                    tmp_path / 'a.json') == 0
        text = capsys.readouterr().out
        assert '6 frames, ' in text and 'fused: flicker' in text
        assert f'wrote {out}' in text
        content = json.loads((tmp_path / 'a.json').read_text())
        assert content['frames'] == 6
        assert content['latency_ms']['p99'] >= content['latency_ms']['p50']
        capture = cv2.VideoCapture(str(out))
        assert sum(1 for _ in iter(lambda: capture.read()[0], False)) == 6

    @pytest.mark.parametrize('number', [0, 1])
    def test_real_scenes(self, call, real_data, tmp_path, number):
        """In motion; a damaged frame, and infrared ends first."""
        folder = real_data / 'fusion_roadscene' / 'test'
        if not folder.is_dir():
            pytest.skip('no RoadScene pairs')
        vis, ir = (cv2.imread(str(sorted((folder / name).iterdir())[number]))
                   for name in ('vi', 'ir'))
        folders = write_sequence(tmp_path, vis,
                                 cv2.resize(ir[..., 0], vis.shape[1::-1]), 30,
                                 (128, 160), number)
        (folders[0] / '00003.png').write_bytes(b'nonsense')
        for index in range(24, 30):
            (folders[1] / f'{index:05d}.png').unlink()
        out, numbers = tmp_path / 'a.mp4', tmp_path / 'a.json'
        assert call('video_demo.py',
                    ROOT / 'configs/fusers/laplacian_pyramid.py', '--vis',
                    folders[0], '--ir', folders[1], '--out', out, '--json',
                    numbers, '--device', 'cpu') == 0
        content = json.loads(numbers.read_text())
        assert (content['frames'], content['corrupt_vis'],
                content['repeated']) == (24, 1, 1)
        capture = cv2.VideoCapture(str(out))
        assert sum(1 for _ in iter(lambda: capture.read()[0], False)) == 24

    def test_segmenter(self, call, files, moving, tmp_path):
        """Alone, and behind another fuser."""
        for name, model in (('a', ()), ('b', files('stage1'))):
            assert call('video_demo.py', *model, '--seg', *files('stage2'),
                        '--vis', moving[0], '--ir', moving[1], '--out',
                        tmp_path / name, '--limit', 2, '--device', 'cpu') == 0
            assert len(list((tmp_path / name).iterdir())) == 2

    @pytest.mark.parametrize('precision', ['fp32', 'bf16'])
    def test_exported_file(self, call, files, moving, tmp_path, capsys,
                           precision):
        onnx = tmp_path / 'a.onnx'
        assert call('deployment/export.py', *files('stage1'), '--out', onnx,
                    '--opset', 13, '--shape', 48, 64) == 0
        able = precision in ('fp32', *map(
            str.lower,
            openvino_core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')))
        assert call('video_demo.py', onnx, '--vis', moving[0], '--ir',
                    moving[1], '--out', tmp_path / 'out', '--backend',
                    'openvino', '--precision', precision, '--threads',
                    1) == (0 if able else 2)
        if able:
            assert len(list((tmp_path / 'out').iterdir())) == 8
        else:
            assert 'computes in bfloat16' in capsys.readouterr().err

    def test_exported_segmenter(self, call, files, moving, tmp_path, capsys):
        full = tmp_path / 'full.onnx'
        assert call('deployment/export.py', *files('stage2'), '--out', full,
                    '--part', 'full', '--opset', 13, '--shape', 48, 64,
                    *SMALL) == 0
        sources = ['--vis', moving[0], '--ir', moving[1], '--out']
        assert call('video_demo.py', full, *sources, tmp_path / 'plain',
                    '--limit', 2) == 0
        assert call('video_demo.py', '--seg', full, *sources, tmp_path / 'out',
                    '--limit', 2) == 0
        plain, drawn = (cv2.imread(str(tmp_path / name / '000001.png'))
                        for name in ('plain', 'out'))
        assert plain.shape == drawn.shape and (plain != drawn).any()
        assert call('video_demo.py', '--seg',
                    files('stage2')[0], *sources, tmp_path / 'b') == 2
        assert 'Expected --seg CFG CKPT' in capsys.readouterr().err
        with pytest.raises(SystemExit):
            call('video_demo.py', '--seg', 'a', 'b', 'c', *sources,
                 tmp_path / 'b')

    def test_window(self, call, files, moving, monkeypatch):
        shown = []
        monkeypatch.setenv('DISPLAY', ':0')
        monkeypatch.setattr('cv2.imshow', lambda *x: shown.append(x))
        monkeypatch.setattr('cv2.waitKey', lambda _: -1)
        monkeypatch.setattr('cv2.destroyWindow', lambda _: None)
        assert call('video_demo.py', *files('stage1'), '--vis', moving[0],
                    '--ir', moving[1], '--show', '--device', 'cpu') == 0
        assert len(shown) == 8

    def test_errors(self, call, files, moving, tmp_path, capsys, monkeypatch):
        sources = ['--vis', moving[0], '--ir', moving[1]]
        for flags, words in (((*sources, ), 'nothing to do'),
                             ((*sources, '--show'), '--seg CFG CKPT')):
            with pytest.raises(SystemExit):
                call('video_demo.py', *flags)
            assert words in capsys.readouterr().err
        assert call('video_demo.py', *files('stage1'), '--vis',
                    tmp_path / 'no.mp4', '--ir', moving[1], '--show') == 2
        for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM'):
            monkeypatch.delenv(name, raising=False)
        assert call('video_demo.py', *files('stage1'), *sources, '--show',
                    '--device', 'cpu') == 2
        assert 'Expected a display' in capsys.readouterr().err
        for path in moving[0].iterdir():
            path.write_bytes(b'')
        assert call('video_demo.py', *files('stage1'), *sources, '--out',
                    tmp_path / 'a.mp4', '--device', 'cpu') == 1
        assert 'no pair of frames' in capsys.readouterr().err
