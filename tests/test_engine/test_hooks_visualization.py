"""FusionVisualizationHook: what it draws, where, and how often."""
import itertools
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.registry import HOOKS, VISUALIZERS
from mmfusion.structures import FusionDataSample

MODULE = 'mmfusion.engine.hooks.visualization_hook'
META = dict(classes=('unlabeled', 'car'), palette=[(0, 0, 0), (200, 0, 0)])
SIZE = (24, 32)
COUNT = itertools.count()


@pytest.fixture
def runner(tmp_path):
    visualizer = VISUALIZERS.build(
        dict(type='FusionLocalVisualizer', name=f'hook{next(COUNT)}',
             save_dir=str(tmp_path),
             vis_backends=[dict(type='LocalVisBackend')]))
    visualizer.dataset_meta = META
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=META))
    return SimpleNamespace(visualizer=visualizer, val_dataloader=loader,
                           test_dataloader=loader, iter=40)


def batch(stems, size=SIZE, folder='x', **meta):
    samples = []
    for stem in stems:
        sample = FusionDataSample(
            metainfo=dict(vis_path=f'{folder}/vi/{stem}.png',
                          ir_path=f'{folder}/ir/{stem}.png', modalities=dict(
                              vis=(0, 3), ir=(3, 4)), ori_shape=SIZE, **meta))
        sample.fused_img = PixelData(data=torch.rand(3, *SIZE))
        sample.pred_sem_seg = PixelData(data=torch.ones(1, *SIZE).long())
        samples.append(sample)
    inputs = [torch.full((4, *size), 60, dtype=torch.uint8) for _ in stems]
    return dict(inputs=inputs, data_samples=samples), samples


def run(hook, runner, mode, batches):
    getattr(hook, f'before_{mode}_epoch')(runner)
    for index, (data, outputs) in enumerate(batches):
        getattr(hook, f'after_{mode}_iter')(runner, index, data, outputs)


def written(tmp_path):
    return sorted(path.name for path in tmp_path.rglob('*.png'))


def test_draws_nothing_by_default(runner, tmp_path):
    hook = HOOKS.build(dict(type='FusionVisualizationHook'))
    runner.visualizer = None  # not even touched
    run(hook, runner, 'val', [batch('ab')])
    assert not written(tmp_path)


@pytest.mark.parametrize('mode, step', [('val', 40), ('test', 0)])
def test_interval_counts_samples(runner, tmp_path, mode, step):
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', draw=True, interval=2))
    batches = [batch('abc'), batch('def')]
    run(hook, runner, mode, batches)
    names = [f'{mode}_{stem}_{step}.png' for stem in 'ace']
    assert written(tmp_path) == names
    sample = batches[0][1][0]
    grey = np.full(SIZE + (3, ), 60, np.uint8)
    expected = runner.visualizer.draw(grey, grey, sample)
    drawn = cv2.imread(str(next(tmp_path.rglob(names[0]))))
    assert (drawn[..., ::-1] == expected).all()


def test_max_samples_counts_each_pass(runner, tmp_path):
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', draw=True, interval=1,
             max_samples=2))
    run(hook, runner, 'val', [batch('abc')])
    runner.iter = 80
    run(hook, runner, 'val', [batch('abc')])
    assert written(tmp_path) == [
        'val_a_40.png', 'val_a_80.png', 'val_b_40.png', 'val_b_80.png'
    ]


def test_show_dir(runner, tmp_path):
    folder = tmp_path / 'panels'
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1, show_dir=folder))
    run(hook, runner, 'test', [batch('ab'), batch('a', folder='y')])
    assert written(folder) == ['a-2.png', 'a.png', 'b.png']
    assert written(tmp_path) == written(folder)
    run(hook, runner, 'val', [batch('a')])
    assert 'a_40.png' in written(folder)


def test_ranks_share_the_work(runner, tmp_path, monkeypatch):
    """Two ranks write the files that one would."""
    monkeypatch.setattr(f'{MODULE}.get_world_size', lambda: 2)
    for rank, stems in enumerate(('ace', 'bdf')):
        monkeypatch.setattr(f'{MODULE}.get_rank', lambda rank=rank: rank)
        hook = HOOKS.build(
            dict(type='FusionVisualizationHook', interval=3,
                 show_dir=tmp_path))
        run(hook, runner, 'test', [batch(stems)])
    assert written(tmp_path) == ['a.png', 'd.png']


def test_show_opens_a_window_and_writes_nothing(runner, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(runner.visualizer, 'show',
                        lambda panel, **kw: shown.append(kw))
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', show=True, wait_time=2,
             interval=1))
    run(hook, runner, 'test', [batch('a')])
    assert shown == [dict(win_name='test_a', wait_time=2)]
    assert not written(tmp_path)


