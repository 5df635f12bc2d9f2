"""Two cameras: pairs of one time, on a clock that a test turns."""
import threading

import numpy as np
import pytest

from mmfusion.video import Frame, FusionStream, align, alignment, summary
from tests.support.video_cases import (ListSource, LiveSource, count_frames,
                                       make_model)


class Clock:
    """In the place of the module ``time``."""

    def __init__(self):
        self.now = 100.

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += max(seconds, 1e-6)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(alignment, 'time', clock)
    return clock


class Side:
    """A camera of ``rate`` that has been on for a second."""

    def __init__(self, clock, rate, seconds, phase=0.):
        self.clock, self.end = clock, clock.now + seconds
        count = round((1 + seconds) * rate)
        self.frames = [
            Frame(i, clock.now - 1 + phase + i / rate, None)
            for i in range(count)
        ]

    @property
    def ended(self):
        return self.clock.now >= self.end

    def _shown(self):
        return [x for x in self.frames if x.time <= self.clock.now]

    def newest(self):
        return self._shown()[-1].time

    def at(self, when):
        return min(self._shown(), key=lambda x: abs(x.time - when))


def ticks(*args):
    return list(alignment._ticks(*args))


@pytest.mark.parametrize('rates', [(60, 15), (15, 60), (30, 30)])
def test_pairs_are_of_one_time(clock, rates):
    """As near as the faster camera allows, each but once."""
    sides = [Side(clock, rate, 3, 0.007 * i) for i, rate in enumerate(rates)]
    found = ticks(*sides, max(rates), 0.)
    gaps = [abs(p.vis.time - p.ir.time) for p in found]
    assert max(gaps) <= 1 / max(rates) + 1e-6
    assert len(found) == pytest.approx(3 * min(rates), abs=3)
    numbers = [(p.vis.index, p.ir.index) for p in found]
    assert len(set(numbers)) == len(numbers)


def test_numbers_tell_real_time(clock):
    """60 and 15 Hz at 60: 15 pairs a second, numbered at 60."""
    start = clock.now
    found = ticks(Side(clock, 60, 2), Side(clock, 15, 2), 60, 0.)
    assert found[-1].index == pytest.approx(60 * (clock.now - start), abs=4)
    for pair in found:
        assert pair.time == pytest.approx(pair.index / 60)


def test_a_lower_rate_drops(clock):
    found = ticks(Side(clock, 60, 2), Side(clock, 60, 2), 10, 0.)
    assert [p.index for p in found] == list(range(21))


def test_a_slow_caller_gets_new_frames(clock):
    ages = []
    for pair in alignment._ticks(Side(clock, 50, 9), Side(clock, 50, 9), 50,
                                 0.):
        ages.append(clock.now - pair.vis.time)
        clock.now += 0.31
        if len(ages) == 10:
            break
    assert max(ages) <= 0.02 + 1e-6
    assert pair.index == pytest.approx(9 * 0.31 * 50, abs=2)


@pytest.mark.parametrize('offset', [0.2, -0.2])
def test_offset(clock, offset):
    found = ticks(Side(clock, 50, 2), Side(clock, 50, 2), 50, offset)
    for pair in found:
        assert pair.ir.time - pair.vis.time == pytest.approx(offset)


def test_a_file_beside_a_camera(clock):
    played = alignment._Played(ListSource(lambda i: None, 40, 25))
    assert played.wait()
    found = ticks(played, Side(clock, 50, 9), 50, 0.)
    for pair in found:
        assert abs(pair.vis.index - 25 * pair.time) <= 1
    assert found[-1].vis.index == 39  # the file ends first
    assert not alignment._Played(ListSource(lambda i: None, 0)).wait()


def test_frames_that_are_kept():
    recent = alignment._Recent(ListSource(lambda i: None, 100, live=True),
                               0.21)
    recent.thread.join()
    assert recent.wait() and recent.ended
    assert [x.index for x in recent.frames] == [94, 95, 96, 97, 98, 99]
    assert recent.newest() == 99 / 25 and recent.at(3.81).index == 95
    recent.close()
    assert recent.source.closed


def test_errors_and_sources_without_frames():

    def broken(_):
        raise OSError('unplugged')

    with pytest.raises(OSError, match='unplugged'):
        list(align(LiveSource(50, 9), ListSource(broken, 9, live=True)))
    other = LiveSource(100, 10**9)
    assert list(align(ListSource(None, 0, live=True), other)) == []
    assert other.closed


def test_a_file_in_real_time(tmp_path):
    """Nominally 100 Hz, really 20 at most: frames are written again."""
    before = threading.active_count()
    sources = LiveSource(20, 20, 100), LiveSource(20, 20, 100)
    stream = FusionStream(make_model(), *sources)
    indices = []
    result = stream.run(tmp_path / 'a.avi',
                        on_frame=lambda frame: indices.append(frame.index))
    number, fps = count_frames(tmp_path / 'a.avi')
    assert fps == 100 and result['frames'] == len(indices) <= 40
    assert number == result['frames'] + result['refilled']
    assert number == indices[-1] - indices[0] + 1 >= 60
    assert 'written again' in summary(result)
    assert threading.active_count() == before


def test_waiting_for_cameras_is_no_overhead():
    result = FusionStream(make_model(), LiveSource(20, 8),
                          LiveSource(20, 8)).run()
    seconds = result['seconds']
    busy = seconds['whole'] - seconds['wait']
    assert seconds['wait'] > 0.1
    assert result['overhead'] == pytest.approx(
        max(0, 1 - seconds['network'] / max(busy, 1e-9)))


def test_failed_reads_are_counted():
    source = LiveSource(50, 5)
    source.failed = 3
    result = FusionStream(make_model(), source, LiveSource(50, 5)).run()
    assert result['corrupt_vis'] == 3 and np.isfinite(result['fps'])
