"""Recordings outlive signals and kills."""
import os
import signal
import threading
import time
from io import FileIO

import cv2
import numpy as np
import pytest

from mmfusion.utils.interruption import StopRequest, stopped_by
from mmfusion.video import FusionStream, VideoWriter, recording
from tests.support import signal_cases
from tests.support.fresh_processes import run_fresh
from tests.support.video_cases import VIEW, ListSource, count_frames


def grey(value, size=VIEW):
    return np.full(size, value % 200, np.uint8)


def endless():
    return [ListSource(grey, 10**9) for _ in range(2)]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_a_killed_recording_plays(tmp_path, suffix):
    """Up to the last second; and no file of the final name."""
    out = tmp_path / f'a{suffix}'
    assert run_fresh(signal_cases.record_until_killed, out, 70,
                     log=tmp_path / 'log') == [-signal.SIGKILL]
    assert not out.exists()
    kept, = tmp_path.glob('a.*.part.avi')
    number, fps = count_frames(kept)
    assert number >= 70 - 25 and fps == 25


@pytest.mark.parametrize('delay', [0., 0.01, 0.03, 0.1, 0.2])
def test_signals_at_any_time(model, tmp_path, delay):
    number = signal.SIGTERM if round(delay * 100) % 2 else signal.SIGINT
    vis, ir = endless()
    stream = FusionStream(model, vis, ir)
    timer = threading.Timer(delay, os.kill, (os.getpid(), number))
    result = stream.run(tmp_path / 'a.mp4',
                        on_frame=lambda frame: frame.index or timer.start())
    timer.join()
    assert result['interrupted'] and stopped_by() == (number.name,
                                                      128 + number)
    assert count_frames(tmp_path / 'a.mp4')[0] == result['frames'] > 0
    assert [path.name for path in tmp_path.iterdir()] == ['a.mp4']
    assert vis.closed and ir.closed


def test_a_second_signal_loses_nothing(model, tmp_path):

    def on_frame(frame):
        if frame.index > 3:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)

    result = FusionStream(model, *endless()).run(tmp_path / 'a.mkv',
                                                 on_frame=on_frame)
    assert result['interrupted']
    assert count_frames(tmp_path / 'a.mkv')[0] == result['frames'] == 5


def test_a_slow_network_is_not_waited_for(model, tmp_path, monkeypatch):
    fuse, over = model.fuse, threading.Event()

    def slow(*args, **kwargs):
        if slow.calls:
            os.kill(os.getpid(), signal.SIGTERM)
            over.wait(60)
        slow.calls += 1
        return fuse(*args, **kwargs)

    slow.calls = 0
    monkeypatch.setattr(model, 'fuse', slow)
    result = FusionStream(model, *endless()).run(tmp_path / 'a.avi')
    assert result['interrupted'] and result['frames'] == 1
    assert count_frames(tmp_path / 'a.avi')[0] == 1


def test_a_dead_source_is_not_waited_for(model, tmp_path, monkeypatch):
    """The file is complete, though a read never returns.

    Also where the machine is so busy that the signal takes its time.
    """
    over, ask = threading.Event(), StopRequest.ask

    def late(self, number):
        time.sleep(0.3)
        ask(self, number)

    monkeypatch.setattr(StopRequest, 'ask', late)

    def stuck(index):
        if index == 5:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            over.wait(60)
        return grey(index)

    vis = ListSource(stuck, 9)
    result = FusionStream(model, vis, ListSource(grey,
                                                 9)).run(tmp_path / 'a.mp4')
    assert result['interrupted'] and not vis.closed
    assert count_frames(tmp_path / 'a.mp4')[0] == result['frames'] >= 4
    over.set()


def write(path, frames):
    writer = VideoWriter(path, 25.)
    for frame in frames:
        writer.write(frame)
    writer.close()
    capture = cv2.VideoCapture(str(path))
    read = []
    while (found := capture.read())[0]:
        read.append(found[1])
    return np.stack(read), capture.get(cv2.CAP_PROP_FRAME_COUNT)


@pytest.mark.parametrize('suffix', ['.mp4', '.mov', '.mkv', '.avi'])
def test_as_opencv_alone_would_write(suffix, tmp_path, monkeypatch):
    """The same pictures, and the codec described as players need it."""
    rng = np.random.default_rng(0)
    frames = [
        cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (64, 48))
        for _ in range(30)
    ]
    piped, count = write(tmp_path / f'a{suffix}', frames)
    monkeypatch.delattr(os, 'mkfifo')
    plain, _ = write(tmp_path / f'b{suffix}', frames)
    np.testing.assert_array_equal(piped, plain)
    assert count == 30
    contents = [(tmp_path / f'{name}{suffix}').read_bytes() for name in 'ab']
    if suffix in ('.mp4', '.mov'):
        described = [
            content[content.index(b'esds'):][39:86] for content in contents
        ]
        assert described[0] == described[1]
        assert described[0].startswith(b'\x00\x00\x01\xb0')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f'a{suffix}', f'b{suffix}'
    ]


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    """By the writer; what was recorded before stays."""

    class Full(FileIO):

        def write(self, content):
            if self.tell() > 4000:
                raise OSError(28, 'No space left on device')
            return super().write(content)

    monkeypatch.setattr(recording, 'FileIO', Full)
    writer = VideoWriter(tmp_path / 'a.avi', 25.)

    def fill():
        for value in range(10**4):
            writer.write(grey(value)[..., None].repeat(3, 2))

    with pytest.raises(OSError, match='No space left'):
        fill()
    with pytest.raises(OSError, match='what was recorded is in .*part.avi'):
        writer.close()
    kept, = tmp_path.iterdir()
    assert count_frames(kept)[0] > 0
