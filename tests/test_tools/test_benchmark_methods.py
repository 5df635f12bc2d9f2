"""The benchmark of methods: what it runs, keeps, reports and refuses."""
import json
import re
import shutil

import cv2
import numpy as np
import pytest
import torch

from mmfusion.analysis.method_benchmark import costs, measuring, read_sets, run
from mmfusion.cli.legacy import UsageError
from mmfusion.evaluation import scenes
from mmfusion.functional import compute
from mmfusion.models.fusers import MaximumFuser
from tests.support import tiny_project

TOOL = 'analysis_tools/benchmark_methods.py'
METRICS = 'EN,SD:uint8,MI'
FAST = ('--runs', 1, '--shape', 32, 40, '--device', 'cpu', '--strips', 2)


@pytest.fixture
def data(tmp_path):
    """A labelled set ``street`` of three pairs, and ``plain`` of two."""
    tiny_project.write_pairs(tmp_path / 'street')
    tiny_project.write_pairs(tmp_path / 'plain', 2, (36, 30))

    def entry(name, *kinds):
        return f'{name}=' + ','.join(
            str(tmp_path / name / kind) for kind in kinds)

    return [
        entry('street', 'vis', 'ir', 'labels'),
        entry('plain', 'vis', 'ir')
    ]


@pytest.fixture
def benchmark(call, data, tmp_path):
    """``benchmark(method, ..., flags=())``: exit code; into ``out``."""

    def start(*methods, flags=(), sets=data):
        return call(TOOL, *methods, '--data', *sets, '--out', tmp_path / 'out',
                    '--metrics', METRICS, *FAST, *flags)

    return start


def read_report(tmp_path):
    return json.loads((tmp_path / 'out' / 'report.json').read_text())


def image_times(tmp_path, method):
    folder = tmp_path / 'out' / 'fused' / 'street' / method
    return {
        path.name: path.stat().st_mtime_ns for path in folder.glob('*.png')
    }


def test_report_of_rules_and_networks(benchmark, trained, tmp_path, capsys):
    """Two rules, a fuser and a joint model; one set has labels."""
    stage1 = f'{trained}/configs/fusers/stage1.py={trained}/stage1/iter_2.pth'
    stage2 = f'{trained}/configs/fusers/stage2.py'
    weights = f'{trained}/stage2/iter_2.pth'
    code = benchmark('baseline:average', 'baseline:laplacian', stage1,
                     f'joint={stage2}={weights}',
                     flags=('--segmentor', stage2, weights))
    assert code == 0, capsys.readouterr().err
    report = read_report(tmp_path)
    names = ['average', 'laplacian', 'stage1', 'joint']
    assert [method['name'] for method in report['methods']] == names
    rule, network = (report['methods'][i]['costs'] for i in (0, 2))
    assert rule['parameters'] == rule['flops'] == 0
    assert network['parameters'] > 500 and network['flops'] > 1e5
    assert rule['latency_ms'] > 0 and network['latency_ms'] > 0

    table, = report['presets']
    heads = {column['head']: column for column in table['columns']}
    assert list(heads) == ['EN', 'SD:uint8', 'MI']
    assert heads['EN']['label'] == ''
    assert heads['SD:uint8']['label'] == (
        'published-table compatible, not correct')
    assert heads['MI']['better'] == 1

    out = tmp_path / 'out'
    for name, kind in (('street', (40, 56, 3)), ('plain', (36, 30, 3))):
        stems = report['sets'][[item['name'] for item in report['sets']
                                ].index(name)]['stems']
        for method in names:
            values = report['values'][name][method]
            for place, stem in enumerate(stems):
                images = [
                    cv2.imread(str(path), flag)
                    for path, flag in ((out / 'fused' / name / method /
                                        f'{stem}.png', 1),
                                       (tmp_path / name / 'ir' / f'{stem}.png',
                                        0), (tmp_path / name / 'vis' /
                                             f'{stem}.png', 1))
                ]
                assert images[0].shape == kind
                expected = compute(images[0][..., ::-1],
                                   (images[1], images[2][..., ::-1]), METRICS)
                for head, value in expected.items():
                    got = values[heads[head]['key']][place]
                    assert got == pytest.approx(value, rel=1e-5), head

    scores = report['segmentation']
    assert list(scores) == ['street'] and list(scores['street']) == names
    for score in scores['street'].values():
        known = [value for value in score['classes'] if value is not None]
        assert score['mean'] == pytest.approx(np.mean(known))
        assert len(score['classes']) == 9

    text = (out / 'index.html').read_text()
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert not re.search(r'url\(|@import|https?:(?!//www\.w3\.org)', text)
    # Two pairs a set, two sources and four methods, an image and two crops.
    assert text.count('<img') == 2 * 2 * 6 * 3
    assert not list(out.rglob('*.part'))


