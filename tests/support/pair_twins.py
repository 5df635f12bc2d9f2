"""Pairs that say the same in other files: deep, of two sizes, with alpha."""
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

LOW, HIGH = 7000, 9040  # eight counts a grey level
SIZE = (44, 56)
#: kind of the pairs -> what has to be said of them
KINDS = dict(
    deep=dict(uint16_range=(LOW, HIGH)),
    sizes=dict(on_size_mismatch='resize_ir'),
    grey_alpha={},
)
CONFIG = '''
default_scope = 'mmfusion'
model = dict(
    type='ImageFuser',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='MMDRFuseStudent'))
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FusionDistillDataset',
        data_root={root!r},
        pipeline=[
            dict(type='LoadFusionPair', **{loading!r}),
            dict(type='PackFusionInputs')
        ],
        test_mode=True))
test_cfg = dict()
test_evaluator = dict(type='FusionMetric', metrics={metrics!r})
'''


def smooth(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.RandomState(seed)
    small = rng.randint(0, 256, (5, 7, *shape[2:]), np.uint8)
    return cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_CUBIC)


def write_twins(root: Path, count: int = 2) -> None:
    """``plain`` and every kind, each with the folders VIS and IR."""
    for stem in range(count):
        vis = smooth(stem, *SIZE, 3)
        small = smooth(10 + stem, SIZE[0] // 2, SIZE[1] // 2)
        wide = cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
        for kind in ('plain', *KINDS):
            folder = root / kind
            for name in ('VIS', 'IR'):
                (folder / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f'VIS/{stem}.png'), vis)
            path = str(folder / f'IR/{stem}.png')
            if kind == 'grey_alpha':
                alpha = np.full(SIZE, 90, np.uint8)
                Image.fromarray(np.dstack([wide, alpha]), 'LA').save(path)
            elif kind == 'deep':
                cv2.imwrite(path.replace('.png', '.tiff'),
                            (LOW + 8 * wide.astype(int)).astype(np.uint16))
            else:
                cv2.imwrite(path, small if kind == 'sizes' else wide)
