"""The benchmark of backends runs, on a small image."""
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmfusion.deployment.slim_fusers import SLIM_FUSERS
from mmfusion.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]


def seeded(cfg):
    """Every variant has the same weights."""
    torch.manual_seed(0)
    return MODELS.build(cfg)


def load():
    spec = importlib.util.spec_from_file_location(
        'benchmark_backends', ROOT / 'benchmarks' / 'backends.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """Names of networks that were to be compiled, which takes minutes."""
    names = []
    monkeypatch.setattr(torch.nn.Module, 'compile',
                        lambda self: names.append(type(self).__name__))
    return names


def test_times_and_accuracy(tmp_path, capsys, compiled):
    rng = np.random.default_rng(0)
    for name, channels in dict(vis=3, ir=1).items():
        (tmp_path / name).mkdir()
        for index in range(3):
            image = cv2.resize(
                rng.integers(0, 256, (20, 24, channels), np.uint8), (200, 180))
            cv2.imwrite(str(tmp_path / name / f'{index}.png'), image)
    load().main([
        '--methods', 'mmdrfuse_student', 'MaximumFuser', '--shape', '176',
        '192', '--batch', '1', '--threads', '1', '--repeats', '1', '--opset',
        '13', '--vis',
        str(tmp_path / 'vis'), '--ir',
        str(tmp_path / 'ir'), '--calib', '2', '--eval', '1', '--json',
        str(tmp_path / 'a.json')
    ])
    text = capsys.readouterr().out
    assert '| naive | ' in text and '| onnxruntime int8 | ' in text
    content = json.loads((tmp_path / 'a.json').read_text())['results']
    student = content['mmdrfuse_student']
    assert len(student['seconds']['openvino']) == 1
    assert student['accuracy']['optimized']['max_difference'] < 1e-4
    assert student['accuracy']['openvino']['psnr_db'] is not None
    assert 'naive' not in content['MaximumFuser']['seconds']
    assert 'exported ' in student['note'] and 'naive ' in student['note']
    assert student['peak_mib'] == {}
    assert compiled == ['MMDRFuseStudent', 'MaximumFuser']
    assert len(student['seconds']['compiled']) == 1


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_memory_of_chosen_variants(tmp_path, capsys):
    path = tmp_path / 'a.json'
    threads = torch.get_num_threads()
    try:
        load().main([
            '--methods', 'mmdrfuse_teacher', '--variants', 'optimized',
            'onnxruntime', '--memory', '--shape', '176', '192', '--threads',
            '1', '--repeats', '1', '--json',
            str(path)
        ])
    finally:
        torch.set_num_threads(threads)
    assert '| peak MiB |' in capsys.readouterr().out
    result = json.loads(path.read_text())['results']['mmdrfuse_teacher']
    assert set(result['seconds']) == {'eager', 'optimized', 'onnxruntime'}
    # maps of 96 channels in float32, joined
    assert result['peak_mib']['eager'] > 176 * 192 * 96 * 4 / 2**20
    assert 0 < result['peak_mib']['optimized'] < result['peak_mib']['eager']


@pytest.mark.no_cover
def test_text_guided(tmp_path, capsys, monkeypatch):
    """FILM reads a text of 149 tokens everywhere, INT8 and pairs too."""
    module = load()
    full = module.METHODS['film']
    slim = {**full.config, **SLIM_FUSERS['FILMFusion'], 'text_channels': 768}
    monkeypatch.setitem(module.METHODS, 'film', replace(full, config=slim))
    monkeypatch.setattr(
        module, 'build', lambda name, variant, same_weights: seeded(slim)
        if variant == 'ours' else Naive())
    for name, channels in dict(vis=3, ir=1).items():
        (tmp_path / name).mkdir()
        for index in range(2):
            image = np.random.default_rng(index).integers(
                0, 256, (20, 24, channels), np.uint8)
            cv2.imwrite(str(tmp_path / name / f'{index}.png'),
                        cv2.resize(image, (192, 176)))
    module.main([
        '--methods', 'film', '--shape', '176', '192', '--threads', '1',
        '--repeats', '1', '--vis',
        str(tmp_path / 'vis'), '--ir',
        str(tmp_path / 'ir'), '--calib', '1', '--eval', '1', '--json',
        str(tmp_path / 'a.json')
    ])
    result = json.loads((tmp_path / 'a.json').read_text())['results']['film']
    assert {'naive', 'eager', 'openvino',
            'onnxruntime int8'} <= set(result['seconds'])
    for name in ('optimized', 'onnxruntime', 'openvino'):
        assert result['accuracy'][name]['max_difference'] < 1e-3
    assert Naive.tokens == {149}


class Naive(torch.nn.Module):
    """In place of a transcription that takes half a minute."""
    tokens = set()

    def forward(self, ir, vis, text):
        self.tokens.add(text.shape[1])
        return torch.nn.functional.conv2d(ir + vis, torch.ones(1, 1, 3, 3))
