"""Evaluations of folders that go on where they ended."""
import json

import cv2
import pytest

from mmfusion.evaluation.protocol import Protocol
from mmfusion.evaluation.records import Record, RecordStore
from tests.support.folder_cases import (NAMES, evaluation, make_folders,
                                        picture, rows)


@pytest.fixture
def folders(tmp_path):
    return make_folders(tmp_path)


@pytest.fixture
def counted(monkeypatch):
    """Images that are measured, by their path."""
    seen = []
    read = Protocol.read_fused

    def spy(self, path):
        seen.append('/'.join(path.split('/')[-2:]))
        return read(self, path)

    monkeypatch.setattr(Protocol, 'read_fused', spy)
    return seen


def test_a_second_run_measures_nothing(folders, counted):
    evaluation(folders).run(1)
    before = rows(folders)
    counted.clear()
    evaluation(folders).run(1)
    assert not counted and rows(folders) == before


def test_only_what_is_new_is_measured(folders, counted):
    evaluation(folders, methods=['first']).run(1)
    counted.clear()
    cv2.imwrite(str(folders / 'first' / '2.png'), picture(99))
    scores = evaluation(folders).run(1)
    assert sorted(counted) == [
        'first/2.png', 'second/0.bmp', 'second/1.bmp', 'second/2.bmp',
        'second/3.bmp'
    ]
    assert scores.table.images == dict(first=4, second=4)
    fresh = evaluation(folders, restart=True).run(1)
    assert fresh.table == scores.table


def test_new_sources_are_noticed(folders, counted):
    evaluation(folders).run(1)
    counted.clear()
    cv2.imwrite(str(folders / 'vis' / '1.png'), picture(99))
    evaluation(folders).run(1)
    assert sorted(counted) == ['first/1.png', 'second/1.bmp']


def test_a_line_that_was_not_finished(folders, counted):
    evaluation(folders).run(1)
    before = rows(folders)
    file = folders / 'out' / 'records.jsonl'
    file.write_bytes(file.read_bytes()[:-20])
    counted.clear()
    evaluation(folders).run(1)
    assert len(counted) == 1 and rows(folders) == before
    for line in file.read_text().splitlines():
        json.loads(line)


def test_other_settings_are_refused(folders):
    evaluation(folders).run(1)
    with pytest.raises(ValueError, match='channels: gray -> rgb.*--restart'):
        evaluation(folders, Protocol(NAMES, channels='rgb'))
    with pytest.raises(ValueError, match='EN:bits, SD:float.* -> EN:bits; '):
        evaluation(folders, Protocol(('EN', ), stretch='trunc'))
    old = (folders / 'out' / 'records.jsonl').read_text()
    assert len(old.splitlines()) == 9
    scores = evaluation(folders, Protocol(('EN', )), restart=True).run(1)
    assert list(scores.table.specs) == ['EN']
    # the same numbers under another preset's name are the same settings
    evaluation(folders, Protocol(('EN', ), preset='film'))


def test_a_foreign_file_is_not_overwritten(tmp_path):
    (tmp_path / 'r').write_text('{"a": 1}\n')
    with pytest.raises(ValueError, match='something else'):
        RecordStore(tmp_path / 'r', dict(a=1))


def test_store_keeps_values_exactly(tmp_path):
    file = tmp_path / 'image'
    file.write_text('x')
    values = dict(EN=0.1 + 0.2, SD=1e-300)
    store = RecordStore(tmp_path / 'r', dict(a=(1, 2)))
    store.add(Record('m', 's', values), [file])
    store.close()
    again = RecordStore(tmp_path / 'r', dict(a=(1, 2)))
    assert again.find('m', 's', [file]).values == values
    assert again.find('m', 't', [file]) is None
    file.write_text('longer')
    assert again.find('m', 's', [file]) is None
