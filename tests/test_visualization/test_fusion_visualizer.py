"""The visualizer and its backends."""
import itertools

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmfusion.registry import VISUALIZERS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.files import write_image
from mmfusion.visualization import draw_panel

META = dict(classes=('unlabeled', 'car'), palette=[(0, 0, 0), (200, 0, 0)],
            modalities=dict(vis=3, ir=1))
SIZE = (24, 32)
COUNT = itertools.count()


@pytest.fixture
def sample():
    sample = FusionDataSample()
    sample.fused_img = PixelData(data=torch.rand(3, *SIZE))
    sample.pred_sem_seg = PixelData(data=torch.ones(1, *SIZE).long())
    sample.gt_sem_seg = PixelData(data=torch.zeros(1, *SIZE).long())
    return sample


@pytest.fixture
def pair():
    return np.zeros(SIZE + (3, ), np.uint8), np.full(SIZE, 80, np.uint8)


def build(**kwargs):
    # A visualizer of a known name is not built anew.
    visualizer = VISUALIZERS.build(
        dict(type='FusionLocalVisualizer', name=f'panel{next(COUNT)}',
             **kwargs))
    visualizer.dataset_meta = META
    return visualizer


def test_draw_equals_the_pure_function(sample, pair):
    drawn = build().draw(*pair, sample)
    expected = draw_panel(*pair, sample.fused_img.data,
                          sample.pred_sem_seg.data, sample.gt_sem_seg.data,
                          classes=META['classes'], palette=META['palette'])
    assert (drawn == expected).all()


def test_draw_without_labels_or_sample(sample, pair):
    del sample.pred_sem_seg, sample.gt_sem_seg
    visualizer = build()
    with_fused = visualizer.draw(*pair, sample)
    assert with_fused.shape[1] > visualizer.draw(*pair).shape[1]
    assert visualizer.draw(pair[0]).shape[1] < with_fused.shape[1]


def test_options(sample, pair):
    visualizer = build(columns=2, legend=False, palette=[(0, 0, 0),
                                                         (0, 0, 90)])
    full = visualizer.draw(*pair, sample)
    part = visualizer.draw(*pair, sample, draw_gt=False, draw_pred=False)
    assert full.shape[1] == part.shape[1] and full.shape[0] > part.shape[0]
    assert (full[..., 0] > full[..., 2]).sum() < full[..., 0].size / 2


def test_other_modalities_have_their_names(pair):
    plain = build().draw(*pair)
    medical = build().draw(*pair,
                           dataset_meta=dict(modalities=dict(mri=3, ct=1)))
    assert plain.shape == medical.shape and (plain != medical).any()


def test_backends_get_the_panel(sample, pair, tmp_path):
    visualizer = build(
        save_dir=str(tmp_path), vis_backends=[
            dict(type='LocalVisBackend'),
            dict(type='TensorboardVisBackend')
        ])
    visualizer.add_datasample('val_a', pair[0], sample, infrared=pair[1],
                              step=3, with_labels=True)
    visualizer.close()
    folder = tmp_path / 'vis_data'
    written = cv2.imread(str(folder / 'vis_image' / 'val_a_3.png'))
    assert (written[..., ::-1] == visualizer.draw(*pair, sample)).all()
    assert (visualizer.get_image() == written[..., ::-1]).all()
    assert any('tfevents' in file.name for file in folder.iterdir())


def test_out_file(sample, pair, tmp_path):
    visualizer = build()
    file = tmp_path / 'new' / 'a.png'
    visualizer.add_datasample('a', pair[0], sample, infrared=pair[1],
                              out_file=str(file))
    assert cv2.imread(str(file)) is not None
    assert [path.name for path in file.parent.iterdir()] == ['a.png']
    with pytest.raises(ValueError, match='suffix'):
        write_image(tmp_path / 'a.nothing', pair[0])
