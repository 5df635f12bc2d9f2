"""INT8 files and what they cost."""

import cv2
import numpy as np
import onnx
import pytest
import torch

from mmfusion.apis.pairs import match_folders
from mmfusion.deployment import compare_models, export_model, quantize
from mmfusion.deployment.accuracy import accuracy_table
from mmfusion.models.exported import backend_model
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError


@pytest.fixture(scope='module')
def smooth_pairs(tmp_path_factory):
    """Pairs with the low contrast between neighbours that images have."""
    root = tmp_path_factory.mktemp('pairs')
    rng = np.random.default_rng(0)
    for name, channels in dict(vis=3, ir=1).items():
        (root / name).mkdir()
        for index in range(4):
            coarse = rng.integers(0, 256, (22, 24, channels), np.uint8)
            image = cv2.resize(coarse, (192, 176),
                               interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(root / name / f'{index}.png'), image)
    return match_folders(root / 'vis', root / 'ir')[0]


@pytest.fixture(scope='module')
def files(tmp_path_factory, smooth_pairs):
    """A float file, and INT8 of it."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp('int8')
    model = ImageFuser(
        fuser=MODELS.build(dict(type='MMDRFuseTeacher', channels=(16, 32))))
    export_model(model.eval(), root / 'a.onnx', opset=17, shape=(176, 192))
    report = quantize(root / 'a.onnx', root / 'int8.onnx', smooth_pairs[:2])
    return root / 'a.onnx', root / 'int8.onnx', report


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_accuracy_is_measured(files, smooth_pairs, backend):
    models = [backend_model(path, backend=backend) for path in files[:2]]
    results = compare_models(models[0], dict(same=models[0], int8=models[1]),
                             smooth_pairs[2:])
    assert results['same']['psnr_db'] > 120
    assert results['same']['max_difference'] < 1e-5
    assert all(
        abs(x['change']) < 1e-5 for x in results['same']['metrics'].values())
    assert 30 < results['int8']['psnr_db'] < 80
    assert results['int8']['max_difference'] > 0
    assert set(results['int8']['metrics']) >= {'EN', 'SD'}
    table = accuracy_table(results).splitlines()
    assert table[2].startswith('| same | ')


def test_int8_is_small_and_complete(files):
    assert files[2]['quantized'] >= 13 and files[2]['pairs'] == 2
    assert files[1].stat().st_size < 0.4 * files[0].stat().st_size
    graph = onnx.load(files[1])
    assert 'mmfusion' in {x.key for x in graph.metadata_props}


@pytest.mark.parametrize('method, operators', [('percentile', 'conv'),
                                               ('entropy', 'all')])
def test_methods_and_operators(files, smooth_pairs, tmp_path, method,
                               operators):
    out = tmp_path / 'b.onnx'
    report = quantize(files[0], out, smooth_pairs[:1], method, operators)
    assert report['quantized'] >= 13
    assert (report['quantized']
            > files[2]['quantized']) == (operators == 'all')
    result = compare_models(backend_model(files[0]),
                            dict(b=backend_model(out)), smooth_pairs[2:])
    assert result['b']['psnr_db'] > 15


@pytest.mark.parametrize('method', ['percentile', 'entropy'])
def test_activations_of_one_pair_at_a_time(files, smooth_pairs, tmp_path,
                                           monkeypatch, method, capsys):
    """All pairs' activations would not fit into memory."""
    from onnxruntime.quantization import calibrate
    held = []
    collect = calibrate.HistogramCollector.collect

    def counting(self, arrays):
        held.append({len(values) for values in arrays.values()})
        return collect(self, arrays)

    monkeypatch.setattr(calibrate.HistogramCollector, 'collect', counting)
    report = quantize(files[0], tmp_path / 'b.onnx', smooth_pairs[:3], method)
    assert held == [{1}] * 3 and report['pairs'] == 3
    assert not capsys.readouterr().out


def test_skipped_nodes_stay_in_float(files, smooth_pairs, tmp_path):
    names = [
        node.name for node in onnx.load(files[0]).graph.node
        if node.op_type == 'Conv'
    ]
    report = quantize(files[0], tmp_path / 'b.onnx', smooth_pairs[:1],
                      skip=[names[-1]])
    assert report['quantized'] < files[2]['quantized']
    with pytest.raises(UsageError, match='which no node has'):
        quantize(files[0], tmp_path / 'c.onnx', smooth_pairs[:1],
                 skip=['head'])
    assert not (tmp_path / 'c.onnx').exists()


def test_variable_size_and_pairs_of_another_size(smooth_pairs, tmp_path):
    model = ImageFuser(fuser=MODELS.build(dict(type='MMDRFuseStudent')))
    for name, kwargs in dict(a=dict(dynamic=True, opset=13),
                             b=dict(shape=(24, 40))).items():
        export_model(model, tmp_path / f'{name}.onnx', **kwargs)
        report = quantize(tmp_path / f'{name}.onnx',
                          tmp_path / f'{name}8.onnx', smooth_pairs[:1])
        assert report['quantized'] >= 2


@pytest.mark.parametrize('change, words', [
    (dict(mode='dynamic'), 'none of which would change'),
    (dict(method='best'), 'Expected method'),
    (dict(operators='some'), 'Expected operators'),
    (dict(pairs=[]), 'at least one pair'),
    (dict(out='b.ts'), 'two .onnx files'),
])
def test_bad_arguments(files, smooth_pairs, tmp_path, change, words):
    values = dict(out='b.onnx', pairs=smooth_pairs[:1])
    values.update(change)
    with pytest.raises(UsageError, match=words):
        quantize(files[0], tmp_path / values.pop('out'), **values)
    with pytest.raises(UsageError, match='Name another'):
        quantize(files[0], files[0], smooth_pairs[:1])


def test_old_opsets_are_refused(smooth_pairs, tmp_path):
    model = ImageFuser(fuser=MODELS.build(dict(type='MMDRFuseStudent')))
    export_model(model, tmp_path / 'a.onnx', shape=(48, 64), opset=11)
    with pytest.raises(UsageError, match='at least 13'):
        quantize(tmp_path / 'a.onnx', tmp_path / 'b.onnx', smooth_pairs[:1])
