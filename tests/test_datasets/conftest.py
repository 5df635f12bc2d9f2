"""Small pairs on disk and in memory."""
import cv2
import numpy as np
import pytest


def block_labels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Label map of 8-pixel blocks with classes 0..8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 9, (-(-height // 8), -(-width // 8)), np.uint8)
    return np.kron(coarse, np.ones((8, 8), np.uint8))[:height, :width]


@pytest.fixture
def marked():
    """Make a sample whose modalities and maps all show the same marks."""

    def make(height: int = 48, width: int = 64, seed: int = 0) -> dict:
        label = block_labels(height, width, seed)
        grey = label * 20
        return dict(
            img=np.dstack([grey, grey, grey, grey]), img_shape=(height, width),
            ori_shape=(height, width), modalities={
                'vis': (0, 3),
                'ir': (3, 4)
            }, gt_seg_map=label.copy(), gt_binary_map=(label
                                                       > 0).astype(np.uint8),
            gt_boundary_map=(label % 2).astype(np.uint8),
            gt_mask_map=(label > 4).astype(np.uint8), seg_fields=[
                'gt_seg_map', 'gt_binary_map', 'gt_boundary_map', 'gt_mask_map'
            ])

    return make


@pytest.fixture
def write_pairs(tmp_path):
    """Write pairs (and labels) into folders of ``tmp_path``."""

    def write(stems, vis='vis', ir='ir', label=None, size=(24, 32),
              vis_name='{stem}.png', ir_name='{stem}.png'):
        for number, stem in enumerate(stems):
            rng = np.random.default_rng(number)
            colour = rng.integers(0, 256, (*size, 3), np.uint8)
            grey = rng.integers(0, 256, size, np.uint8)
            for folder, name, image in ((vis, vis_name, colour), (ir, ir_name,
                                                                  grey),
                                        (label, '{stem}.png',
                                         block_labels(*size, number))):
                if folder is None:
                    continue
                head, _, tail = stem.rpartition('/')
                path = tmp_path / folder / head / name.format(stem=tail)
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), image)
        return tmp_path

    return write
