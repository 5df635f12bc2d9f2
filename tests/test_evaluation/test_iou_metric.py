"""Label maps that ``IoUMetric`` writes."""
import numpy as np
import pytest
import torch

from mmfusion.fileio import read_image
from mmfusion.registry import METRICS
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import is_ours


def sample(folder, stem, value):
    labels = dict(data=torch.full((1, 4, 6), value))
    return dict(stem=stem, vis_path=f'{folder}/{stem}_rgb.png',
                img_path=f'{folder}/{stem}_rgb.png', pred_sem_seg=labels,
                gt_sem_seg=labels)


def metric(out, **kwargs):
    built = METRICS.build(
        dict(type='mmfusion.IoUMetric', output_dir=out, keep_results=True,
             **kwargs))
    built.dataset_meta = dict(classes=('a', 'b', 'c'))
    return built


def test_sub_folders_are_kept(tmp_path):
    scored = metric(tmp_path / 'maps')
    scored.process(None, [sample('x', 'day/1', 1), sample('x', 'night/1', 2)])
    for name, value in {'day/1_rgb': 1, 'night/1_rgb': 2}.items():
        path = tmp_path / f'maps/{name}.png'
        np.testing.assert_array_equal(read_image(str(path)),
                                      np.full((4, 6), value))
        assert is_ours(path)
    assert scored.evaluate(2)['mIoU'] == 100


def test_files_alone(tmp_path):
    scored = metric(tmp_path, format_only=True)
    scored.process(None, [sample('x', '1', 1)])
    assert scored.evaluate(1) == {} and (tmp_path / '1_rgb.png').is_file()
    scored = metric(None)
    scored.process(None, [sample('x', '2', 1)])
    assert len(list(tmp_path.iterdir())) == 1


def test_names_that_lead_out_of_the_folder(tmp_path):
    with pytest.raises(UsageError, match='expected a name below'):
        metric(tmp_path / 'a').process(None, [sample('x', '../../1', 1)])
    assert list(tmp_path.rglob('*')) == [tmp_path / 'a']
