"""Runtimes behind the inferencer's API."""
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer, init_model
from mmfusion.deployment import export_model
from mmfusion.models.exported import is_exported, open_session
from mmfusion.models.exported.runtimes import OnnxRuntimeSession, openvino_core
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from tests.support import tiny_project

BF16 = 'BF16' in openvino_core().get_property('CPU',
                                              'OPTIMIZATION_CAPABILITIES')


@pytest.fixture(scope='module')
def torch_results(exported):
    """By how the fuser pads: as by itself, or as for the open file."""
    infer = FusionInferencer(exported.config, exported.checkpoint, 'cpu',
                             exported.options)
    folders = str(exported.data / 'vis'), str(exported.data / 'ir')
    own = infer(*folders)
    infer.model.fuser.size_divisor = open_session(
        exported.files['open']).meta['size_divisor']
    return dict(fixed=own, open=infer(*folders))


def check(results, expected, levels=1, labels=True):
    assert [r['name'] for r in results] == [r['name'] for r in expected]
    for result, other in zip(results, expected, strict=True):
        assert result['fused'].shape == other['fused'].shape
        gap = np.abs(result['fused'].astype(int) - other['fused'])
        assert gap.max() <= levels
        if labels:
            same = result['pred_sem_seg'] == other['pred_sem_seg']
            assert same.mean() >= 0.99


@pytest.mark.parametrize('name', ['open', 'fixed'])
@pytest.mark.parametrize('backend', [None, 'onnxruntime', 'openvino'])
def test_same_api_same_results(exported, torch_results, name, backend):
    """Images and label maps; 40x56 needs padding in the open file.

    There the segmentor sees the padded image, in PyTorch the cropped one:
    its labels are compared where nothing is padded, below.
    """
    infer = FusionInferencer(exported.files[name], backend=backend,
                             backend_options=dict(threads=1))
    results = infer(str(exported.data / 'vis'), str(exported.data / 'ir'))
    check(results, torch_results[name], labels=name == 'fixed')
    single = infer(exported.data / 'vis' / '000.png',
                   exported.data / 'ir' / '000.png')
    np.testing.assert_allclose(single['fused'], results[0]['fused'], atol=1)


def test_arrays_batches_and_files(exported, tmp_path):
    infer = FusionInferencer(exported.files['open'])
    rng = np.random.default_rng(0)
    vis = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(3)]
    ir = [rng.integers(0, 256, (64, 96), np.uint8) for _ in range(3)]
    one = infer(vis, ir)
    together = infer(vis, ir, batch_size=3, out_dir=tmp_path)
    torch_model = FusionInferencer(exported.config, exported.checkpoint, 'cpu',
                                   exported.options)
    check(one, torch_model(vis, ir))
    check(together, one)
    assert len(list(tmp_path.iterdir())) == 6  # fused and labels


def test_config_and_exported_weights(exported, torch_results):
    """The config prepares the pairs, the file computes."""
    model = init_model(exported.config, exported.files['fixed'],
                       cfg_options=exported.options, backend='openvino')
    results = FusionInferencer(model)(str(exported.data / 'vis'),
                                      str(exported.data / 'ir'))
    check(results, torch_results['fixed'])


@pytest.mark.parametrize('suffix, format, dynamic',
                         [('.ts', 'torchscript', False),
                          ('.ts', 'torchscript', True),
                          ('.pt2', 'torch_export', False)])
def test_formats_of_pytorch(exported, torch_results, tmp_path, suffix, format,
                            dynamic):
    path = tmp_path / f'a{suffix}'
    export_model(exported.model, path, part='full', format=format,
                 shape=tiny_project.SIZE, dynamic=dynamic)
    results = FusionInferencer(path)(str(exported.data / 'vis'),
                                     str(exported.data / 'ir'))
    check(results, torch_results['open' if dynamic else 'fixed'],
          labels=not dynamic)


@pytest.mark.skipif(not BF16, reason='a processor without bfloat16')
def test_bf16(exported, torch_results):
    infer = FusionInferencer(exported.files['fixed'], backend='openvino',
                             backend_options=dict(precision='bf16'))
    results = infer(str(exported.data / 'vis'), str(exported.data / 'ir'))
    check(results, torch_results['fixed'], levels=8, labels=False)


