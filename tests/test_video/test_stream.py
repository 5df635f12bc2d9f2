"""From two streams to a file: counts, errors, Ctrl-C, memory."""
import os
import signal
import threading
import time

import cv2
import numpy as np
import psutil
import pytest

from mmfusion.apis import FusionInferencer
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from mmfusion.video import FusionStream, VideoWriter, summary
from tests.support.video_cases import (VIEW, ListSource, count_frames,
                                       make_model, still_pair, write_video)
from tests.support.video_sequences import write_sequence


def grey(value, size=VIEW):
    return np.full(size, value, np.uint8)


def frames_of(folder):
    return [cv2.imread(str(path)) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv', '.mov'])
def test_video_file_has_every_frame(model, sequence, tmp_path, suffix):
    out = tmp_path / f'fused{suffix}'
    result = FusionStream(model, *sequence, fps=20).run(out)
    # 12 frames at 25 are 0.48 s
    assert result['frames'] == 10
    assert count_frames(out) == (10, 20)
    assert not list(tmp_path.glob('.*'))


def test_frames_are_those_of_the_inferencer(model, sequence, tmp_path):
    out = tmp_path / 'fused'
    result = FusionStream(model, *sequence, batch_size=5).run(out)
    assert result['frames'] == 12 and not result['interrupted']
    expected = FusionInferencer(model)(*map(str, sequence))
    for path, other in zip(sorted(out.iterdir()), expected, strict=True):
        np.testing.assert_allclose(
            cv2.imread(str(path))[..., ::-1], other['fused'], atol=1)


def test_corrupt_frames_and_a_shorter_stream(model, tmp_path):
    """Frame 3 is damaged, infrared ends first."""
    folders = write_sequence(tmp_path, *still_pair(), 30, VIEW)
    content = (folders[0] / '00003.png').read_bytes()
    (folders[0] / '00003.png').write_bytes(content[:len(content) // 2])
    (folders[1] / '00007.png').write_bytes(b'')
    for index in range(24, 30):
        (folders[1] / f'{index:05d}.png').unlink()
    out = tmp_path / 'fused.mp4'
    result = FusionStream(model, *folders).run(out)
    assert result['frames'] == 24
    assert (result['corrupt_vis'], result['corrupt_ir'],
            result['repeated']) == (1, 1, 2)
    assert count_frames(out) == (24, 25)
    text = summary(result)
    assert '1 visible frames not decoded' in text
    assert 'latency ms: p50' in text


def test_damaged_start_is_dropped(model):
    vis = ListSource(lambda i: None if i < 2 else grey(9 * i), 6)
    ir = ListSource(lambda i: grey(0), 6)
    frames = list(FusionStream(model, vis, ir))
    assert [frame.index for frame in frames] == [2, 3, 4, 5]
    assert vis.closed and ir.closed


def test_nothing_decodes(model, tmp_path):
    vis = ListSource(lambda i: None, 6)
    result = FusionStream(model, vis, ListSource(grey,
                                                 6)).run(tmp_path / 'a.mp4')
    assert result['frames'] == 0 and result['dropped'] == 6
    assert not list(tmp_path.iterdir())
    assert summary(result)


def test_damaged_video_files(model, tmp_path):
    """A broken frame inside a Motion-JPEG file keeps its place."""
    frames = [np.full((*VIEW, 3), 10 * i, np.uint8) for i in range(20)]
    for name in ('vis', 'ir'):
        write_video(tmp_path / f'{name}.avi', frames)
    content = bytearray((tmp_path / 'vis.avi').read_bytes())
    starts = [
        i for i in range(len(content) - 2)
        if content[i:i + 3] == b'\xff\xd8\xff'
    ]
    assert len(starts) == 20
    content[starts[8]:starts[8] + 200] = bytes(200)
    (tmp_path / 'vis.avi').write_bytes(content)
    result = FusionStream(model, tmp_path / 'vis.avi',
                          tmp_path / 'ir.avi').run(tmp_path / 'out')
    assert result['frames'] == 20 and result['corrupt_vis'] == 1
    last = frames_of(tmp_path / 'out')[-1]
    assert abs(int(last.mean()) - 190) <= 2


@pytest.fixture
def interruptible():
    """Background jobs of a shell, such as a test run, ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('interruptible')
def test_interrupt_leaves_a_playable_file(model, tmp_path):
    """A real SIGINT in the middle of an endless stream."""
    seen = []

    def on_frame(frame):
        seen.append(frame.index)
        if len(seen) == 7:
            os.kill(os.getpid(), signal.SIGINT)

    vis = ListSource(lambda i: grey(i % 200), 10**9)
    ir = ListSource(lambda i: grey(50), 10**9)
    before = threading.active_count()
    result = FusionStream(model, vis, ir).run(tmp_path / 'a.mp4',
                                              on_frame=on_frame)
    assert result['interrupted'] and 'interrupted' in summary(result)
    number, _ = count_frames(tmp_path / 'a.mp4')
    assert 7 <= number <= 9 and number == result['frames']
    assert vis.closed and ir.closed and threading.active_count() == before
    assert [path.name for path in tmp_path.iterdir()] == ['a.mp4']


def test_queues_are_bounded_and_memory_is_flat(tmp_path):
    model = make_model()
    process = psutil.Process()
    sizes, ahead = [], []

    def on_frame(frame):
        ahead.append(vis.given - frame.index)
        if frame.index in (100, 500):
            sizes.append(process.memory_info().rss)

    vis = ListSource(lambda i: grey(i % 200, (96, 128)), 501)
    ir = ListSource(lambda i: grey(50, (96, 128)), 501)
    result = FusionStream(model, vis, ir).run(tmp_path / 'a.avi',
                                              on_frame=on_frame)
    assert result['frames'] == 501
    # four pairs wait, one is being queued, one is looked ahead at
    assert max(ahead) <= 8
    # 400 frames that stayed would be 20 MiB and more
    assert sizes[1] - sizes[0] < 8 * 2**20


@pytest.mark.parametrize('where', ['vis', 'fuse', 'write'])
def test_errors_reach_the_caller(model, tmp_path, monkeypatch, where):

    def broken(*_, **__):
        raise OSError('the disk is on fire')

    vis = ListSource(broken if where == 'vis' else grey, 50)
    stream = FusionStream(model, vis, ListSource(grey, 50))
    if where == 'fuse':
        monkeypatch.setattr(model, 'fuse', broken)
    if where == 'write':
        monkeypatch.setattr('cv2.VideoWriter.write', broken, raising=False)
        monkeypatch.setattr('mmfusion.video.writers.VideoWriter.write', broken)
    with pytest.raises(OSError, match='on fire'):
        stream.run(tmp_path / 'a.avi')
    assert not list(tmp_path.iterdir()) and vis.closed


def test_labels_are_drawn(tmp_path):
    model = ImageFuser(fuser=MODELS.build(
        dict(type='PSFusion', base_channels=8, depths=(1, 1, 1, 1)))).eval()
    sources = [ListSource(grey, 2) for _ in range(4)]
    frames = list(FusionStream(model, *sources[:2], segmenter=model))
    assert frames[0].labels.shape == VIEW
    assert (frames[0].shown != frames[0].fused).any()
    plain = list(FusionStream(model, *sources[2:]))
    assert plain[0].labels is None and plain[0].shown is plain[0].fused
    with pytest.raises(UsageError, match='Expected a FuserSegmenter'):
        list(
            FusionStream(model, ListSource(grey, 2), ListSource(grey, 2),
                         segmenter=make_model()))


def test_bad_arguments(model, tmp_path):
    good = ListSource(grey, 3)
    for kwargs, words in ((dict(batch_size=0),
                           'at least 1'), (dict(queue_size=0), 'at least 1'),
                          (dict(fps=0), 'fps above 0'), (dict(source_fps=-1),
                                                         'source_fps above 0'),
                          (dict(norm='max'), 'Expected norm'),
                          (dict(blend=1.5), 'Expected a blend'),
                          (dict(norm='steady', momentum=1), 'momentum')):
        with pytest.raises(ValueError, match=words):
            FusionStream(model, good, good, **kwargs)
    with pytest.raises(FileNotFoundError, match='does not exist'):
        FusionStream(model, good, tmp_path / 'none.mp4')
    assert good.closed
    with pytest.raises(UsageError, match='Expected a video of .mp4'):
        FusionStream(model, good, good).run(tmp_path / 'a.gif')


def test_frames_of_changing_size(model, tmp_path):
    vis = ListSource(lambda i: grey(9, VIEW if i < 3 else (64, 80)), 6)
    frames = list(FusionStream(model, vis, ListSource(grey, 6), batch_size=4))
    assert [f.fused.shape[0] for f in frames] == [48] * 3 + [64] * 3
    vis = ListSource(lambda i: grey(9, VIEW if i < 3 else (64, 80)), 6)
    result = FusionStream(model, vis, ListSource(grey,
                                                 6)).run(tmp_path / 'a.avi')
    assert result['resized'] == 3 and 'resized' in summary(result)
    assert count_frames(tmp_path / 'a.avi')[0] == 6


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_odd_sizes_lose_nothing(model, tmp_path, suffix):
    size = (45, 63)
    out = tmp_path / f'a{suffix}'
    FusionStream(model, ListSource(lambda i: grey(99, size), 3),
                 ListSource(lambda i: grey(99, size), 3)).run(out)
    good, image = cv2.VideoCapture(str(out)).read()
    assert good and image.shape[:2] == (46, 64)
    assert np.abs(image.astype(int) - 99).max() <= 8


def test_a_failing_writer_keeps_what_it_wrote(model, tmp_path, monkeypatch):
    write = VideoWriter.write

    def full(self, frame):
        if self.count == 4:
            raise OSError('no space left')
        write(self, frame)

    monkeypatch.setattr(VideoWriter, 'write', full)
    with pytest.raises(OSError, match='no space'):
        FusionStream(model, ListSource(grey, 9),
                     ListSource(grey, 9)).run(tmp_path / 'a.avi')
    assert count_frames(tmp_path / 'a.avi')[0] == 4


def test_once_only(model):
    stream = FusionStream(model, ListSource(grey, 2), ListSource(grey, 2))
    assert len(list(stream)) == 2
    for again in (lambda: iter(stream), stream.run):
        with pytest.raises(RuntimeError, match='iterated over once'):
            again()


def test_infrared_that_begins_later(model):
    stream = FusionStream(model, ListSource(grey, 9), ListSource(grey, 9),
                          offset=-0.12)
    result = stream.run()
    assert (result['frames'], result['unpaired']) == (6, 3)
    assert '3 pairs without an infrared frame' in summary(result)


def test_the_network_alone_counts_as_network(model, monkeypatch):
    """Slow preparation and slow writing are not its time."""

    def slow(function):

        def call(*args, **kwargs):
            time.sleep(0.1)
            return function(*args, **kwargs)

        return call

    # of a single frame: that of the next one is prepared meanwhile
    stream = FusionStream(model, ListSource(grey, 1), ListSource(grey, 1))
    monkeypatch.setattr(stream.fuser, 'prepare', slow(stream.fuser.prepare))
    result = stream.run()
    seconds = result['seconds']
    assert seconds['prepare'] >= 0.1
    assert seconds['network'] <= seconds['whole'] - seconds['prepare']
    assert result['network_ms'] == pytest.approx(1000 * seconds['network'])
    assert result['overhead'] == pytest.approx(1 - seconds['network'] /
                                               seconds['whole'])
    assert 'network' in summary(result)


def test_frames_may_be_kept(model):
    """8-bit images are made where they are asked for, once."""
    frames = list(FusionStream(model, ListSource(grey, 3), ListSource(grey,
                                                                      3)))
    for index, frame in enumerate(frames):
        assert frame.fused is frame.fused and frame.fused.dtype == np.uint8
        assert (frame.fused == index).all()


def test_no_display(model, monkeypatch, tmp_path):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr('sys.platform', 'linux')
    stream = FusionStream(model, ListSource(grey, 2), ListSource(grey, 2))
    with pytest.raises(UsageError, match='Expected a display'):
        stream.run(tmp_path / 'a.avi', show=True)
    assert stream.run(tmp_path / 'a.avi')['frames'] == 2


def test_window_that_never_showed(model, monkeypatch):

    def broken(*_):
        raise cv2.error('not implemented')

    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr('cv2.imshow', broken)
    stream = FusionStream(model, ListSource(grey, 2), ListSource(grey, 2))
    with pytest.raises(UsageError, match='opens windows'):
        stream.run(show=True)
    closed = []
    monkeypatch.setattr('cv2.destroyWindow', closed.append)
    stream = FusionStream(model, ListSource(grey, 0), ListSource(grey, 2))
    assert stream.run(show=True)['frames'] == 0 and not closed


def test_window(model, monkeypatch):
    shown = []
    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr('cv2.imshow', lambda _, image: shown.append(image))
    monkeypatch.setattr('cv2.destroyWindow', lambda _: None)
    monkeypatch.setattr('cv2.waitKey', lambda _: ord('q')
                        if len(shown) == 3 else -1)
    result = FusionStream(model, ListSource(grey, 9),
                          ListSource(grey, 9)).run(show=True)
    assert len(shown) == 3 and not result['interrupted']