@pytest.mark.parametrize('augmented', [False, True])
def test_pair_is_read_from_its_files(runner, tmp_path, augmented):
    """A resized batch, or a list of views: the original pair is drawn."""
    for name, value in (('vi', (30, 20, 10)), ('ir', 80)):
        (tmp_path / 'x' / name).mkdir(parents=True)
        shape = SIZE + (3, ) if name == 'vi' else SIZE
        cv2.imwrite(str(tmp_path / 'x' / name / 'a.png'),
                    np.full(shape, value, np.uint8))
    data, samples = batch('a', (12, 16), tmp_path / 'x')
    if augmented:
        data['inputs'] = [data['inputs'], data['inputs']]
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1,
             show_dir=tmp_path / 'out'))
    run(hook, runner, 'test', [(data, samples)])
    vis = np.broadcast_to(np.uint8([10, 20, 30]), SIZE + (3, ))
    expected = runner.visualizer.draw(vis, np.full(SIZE, 80, np.uint8),
                                      samples[0])
    drawn = cv2.imread(str(tmp_path / 'out' / 'a.png'))[..., ::-1]
    assert (drawn == expected).all()


def test_pair_is_read_as_it_was_loaded(runner, tmp_path):
    for name, image in (('vi', np.full(SIZE, 9, np.uint8)),
                        ('ir', np.full((12, 16), 7640, np.uint16))):
        (tmp_path / 'x' / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'x' / name / 'a.png'), image)
    loader = LoadFusionPair('resize_ir', (7000, 9040))
    data, samples = batch('a', (12, 16), tmp_path / 'x', loader=loader)
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1,
             show_dir=tmp_path / 'out'))
    run(hook, runner, 'test', [(data, samples)])
    expected = runner.visualizer.draw(np.full(SIZE + (3, ), 9, np.uint8),
                                      np.full(SIZE, 80, np.uint8), samples[0])
    drawn = cv2.imread(str(tmp_path / 'out' / 'a.png'))[..., ::-1]
    assert (drawn == expected).all()


def test_without_paths_the_input_is_enlarged(runner, tmp_path):
    data, _ = batch('a', (12, 16))
    sample = FusionDataSample(metainfo=dict(ori_shape=SIZE))
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1, show_dir=tmp_path))
    run(hook, runner, 'test', [(data, [sample])])
    assert written(tmp_path) == ['sample0.png']
    with pytest.raises(ValueError, match='PackFusionInputs'):
        run(hook, runner, 'test', [(dict(), [sample])])


@pytest.mark.parametrize('argument', ['interval', 'max_samples'])
def test_bad_numbers(argument):
    with pytest.raises(ValueError, match=argument):
        HOOKS.build(dict(type='FusionVisualizationHook', **{argument: 0}))


class Data:
    """Pairs of a data set."""
    metainfo = META

    def __init__(self, folder, stems):
        _, self.samples = batch(stems, folder=folder)

    def __len__(self):
        return len(self.samples)

    def get_data_info(self, index):
        return dict(self.samples[index].metainfo)


@pytest.mark.parametrize('link', [False, True])
def test_sources_are_not_drawn_over(runner, tmp_path, link):
    out = tmp_path / 'x/vi'
    out.mkdir(parents=True)
    (out / 'a.png').write_bytes(b'source')
    if link:
        (tmp_path / 'link').symlink_to('x/vi')
        out = tmp_path / 'link'
    runner.test_dataloader.dataset = Data(tmp_path / 'x', 'ab')
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1, show_dir=out,
             overwrite=True))
    with pytest.raises(ValueError, match='which is the source'):
        run(hook, runner, 'test', [batch('ab', folder=tmp_path / 'x')])
    assert (out / 'a.png').read_bytes() == b'source'


def test_files_of_others(runner, tmp_path):
    runner.test_dataloader.dataset = Data('x', 'ab')
    (tmp_path / 'b.png').write_bytes(b'mine')
    for overwrite in (False, True):
        hook = HOOKS.build(
            dict(type='FusionVisualizationHook', interval=1, show_dir=tmp_path,
                 overwrite=overwrite))
        if overwrite:
            run(hook, runner, 'test', [batch('ab')])
        else:
            with pytest.raises(ValueError, match='overwrite'):
                run(hook, runner, 'test', [batch('ab')])
    assert (tmp_path / 'b.png').read_bytes() != b'mine'


def test_a_name_that_looks_like_a_second_one(runner, tmp_path):
    hook = HOOKS.build(
        dict(type='FusionVisualizationHook', interval=1, show_dir=tmp_path))
    run(hook, runner, 'test', [batch(['a-2', 'a']), batch('a', folder='y')])
    assert written(tmp_path) == ['a-2-2.png', 'a-2.png', 'a.png']
