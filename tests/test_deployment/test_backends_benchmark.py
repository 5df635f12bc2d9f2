"""The benchmark of backends runs, on a small image."""
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]


def load():
    spec = importlib.util.spec_from_file_location(
        'benchmark_backends', ROOT / 'benchmarks' / 'backends.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_times_and_accuracy(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name, channels in dict(vis=3, ir=1).items():
        (tmp_path / name).mkdir()
        for index in range(3):
            image = cv2.resize(
                rng.integers(0, 256, (20, 24, channels), np.uint8),
                (200, 180))
            cv2.imwrite(str(tmp_path / name / f'{index}.png'), image)
    threads = torch.get_num_threads()
    try:
        load().main([
            '--methods', 'mmdrfuse_student', 'MaximumFuser', '--shape',
            '176', '192', '--batch', '1', '--threads', '1', '--repeats', '1',
            '--opset', '13', '--vis', str(tmp_path / 'vis'), '--ir',
            str(tmp_path / 'ir'), '--calib', '2', '--eval', '1', '--json',
            str(tmp_path / 'a.json')
        ])
    finally:
        torch.set_num_threads(threads)
    text = capsys.readouterr().out
    assert '| naive | ' in text and '| onnxruntime int8 | ' in text
    content = json.loads((tmp_path / 'a.json').read_text())['results']
    student = content['mmdrfuse_student']
    assert len(student['seconds']['openvino']) == 1
    assert student['accuracy']['optimized']['max_difference'] < 1e-4
    assert student['accuracy']['openvino']['psnr_db'] is not None
    assert 'naive' not in content['MaximumFuser']['seconds']
