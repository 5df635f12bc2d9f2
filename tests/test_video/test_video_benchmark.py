"""The benchmark of the pipeline runs, on a few small frames."""
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusion.deployment import export_model
from mmfusion.utils.errors import UsageError
from tests.support.video_cases import make_model

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / 'configs' / 'fusers' / 'laplacian_pyramid.py')


@pytest.fixture
def main():
    spec = importlib.util.spec_from_file_location(
        'benchmark_video', ROOT / 'benchmarks' / 'video.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_default_model(main, tmp_path, capsys):
    main([
        '--frames', '5', '--shape', '64', '96', '--sample', '2', '--batch',
        '2', '--threads', '1', '--json',
        str(tmp_path / 'a.json')
    ])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('| model | frames | frames/s |')
    results = json.loads((tmp_path / 'a.json').read_text())['results']
    assert list(results) == ['openvino', 'onnxruntime']
    for result in results.values():
        assert result['frames'] == 5 and result['out_mib'] > 0
        assert list(result['rss_mib']) == ['0', '2', '4']
        assert result['network_ms'] > 0 and 0 < result['overhead'] < 1
        assert 0 < result['end_to_end_fps'] <= 5 / result['wall_s'] + 1e-6


def test_a_config_and_a_still(main, tmp_path, capsys):
    flags = [
        CONFIG, '--frames', '3', '--shape', '48', '64', '--device', 'cpu',
        '--threads', '1'
    ]
    for name, channels in dict(vis=3, ir=1).items():
        cv2.imwrite(str(tmp_path / f'{name}.png'),
                    np.full((20, 30, channels), 99, np.uint8))
    main([
        *flags, '--vis',
        str(tmp_path / 'vis.png'), '--ir',
        str(tmp_path / 'ir.png')
    ])
    assert '| PyTorch, cpu | 3 | ' in capsys.readouterr().out
    with pytest.raises(UsageError, match='an exported file for --backend'):
        main([*flags, '--backend', 'openvino'])
    for bad in (['--vis', 'a'], ['a', 'b', 'c'], ['--shape', '3', '4']):
        with pytest.raises(SystemExit):
            main(bad)


def test_precision(main, tmp_path):
    """bf16 reaches the runtime, which takes it or says why not."""
    path = tmp_path / 'a.onnx'
    export_model(make_model(), path, opset=13, shape=(48, 64))
    with pytest.raises(UsageError, match="backend='openvino' for bf16"):
        main([
            str(path), '--frames', '2', '--shape', '48', '64', '--backend',
            'onnxruntime', '--precision', 'bf16', '--threads', '1'
        ])
