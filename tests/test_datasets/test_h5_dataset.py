"""FusionH5Dataset: samples, workers, order, and files that do not fit."""
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmfusion.datasets import DrawIndex, FusionH5Dataset
from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.evaluation.sources import PairSources
from mmfusion.registry import DATASETS
from tests.support.h5_cases import feature, h5_groups, write_h5

NAMES = ['2', '10', 'night/1']
PIPELINE = [
    dict(type='LoadFusionPair'),
    dict(type='LoadTextFeatures'),
    dict(type='PackFusionInputs')
]


@pytest.fixture
def groups():
    return h5_groups(NAMES)


@pytest.fixture
def file(tmp_path, groups):
    return write_h5(tmp_path / 'x.h5', groups)


def build(file, **kwargs):
    return DATASETS.build(
        dict(type='FusionH5Dataset', h5_file=file, pipeline=PIPELINE,
             **kwargs))


def test_samples(file, groups):
    dataset = build(file, test_mode=True)
    assert [dataset.get_data_info(i)['stem'] for i in range(3)] == NAMES
    for index, name in enumerate(NAMES):
        sample = dataset[index]
        image = sample['inputs'] / 255
        a, b = (torch.tensor(groups[group][name])
                for group in ('imageA', 'imageB'))
        torch.testing.assert_close(image[3:], a, atol=1e-6, rtol=0)
        torch.testing.assert_close(image[:3], b.expand(3, -1, -1), atol=1e-6,
                                   rtol=0)
        info = sample['data_samples']
        np.testing.assert_array_equal(info.text, groups['text'][name][0])
        assert info.stem == name
        assert info.vis_path == f'{file}:imageB/{name}'


def test_metrics_find_the_sources(file, groups):
    sample = build(file)[0]['data_samples']
    ir, vis = PairSources(LoadFusionPair())(sample.metainfo)
    np.testing.assert_allclose(ir, groups['imageA']['2'][0], atol=1e-6)
    np.testing.assert_allclose(
        vis, np.repeat(groups['imageB']['2'][0][..., None], 3, 2), atol=1e-6)


def test_workers_and_samplers(file):
    dataset = build(file)
    dataset[0]
    want = [dataset[index] for index in range(3)]
    loader = Runner.build_dataloader(
        dict(dataset=dataset, batch_size=2, num_workers=2,
             sampler=dict(type='DefaultSampler', shuffle=False),
             collate_fn=dict(type='pseudo_collate')))
    seen = [(image, sample) for batch in loader for image, sample in zip(
        batch['inputs'], batch['data_samples'], strict=True)]
    assert len(seen) == 3
    for (image, sample), expected in zip(seen, want, strict=True):
        assert torch.equal(image, expected['inputs'])
        assert torch.equal(sample.text, expected['data_samples'].text)
    index = DrawIndex(1, seed=0, draw=0)
    assert torch.equal(dataset[index]['inputs'], want[1]['inputs'])


def test_two_text_groups(tmp_path, groups):
    text = groups.pop('text')
    path = write_h5(
        tmp_path / 'two.h5',
        dict(groups, textA={
            n: v[:, :1] for n, v in text.items()
        }, textB={
            n: v[:, 1:] for n, v in text.items()
        }))
    got = build(path)[2]['data_samples'].text
    np.testing.assert_array_equal(got, text['night/1'][0])


def test_split_file(file, tmp_path):
    (tmp_path / 'split.txt').write_text('10\n2\n')
    dataset = build(file, ann_file=str(tmp_path / 'split.txt'))
    assert [dataset.get_data_info(i)['stem'] for i in range(2)] == ['10', '2']
    (tmp_path / 'split.txt').write_text('10\n3\n')
    with pytest.raises(ValueError, match="'3'.*x.h5"):
        build(file, ann_file=str(tmp_path / 'split.txt'))


def test_other_groups_and_no_text(tmp_path, groups):
    path = write_h5(
        tmp_path / 'x.h5',
        dict(
            heat={
                n: (255 * v[0]).round().astype(np.uint8)
                for n, v in groups['imageA'].items()
            }, imageB=groups['imageB']))
    dataset = FusionH5Dataset(path, with_text=False,
                              data_prefix=dict(ir_path='heat'),
                              pipeline=[PIPELINE[0], PIPELINE[2]])
    sample = dataset[0]
    torch.testing.assert_close(sample['inputs'][3] / 255,
                               torch.tensor(groups['imageA']['2'][0]),
                               atol=1e-6, rtol=0)
    assert 'text' not in sample['data_samples']


def test_text_of_another_file(tmp_path, file, groups):
    other = {name: feature(50 + k) for k, name in enumerate(NAMES)}
    path = write_h5(tmp_path / 'text.h5', dict(text=other))
    got = build(file, text_file=path)[1]['data_samples'].text
    np.testing.assert_array_equal(got, other['10'])
    del other['10'], other['2']
    path = write_h5(tmp_path / 'few.h5', dict(text=other))
    with pytest.raises(
            ValueError, match=(
                r"x.h5 with the text of .*few.h5: .*3 in 'imageB'.*1 in 'text'"
                r".*lacks '10', '2'.*different data sets")):
        build(file, text_file=path)


def without(groups, group):
    del groups[group]


def less(groups, group):
    del groups[group]['10']


def smaller(groups, group):
    groups[group]['10'] = groups[group]['10'][..., :-1]


def colour(groups, group):
    groups[group]['10'] = groups[group]['10'].repeat(3, 0)


@pytest.mark.parametrize('damage, group, words', [
    (without, 'imageA', "group 'imageA', got none"),
    (without, 'imageB', "group 'imageB', got none"),
    (without, 'text', "group 'text'"),
    (less, 'imageA', "2 in 'imageA'.*'imageA' lacks '10'"),
    (less, 'text', "2 in 'text': 'text' lacks '10'"),
    (smaller, 'imageB', r'\(24, 31\) in imageB/10'),
    (colour, 'imageA', r'imageA/10: expected an image \(1, H, W\)'),
])
def test_files_that_do_not_fit(tmp_path, groups, damage, group, words):
    damage(groups, group)
    path = write_h5(tmp_path / 'bad.h5', groups)
    with pytest.raises(ValueError, match=rf'bad\.h5.*{words}'):
        build(path)


def test_values_that_are_not_finite(tmp_path, groups):
    groups['text']['10'][0, 1, 2] = np.nan
    groups['imageB']['2'][0, 3, 4] = np.nan
    dataset = build(write_h5(tmp_path / 'bad.h5', groups))
    with pytest.raises(ValueError, match=r'bad\.h5:text/10: .*1 of 64'):
        dataset[1]
    with pytest.raises(ValueError, match=r'bad\.h5:imageB/2: .*nan'):
        dataset[0]
    assert dataset[2]['data_samples'].stem == 'night/1'


def test_wrong_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match='no.h5'):
        build(str(tmp_path / 'no.h5'))
    with pytest.raises(TypeError, match='h5_file'):
        build('x.h5', data_root='y')


def test_collates(file):
    loader = DataLoader(build(file), batch_size=3, collate_fn=pseudo_collate)
    batch = next(iter(loader))
    lengths = [len(sample.text) for sample in batch['data_samples']]
    assert lengths == [3, 4, 5]
