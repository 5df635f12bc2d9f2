"""Folders of fused images: reading, matching, processes, resuming."""
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmfusion.evaluation import compute, scenes
from mmfusion.evaluation.folders import (FolderEvaluation, match_scenes,
                                         named_folders)
from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.scenes import Scene, measure
from mmfusion.utils.processes import available_cores
from tests.support.folder_cases import (METHODS, NAMES, evaluation,
                                        make_folders, picture, rows)


@pytest.fixture
def folders(tmp_path):
    return make_folders(tmp_path)


def test_quantization_of_deep_files(folders):
    for index in range(4):
        deep = picture(index, channels=1).astype(np.uint16) * 257 + 100
        cv2.imwrite(str(folders / 'first' / f'{index}.png'),
                    np.clip(deep, 0, 65535))
    results = [
        evaluation(folders, Protocol(NAMES,
                                     quantize=quantize), methods=['first'],
                   restart=True).run(1).table.statistics['mean']['first']
        for quantize in (True, False)
    ]
    assert results[0]['EN'] == results[1]['EN']
    assert results[0]['SD'] != results[1]['SD']


def test_grey_rules_change_numbers_of_a_jpeg(tmp_path):
    for name in ('a', 'ir', 'vis'):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / '0.jpg'),
                    picture(len(name), (90, 111)))

    def entropy(rule):
        root = tmp_path / rule
        return FolderEvaluation(dict(a=tmp_path / 'a'),
                                dict(ir=tmp_path / 'ir', vis=tmp_path / 'vis'),
                                root, Protocol(
                                    ('EN', 'SF'),
                                    grey=rule)).run(1).table.statistics['mean']

    assert entropy('decoder') != entropy('bt601')


# what belongs together


def test_names_of_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'x=1').mkdir()
    assert named_folders(['results/a/', 'b=out/c', 'x=1', '.']) == {
        'a': 'results/a/',
        'b': 'out/c',
        'x=1': 'x=1',
        tmp_path.name: '.'
    }
    with pytest.raises(ValueError, match='different names.*NAME=q/a'):
        named_folders(['p/a', 'q/a'])


def test_scenes_match_by_stem(folders):
    found, missing = match_scenes({name: folders / name for name in METHODS},
                                  dict(ir=folders / 'ir', vis=folders / 'vis'))
    assert not missing
    assert [scene.stem for scene in found] == ['0', '1', '2', '3']
    assert found[2].fused['second'].endswith('second/2.bmp')
    assert [path.split('/')[-2] for path in found[2].sources] == ['ir', 'vis']


def test_one_folder_of_several_methods(folders):
    for index in range(4):
        for name in METHODS:
            cv2.imwrite(str(folders / f'{index}_{name}.png'), picture(index))
        (folders / 'vis' / f'{index}.png').rename(folders / 'vis' /
                                                  f'VIS{index}.png')
    found, missing = match_scenes(dict.fromkeys(METHODS, folders),
                                  dict(ir=folders / 'ir', vis=folders / 'vis'),
                                  fused_rule='{stem}_{method}',
                                  source_rules=dict(vis='VIS{stem}'))
    assert not missing and len(found) == 4
    assert found[3].fused['second'].endswith('3_second.png')


@pytest.mark.parametrize('rule', [None, 'x{method}-{stem}y'])
def test_methods_come_from_names(tmp_path, rule):
    """Methods and scenes with underscores; what fits no scene is named."""
    names, methods = ('a', 'a_b', 'in/a'), ('CBF', 'b_GF')
    for place in ('ir', 'vis', 'fused'):
        (tmp_path / place / 'in').mkdir(parents=True)
    for name in names:
        for place in ('ir', 'vis'):
            (tmp_path / place / f'{name}.png').touch()
        for method in methods:
            *folder, stem = name.split('/')
            stem = (rule or '{stem}_{method}').format(stem=stem, method=method)
            (tmp_path.joinpath('fused', *folder) / f'{stem}.jpg').touch()
    (tmp_path / 'fused' / 'b_CBF.jpg').touch()
    (tmp_path / 'fused' / 'in' / 'a_.jpg').touch()
    found, problems = match_scenes(
        tmp_path / 'fused', dict(ir=tmp_path / 'ir', vis=tmp_path / 'vis'),
        rule)
    fused = {
        (scene.stem, method): Path(path).stem for scene in found
        for method, path in scene.fused.items()
    }
    if rule:
        assert set(fused) == {(name, method) for name in names
                              for method in methods}
        assert len(problems) == 2
    else:  # a_b_GF is GF of a_b: the longest scene counts
        assert fused['a_b', 'GF'] == 'a_b_GF'
        assert fused['a_b', 'b_GF'] == 'a_b_b_GF'
        assert {name for name, _ in fused} == set(names)
    assert [line for line in problems if 'in its name' in line] == [
        f'{tmp_path}/fused/{name}: no scene and method in its name'
        for name in ('b_CBF.jpg', 'in/a_.jpg')
    ]


@pytest.mark.parametrize('rule', ['{stem}', '{method}{method}', 'x'])
def test_rules_without_a_method(folders, rule):
    with pytest.raises(ValueError, match="holds '{stem}' and '{method}' once"):
        match_scenes(folders / 'first',
                     dict(ir=folders / 'ir', vis=folders / 'vis'), rule)


def test_progress_counts_images(folders, capsys):
    """Also those of a scene whose sources are damaged."""
    (folders / 'ir' / '1.png').write_bytes(b'')
    evaluation(folders).run(1)
    assert '] 8/8, ' in capsys.readouterr().err