@pytest.mark.parametrize('colour', ['colour', 'grey'])
def test_stretched_images_need_luminance(tmp_path, colour):
    """The wrapper's policy travels with the file."""
    torch.manual_seed(0)
    model = ImageFuser(fuser=MODELS.build(dict(type='LaplacianPyramidFuser')),
                       output_norm='minmax', output_colour=colour).eval()
    path = tmp_path / 'a.onnx'
    export_model(model, path, dynamic=True, opset=13)
    rng = np.random.default_rng(0)
    vis = cv2.blur(rng.integers(0, 256, (48, 64, 3), np.uint8), (5, 5))
    ir = cv2.blur(rng.integers(0, 256, (48, 64), np.uint8), (5, 5))
    expected = FusionInferencer(model)(vis, ir)['fused']
    got = FusionInferencer(path)(vis, ir)['fused']
    assert np.abs(expected.astype(int) - got).max() <= 1
    assert got.min() <= 1 or colour == 'colour'


def test_inputs_that_a_network_ignores(tmp_path):
    model = ImageFuser(fuser=MODELS.build(dict(type='SelectModality')))
    export_model(model, tmp_path / 'a.onnx', opset=13, shape=(16, 16))
    vis, ir = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16)
    for backend in ('onnxruntime', 'openvino'):
        session = open_session(tmp_path / 'a.onnx', backend)
        fused, = session.run(dict(vis=vis.numpy(), ir=ir.numpy()))
        np.testing.assert_allclose(fused, vis, atol=1e-6)


def test_a_signal_after_sessions_have_gone(exported):
    """In the order in which two OpenVINO cores would leave freed memory."""
    code = '''if True:
        import gc, os, signal, sys
        from mmfusion.models.exported import open_session
        first, second = (open_session(sys.argv[1], 'openvino')
                         for _ in range(2))
        del first
        gc.collect()
        del second
        gc.collect()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        junk = [bytearray(1000 * n) for n in range(200)]
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            print('alive')
    '''
    done = subprocess.run(
        [sys.executable, '-c', code,
         str(exported.files['fixed'])], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, 'alive'), done.stderr


class TestErrors:

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='export.py'):
            FusionInferencer(tmp_path / 'none.onnx')

    def test_backend_without_exported_file(self, exported):
        with pytest.raises(UsageError, match='Expected an exported file'):
            init_model(exported.config, exported.checkpoint,
                       cfg_options=exported.options, backend='onnxruntime')

    @pytest.mark.parametrize('options, words', [
        (dict(backend='tensorrt'), 'Expected a backend'),
        (dict(precision='fp8'), 'Expected precision'),
        (dict(precision='bf16'), "backend='openvino'"),
        (dict(backend='openvino', device='cuda'), "device='cpu'"),
        (dict(backend='onnxruntime', device='cuda'), 'CUDA'),
    ])
    def test_options(self, exported, options, words):
        if options.get('device') == 'cuda' and torch.cuda.is_available():
            pytest.skip('the device exists')
        with pytest.raises(UsageError, match=words):
            open_session(exported.files['fixed'], **options)

    @pytest.mark.parametrize('name', ['a.onnx', 'a.ts', 'a.pt2'])
    def test_damaged_file(self, tmp_path, name):
        (tmp_path / name).write_bytes(b'nonsense')
        with pytest.raises(UsageError, match='Export it again'):
            open_session(tmp_path / name)

    def test_foreign_file(self, tmp_path):
        torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.rand(1)),
                       str(tmp_path / 'a.ts'))
        with pytest.raises(UsageError, match='does not say'):
            open_session(tmp_path / 'a.ts')

    def test_runtime_that_is_not_installed(self, exported, monkeypatch):
        monkeypatch.setitem(__import__('sys').modules, 'openvino', None)
        with pytest.raises(UsageError, match='requirements/deployment.txt'):
            open_session(exported.files['open'], 'openvino')

    def test_sessions_are_for_inference(self, exported):
        model = init_model(exported.files['open'])
        assert isinstance(model.fuser.session, OnnxRuntimeSession)
        assert model.optimize_for_inference().fuser is model.fuser
        assert not is_exported(exported.config)
        assert is_exported('some/model.pt2')
