"""The Python lines of the guide to deployment run."""
import shutil

import cv2
import numpy as np

from mmfusion.utils.files import write_image
from tests.support.guides import code_blocks


def write_video(path, rng):
    """Three frames of 64x64."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (64, 64))
    for _ in range(3):
        writer.write(rng.integers(0, 256, (64, 64, 3), np.uint8))
    writer.release()


def test_python_lines(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(exported.files['open'], 'model.onnx')
    rng = np.random.default_rng(0)
    for name in ('vis', 'ir'):
        write_image(f'{name}.png', rng.integers(0, 256, (64, 64, 3), np.uint8))
        write_video(f'{name}.mp4', rng)
    images, video = code_blocks('docs/deployment.md')
    space = {}
    # not every processor computes bfloat16
    exec(images.replace("'bf16'", "'fp32'"), space)
    assert space['fused'].shape == (64, 64, 3)
    exec(video, space)
    assert space['frame'].fused.shape == (64, 64, 3)