def test_stems_that_are_asked_for(folders):
    found, missing = match_scenes(dict(first=folders / 'first'),
                                  dict(ir=folders / 'ir', vis=folders / 'vis'),
                                  stems=['3', '9', '1'])
    assert [scene.stem for scene in found] == ['3', '1']
    assert missing == [
        '9: no file of ir', '9: no file of vis', '9: no file of first'
    ]


def test_folders_that_do_not_fit(folders):
    sources = dict(ir=folders / 'ir', vis=folders / 'vis')
    with pytest.raises(FileNotFoundError, match='nowhere.*Check its name'):
        match_scenes(dict(a=folders / 'nowhere'), sources)
    (folders / 'empty').mkdir()
    with pytest.raises(ValueError, match="'a'.*got none"):
        match_scenes(dict(a=folders / 'empty'), sources)
    cv2.imwrite(str(folders / 'empty' / 'x.png'), picture(0))
    with pytest.raises(ValueError, match='equal stems'):
        match_scenes(dict(a=folders / 'empty'), sources)


# measuring


def test_values_and_their_order(folders):
    scores = evaluation(folders).run(1)
    assert not scores.problems
    assert [(row['method'], row['image']) for row in rows(folders)] == [
        (method, str(index)) for method in METHODS for index in range(4)
    ]
    want = {
        (method, str(index)):
        compute(
            picture(10 * place + index)[..., ::-1].copy(),
            (picture(index)[...,
                            0].copy(), picture(10 + index)[..., ::-1].copy()),
            NAMES) for place, method in enumerate(METHODS, 2)
        for index in range(4)
    }
    for row in rows(folders):
        for name in NAMES:
            assert float(row[name]) == pytest.approx(
                want[row['method'], row['image']][name], rel=1e-12)
    mean = scores.table.statistics['mean']['second']['SD']
    assert mean == pytest.approx(
        np.mean([want['second', str(index)]['SD'] for index in range(4)]))
    assert sorted(path.name for path in (folders / 'out').iterdir()) == [
        'per_image.csv', 'records.jsonl', 'summary.json', 'summary.md',
        'summary.tex'
    ]


def test_processes_give_the_same(folders):
    evaluation(folders).run(1)
    alone = rows(folders)
    evaluation(folders, restart=True).run(3)
    assert rows(folders) == alone


def test_processes_after_opencv_has_started_threads(folders):
    """A forked process must not wait for threads it does not have."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((1200, 1600), np.uint8), (31, 31), 5)
    cv2.resize(np.zeros((1200, 1600, 3), np.uint8), (3000, 3000))
    try:
        assert not evaluation(folders).run(2).problems
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(threads)


def test_three_sources(folders):
    (folders / 'out').mkdir()
    scores = FolderEvaluation(
        dict(first=folders / 'first'),
        dict(a=folders / 'ir', b=folders / 'vis', c=folders / 'second'),
        folders / 'out', Protocol(('CC', 'MI'))).run(1)
    assert scores.table.images == dict(first=4)


def test_what_is_wrong_is_named_and_the_rest_is_measured(folders):
    (folders / 'first' / '0.png').unlink()
    cv2.imwrite(str(folders / 'first' / '1.png'), picture(0, (8, 9)))
    content = (folders / 'vis' / '2.png').read_bytes()
    (folders / 'vis' / '2.png').write_bytes(content[:len(content) // 2])
    cv2.imwrite(str(folders / 'ir' / 'extra.png'), picture(0))
    scores = evaluation(folders).run(2)
    assert scores.table.images == dict(first=1, second=3)
    text = '\n'.join(scores.problems)
    assert '0: no file of first' in text
    assert 'extra: no file of vis' in text
    assert '1: first: Expected images of one size' in text
    assert '2: Expected a complete image' in text and 'vis/2.png' in text
    assert 'different numbers of images' in (folders / 'out' /
                                             'summary.md').read_text()
    content = json.loads((folders / 'out' / 'summary.json').read_text())
    assert content['problems'] == scores.problems
    assert content['methods']['second']['images'] == 3


def test_nothing_that_can_be_measured(folders):
    for path in (folders / 'ir').iterdir():
        path.write_bytes(b'')
    scores = evaluation(folders).run(1)
    assert not scores.table.images and len(scores.problems) == 4
    assert not (folders / 'out').exists()


def test_failures_that_are_no_errors_of_files(folders, monkeypatch):

    def broken(*args, **kwargs):
        raise ZeroDivisionError('by nothing')

    monkeypatch.setattr(scenes, 'compute', broken)
    scores = evaluation(folders).run(1)
    assert '0: first: ZeroDivisionError: by nothing' in scores.problems
    monkeypatch.setattr(scenes, 'compute',
                        lambda *args, **kwargs: dict(EN=np.nan, SD=1.))
    scores = evaluation(folders).run(1)
    assert 'finite values, got NaN or infinity for EN' in scores.problems[0]


class Deadly:
    """A loader that kills its process."""

    def __call__(self, sources):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed(folders):
    found = [Scene(str(index), (), {}) for index in range(4)]
    with pytest.raises(ChildProcessError, match='fewer than 2 workers'):
        list(measure(found, Protocol(NAMES), 2, Deadly()))


def test_sources_are_read_once_for_all_methods(folders):
    read = []

    def load(paths):
        read.append(paths)
        return [picture(0), picture(1)]

    found, _ = match_scenes({name: folders / name for name in METHODS},
                            dict(ir=folders / 'ir', vis=folders / 'vis'))
    records = list(measure(found, Protocol(NAMES), 1, load))
    assert len(read) == 4 and sum(map(len, records)) == 8


def test_cores():
    assert 1 <= available_cores() <= os.cpu_count()
