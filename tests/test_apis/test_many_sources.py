"""Three sources and more: from files and folders to images and scores."""
import json

import cv2
import numpy as np
import pytest
import torch

from mmfusion.apis import FusionInferencer
from mmfusion.cli.fuse import main as command
from mmfusion.models.losses import AverageLoss
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import DATASETS
from mmfusion.structures import FuserOutput
from mmfusion.tasks import TASKS, FusionTask
from mmfusion.utils.errors import UsageError

RULE = 'mmfusion::fusers/laplacian_pyramid.py'
SIZE = (48, 44)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Two stacks of four grey images, each in folders of its own."""
    root = tmp_path_factory.mktemp('stacks')
    rng = np.random.default_rng(0)
    for name in 'abcd':
        (root / name).mkdir()
        for stem in ('1', '2'):
            image = rng.integers(0, 256, SIZE, np.uint8)
            assert cv2.imwrite(str(root / name / f'{stem}.png'), image)
    return [root / name for name in 'abcd']


@pytest.fixture
def maximum():
    cfg = dict(fuser=dict(type='MaximumFuser'))
    return FusionInferencer(ImageFuser(**cfg))


def read(folder, stem):
    return cv2.imread(str(folder / f'{stem}.png'), cv2.IMREAD_GRAYSCALE)


def largest(folders, stem):
    return np.max([read(folder, stem) for folder in folders], 0)


def close(got, expected):
    assert np.abs(got[..., 1].astype(int) - expected).max() <= 1


def test_one_stack_of_files_and_arrays(maximum, folders):
    for count in (2, 3, 4):
        files = [folder / '1.png' for folder in folders[:count]]
        result = maximum(files)
        assert result['name'] == '1'
        close(result['fused'], largest(folders[:count], '1'))
    arrays = [read(folder, '1') for folder in folders]
    close(maximum(arrays)['fused'], largest(folders, '1'))


def test_lists_of_stacks_and_folders(maximum, folders, tmp_path):
    stacks = [[folder / f'{stem}.png' for folder in folders[:3]]
              for stem in ('1', '2')]
    for results in (maximum(stacks),
                    maximum(folders[:3], out_dir=tmp_path / 'out',
                            panel_dir=tmp_path / 'panels')):
        assert [result['name'] for result in results] == ['1', '2']
        for result in results:
            close(result['fused'], largest(folders[:3], result['name']))
    pair = maximum(folders[0], folders[1], panel_dir=tmp_path / 'pairs')
    assert len(pair) == 2
    # one more tile for one more source
    widths = [
        cv2.imread(str(tmp_path / name / '1.png')).shape[1]
        for name in ('pairs', 'panels')
    ]
    assert widths[1] > widths[0]


def test_what_is_no_stack(maximum, folders):
    file = folders[0] / '1.png'
    for wrong, text in (([file], 'two sources or more, got 1'),
                        (file, 'two sources or more'),
                        ([[file, file], [file, file, file]],
                         'as many sources of each image, got 2 and 3'),
                        ([file, folders[0], file], 'a folder and something')):
        with pytest.raises(ValueError, match=text):
            maximum(wrong)
    two = FusionInferencer(ImageFuser(dict(type='MMDRFuseStudent')))
    with pytest.raises(UsageError, match='MMDRFuseStudent fuses 2 sources, '
                       'got 3') as error:
        two([file, file, file])
    assert '\n' not in str(error.value)


def test_command(folders, tmp_path, capsys):
    """Further folders, scores by all sources, panels; a refusal."""
    words = [
        RULE, '--task', 'mff', '--vis', folders[0], '--ir', folders[1],
        '--more', *folders[2:], '--eval', 'EN,SD,SF,VIF,Qabf', '--show-dir',
        tmp_path / 'shown', '--out-dir', tmp_path / 'out'
    ]
    assert command([str(word) for word in words]) == 0
    scores = json.loads((tmp_path / 'out/fusion_metrics.json').read_text())
    assert scores['sources'] == ['near', 'far', 'more_1', 'more_2']
    assert (tmp_path / 'shown/2.png').is_file()
    with pytest.raises(UsageError, match='before folders of further sources'):
        command([RULE, '--more', str(folders[0])])


def test_missing_partner_is_named(folders, tmp_path, capsys):
    short = tmp_path / 'short'
    short.mkdir()
    (short / '1.png').symlink_to(folders[2] / '1.png')
    words = [
        RULE, '--vis', folders[0], '--ir', folders[1], '--more', short,
        '--out-dir', tmp_path / 'out'
    ]
    assert command([str(word) for word in words]) == 1
    assert (tmp_path / 'out/1.png').is_file()
    told = capsys.readouterr().err
    assert all(str(folder / '2.png') in told for folder in folders[:2])


def test_dataset_of_three(folders):
    """A set of three folders, in training and testing."""
    modalities = {folder.name: 3 for folder in folders[:3]}
    dataset = DATASETS.build(
        dict(
            type='PairedImageDataset', data_root=str(folders[0].parent),
            metainfo=dict(modalities=modalities), pipeline=[
                dict(type='LoadFusionPair'),
                dict(type='RandomCrop', crop_size=(16, 16)),
                dict(type='RandomFlip', prob=1.),
                dict(type='PackFusionInputs')
            ]))
    items = [dataset[0], dataset[1]]
    model = ImageFuser(fuser=dict(type='DenseFuse', autoencoder=True),
                       fusion_losses=dict(rec=dict(type='AutoencoderLoss')),
                       task=dict(modalities=modalities))
    data = model.data_preprocessor(
        dict(inputs=[item['inputs'] for item in items],
             data_samples=[item['data_samples'] for item in items]), True)
    assert data['inputs'].shape == (2, 9, 16, 16)
    losses = model(**data, mode='loss')
    assert sorted(losses) == ['loss_rec.pixel', 'loss_rec.ssim']
    sum(losses.values()).backward()
    samples = model.eval().predict(**data)
    assert len(samples) == 2
    model.fusion_losses = torch.nn.ModuleDict(dict(pairs=AverageLoss()))
    with pytest.raises(UsageError, match='compares with two sources, got 3'):
        model.fusion_loss(FuserOutput(data['inputs'][:, :3]), data['inputs'],
                          None)


def test_tasks_of_many():
    task = TASKS['mef'].of_sources(4)
    assert list(task.modalities) == ['under', 'over', 'more_1', 'more_2']
    assert task.others == ['over', 'more_1', 'more_2']
    assert TASKS['ivf'].of_sources(3).modalities['more_1'] == 1
    own = FusionTask.of(dict(modalities=dict(a=3, b=3, c=3)))
    assert (own.visible, own.colour) == ('a', 'weighted')
    assert FusionTask.of(dict(modalities=dict(a=3, b=1, c=1))).colour == 'a'