def test_goes_on_where_it_stopped(benchmark, tmp_path, monkeypatch):
    assert benchmark('baseline:average', 'baseline:maximum') == 0
    before = read_report(tmp_path)
    times = image_times(tmp_path, 'average')

    def forbidden(*args, **kwargs):
        raise AssertionError('done before')

    with monkeypatch.context() as patch:
        for module, name in ((run, 'init_model'), (costs, 'measure'),
                             (scenes, 'measure_scene')):
            patch.setattr(module, name, forbidden)
        assert benchmark('baseline:average', 'baseline:maximum') == 0
    assert read_report(tmp_path) == before

    # Another metric and another method: only these are computed.
    seen = []

    def count(scene, protocol, load):
        names = ','.join(key.partition(':')[0] for key in protocol.metrics)
        seen.append((*scene.fused, names))
        return true(scene, protocol, load)

    true = scenes.measure_scene
    monkeypatch.setattr(scenes, 'measure_scene', count)
    assert benchmark('baseline:average', 'baseline:infrared',
                     flags=('--metrics', 'EN,CC')) == 0
    assert sorted(
        seen) == 5 * [('average', 'CC')] + 5 * [('infrared', 'EN,CC')]
    assert image_times(tmp_path, 'average') == times

    # A pair that was cut off is made and measured again, alone.
    seen.clear()
    (tmp_path / 'out/fused/street/average/001.png').unlink()
    assert benchmark('baseline:average', flags=('--metrics', 'EN')) == 0
    assert seen == [('average', 'EN')]
    after = image_times(tmp_path, 'average')
    assert [name for name in times
            if after[name] != times[name]] == ['001.png']

    seen.clear()
    assert benchmark('baseline:average', flags=('--restart', )) == 0
    assert len(seen) == 5
    assert image_times(tmp_path, 'average')['000.png'] > times['000.png']


def test_other_weights_are_another_method(benchmark, trained, tmp_path):
    config = f'{trained}/configs/fusers/stage1.py'
    weights = tmp_path / 'weights.pth'
    shutil.copy(trained / 'stage1' / 'iter_2.pth', weights)
    assert benchmark(f'{config}={weights}') == 0
    before = read_report(tmp_path)['values']
    state = torch.load(weights, weights_only=False)
    for key in state['state_dict']:
        if key.endswith('weight'):
            state['state_dict'][key] = state['state_dict'][key] * 1.5
    torch.save(state, weights)
    assert benchmark(f'{config}={weights}') == 0
    after = read_report(tmp_path)['values']
    assert before['street']['stage1'] != after['street']['stage1']


def test_a_bad_pair_is_named_and_the_rest_goes_on(benchmark, tmp_path, capsys):
    broken = tmp_path / 'street' / 'ir' / '001.png'
    broken.write_bytes(broken.read_bytes()[:40])
    cv2.imwrite(str(tmp_path / 'plain/vis/only.png'), np.zeros((8, 8),
                                                               np.uint8))
    assert benchmark('baseline:average', 'baseline:maximum') == 1
    errors = capsys.readouterr().err
    assert 'street: not fused: average, 001: Expected a complete' in errors
    assert 'plain: no partner: ' in errors and 'only.png' in errors
    report = read_report(tmp_path)
    street, plain = report['sets']
    assert street['stems'] == ['000', '002'] and plain['pairs'] == 2
    assert len(street['problems']) == 2 and len(plain['problems']) == 1
    assert all(
        len(values) == 2
        for values in report['values']['street']['average'].values())
    # Repaired, it is taken up.
    shutil.copy(tmp_path / 'street/ir/000.png', broken)
    (tmp_path / 'plain/vis/only.png').unlink()
    assert benchmark('baseline:average', 'baseline:maximum') == 0
    assert read_report(tmp_path)['sets'][0]['pairs'] == 3


def test_a_pair_counts_for_all_methods_or_none(benchmark, tmp_path, capsys):
    assert benchmark('baseline:average', 'baseline:maximum') == 0
    spoilt = tmp_path / 'out/fused/street/maximum/002.png'
    spoilt.write_bytes(spoilt.read_bytes()[:60])
    assert benchmark('baseline:average', 'baseline:maximum') == 1
    assert 'not measured: maximum, 002: Expected' in capsys.readouterr().err
    values = read_report(tmp_path)['values']['street']
    assert {len(v) for method in values.values()
            for v in method.values()} == {2}


def test_pairs_of_other_tasks(benchmark, tmp_path, capsys):
    """Each set has the methods that serve its task, in its own roles."""
    tiny_project.write_pairs(tmp_path / 'brain', 2)
    (tmp_path / 'list.py').write_text(
        "methods = ['baseline:average', dict(config='baseline:visible', "
        "tasks=['mri_pet'])]\n")
    sets = [
        f'day={tmp_path}/brain/vis,{tmp_path}/brain/ir',
        f'brain@MRI_PET={tmp_path}/brain/ir,{tmp_path}/brain/vis'
    ]
    assert benchmark(tmp_path / 'list.py', sets=sets) == 0
    report = read_report(tmp_path)
    assert report['tasks'] == dict(ivf='visible + infrared',
                                   mri_pet='MRI + PET')
    assert list(report['values']['day']) == ['average']
    assert list(report['values']['brain']) == ['average', 'visible']
    shown = cv2.imread(str(tmp_path / 'out/fused/brain/visible/000.png'))
    pet = cv2.imread(str(tmp_path / 'brain/vis/000.png'))
    assert np.array_equal(shown, pet)
    for key, values in report['values']['day']['average'].items():
        assert values == report['values']['brain']['average'][key]
    assert benchmark('baseline:average', sets=['a@nothing=x,y']) == 2
    assert "'mri_pet'" in capsys.readouterr().err
    (tmp_path / 'list.py').write_text(
        "methods = [dict(config='baseline:visible', tasks=['mef'])]\n")
    assert benchmark(tmp_path / 'list.py', sets=sets) == 2
    assert 'day: expected a method for pairs of' in capsys.readouterr().err


def test_a_method_that_fails_throughout_is_left_out(benchmark, tmp_path,
                                                    monkeypatch, capsys):
    """The others are reported, and it is named."""

    def fail(self, vis_luma, ir):
        if vis_luma.shape[-2:] == (32, 40):  # where costs are measured
            return vis_luma
        raise ValueError('Expected something else.')

    monkeypatch.setattr(MaximumFuser, 'fuse_luma', fail)
    assert benchmark('baseline:average', 'baseline:maximum') == 1
    report = read_report(tmp_path)
    assert list(report['values']['street']) == ['average']
    assert report['sets'][0]['pairs'] == 3
    assert 'maximum, 000: Expected something' in capsys.readouterr().err


def test_nothing_to_measure(benchmark, tmp_path, capsys):
    for path in (tmp_path / 'plain' / 'ir').iterdir():
        path.write_bytes(b'')
    assert benchmark('baseline:average') == 2
    assert 'plain: no pair could be measured' in capsys.readouterr().err


def test_processes_measure_the_same(data, tmp_path):
    sets = read_sets(data[:1])
    images = dict(a=tmp_path / 'street' / 'vis', b=tmp_path / 'street' / 'ir')
    columns = measuring.read_tables([], ['SD', 'MI'])[0].columns
    found = [
        measuring.measure(
            sets[0].pairs, images, columns,
            measuring.RecordStore(tmp_path / f'{workers}.jsonl', {}), workers)
        for workers in (1, 2)
    ]
    assert found[0] == found[1] and not found[0][1]
    assert len(found[0][0]['b']) == 3


def test_limit_spreads_over_the_set(data):
    pairs = read_sets(data, 2)[0].pairs
    assert [pair['stem'] for pair in pairs] == ['000', '001']
    assert run.spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert run.spread([1, 2], 5) == [1, 2]


def test_short_names(tmp_path, monkeypatch):
    monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
    tiny_project.write_pairs(tmp_path / 'seg_msrs9' / 'val')
    for old, new in (('vis', 'vi'), ('labels', 'label')):
        (tmp_path / 'seg_msrs9/val' / old).rename(tmp_path / 'seg_msrs9/val' /
                                                  new)
    found, = read_sets(['msrs'])
    assert found.name == 'MSRS' and found.labelled and len(found.pairs) == 3
    with pytest.raises(FileNotFoundError, match='fusion_tno'):
        read_sets(['tno'])


@pytest.mark.parametrize('entries, words', [
    (['nowhere'], 'roadscene, tno'),
    (['a=only_vis'], 'VIS_DIR,IR_DIR'),
    (['a=,x'], 'VIS_DIR,IR_DIR'),
])
def test_bad_sets(entries, words):
    with pytest.raises(UsageError, match=words):
        read_sets(entries)


def test_double_set_and_limit(data):
    with pytest.raises(UsageError, match='street twice'):
        read_sets([data[0], data[0]])
    with pytest.raises(UsageError, match='at least 1'):
        read_sets(data, 0)


@pytest.mark.parametrize('flags, words', [
    (('--presets', 'nature'), 'Expected a preset out of default'),
    (('--metrics', 'beauty'), "got 'beauty'"),
    (('--segmentor', 'nowhere.py', 'x.pth'), 'x.pth'),
])
def test_bad_arguments(benchmark, capsys, flags, words):
    assert benchmark('baseline:average', flags=flags) == 2
    assert words in capsys.readouterr().err


def test_segmentor_needs_labels(benchmark, data, capsys):
    code = benchmark('baseline:average', sets=data[1:],
                     flags=('--segmentor', 'a.py', 'b.pth'))
    assert code == 2 and 'LABEL_DIR' in capsys.readouterr().err


def test_foreign_folders_stay(benchmark, tmp_path, capsys):
    precious = tmp_path / 'out/fused/street/average/mine.png'
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b'x')
    assert benchmark('baseline:average', flags=('--restart', )) == 2
    assert 'Name another --out' in capsys.readouterr().err
    assert precious.exists()
