"""Sources, alignment, geometry, steadiness."""
import json
import threading
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmfusion.fileio import PairReading
from mmfusion.utils.errors import UsageError
from mmfusion.video import (CameraSource, FileSource, FlickerMeter,
                            FolderSource, FusionStream, MotionTracker,
                            SteadyRange, TemporalBlend, align, fit_infrared,
                            open_source, read_homography)
from mmfusion.video.fusing import FrameFuser
from tests.support.video_cases import ListSource, make_model, still_pair
from tests.support.video_sequences import camera_path, moving_views


def numbers(count, fps):
    return ListSource(lambda i: np.full((4, 4), i, np.uint8), count, fps)


def pairs(*args, **kwargs):
    return [(pair.vis.index, pair.ir.index) for pair in align(*args, **kwargs)]


class TestAlignment:

    def test_equal_rates(self):
        assert pairs(numbers(4, 25), numbers(6,
                                             25)) == [(i, i) for i in range(4)]
        assert len(pairs(numbers(9, 25), numbers(6, 25))) == 6

    def test_slower_infrared_is_repeated(self):
        assert pairs(numbers(6, 30), numbers(2,
                                             10)) == [(0, 0), (1, 0), (2, 1),
                                                      (3, 1), (4, 1)]

    def test_rate_of_the_result(self):
        found = pairs(numbers(50, 50), numbers(25, 25), fps=10)
        assert found == [(5 * i, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23][i])
                         for i in range(10)]

    def test_offset(self):
        found = pairs(numbers(30, 25), numbers(30, 25), offset=0.2)
        assert found == [(i, i + 5) for i in range(25)]

    def test_frames_before_the_infrared_stream(self):
        """They have no partner; the first number says how many."""
        found = list(align(numbers(30, 25), numbers(30, 25), offset=-0.2))
        assert [(p.index, p.vis.index, p.ir.index)
                for p in found] == [(i, i, i - 5) for i in range(5, 30)]

    def test_no_frames(self):
        assert pairs(numbers(0, 25), numbers(3, 25)) == []


class FakeCapture:
    """A camera or file that shows numbers.

    Reads whose numbers are in ``bad`` fail; each takes ``period`` seconds.
    """

    def __init__(self, count, bad=(), period=0., stated=0):
        self.count, self.index = count, 0
        self.bad, self.period, self.stated = bad, period, stated
        self.open = True

    def isOpened(self):
        return self.open

    def get(self, key):
        return self.stated if key == cv2.CAP_PROP_FRAME_COUNT else 0.

    def read(self):
        time.sleep(self.period)
        if self.index >= self.count:
            return False, None
        self.index += 1
        good = self.index - 1 not in self.bad
        image = np.full((16, 16, 3), self.index % 256, np.uint8)
        return good, image if good else None

    def release(self):
        self.open = False


class TestSources:

    def test_camera_gives_the_newest_frame(self):
        capture = FakeCapture(60)
        source = CameraSource(0, 1000, capture=capture)
        frames = []
        for frame in source:
            frames.append(frame.index)
            source._thread.join()  # slow fusing: the camera runs on
        # all that came meanwhile was skipped, and no failed read is a frame
        assert frames[-1] == 59 and len(frames) <= 2
        source.close()
        assert not capture.open and source.failed == 0

    def test_failed_reads_of_a_camera(self):
        capture = FakeCapture(30, bad=range(5, 20))
        source = CameraSource(0, 1000, capture=capture)
        found = []
        for frame in source:
            found.append(frame.index)
            source._thread.join()
        assert (found[-1], source.failed) == (14, 15)

    def test_streams_are_cameras(self, monkeypatch):
        """A URL is live unless it has a number of frames."""
        opened = []

        def fake(url):
            opened.append(url)
            return FakeCapture(9, stated=9 if url.endswith('mp4') else -1e18)

        monkeypatch.setattr('cv2.VideoCapture', fake)
        source = open_source('rtsp://host/1', 1000)
        assert isinstance(source, CameraSource) and source.live
        assert max(frame.index for frame in source) == 8
        source.close()
        for url in ('http://host/a.mp4', 'file:///a.mp4'):
            source = open_source(url)
            assert isinstance(source, FileSource) and source.count == 9
        assert opened == [
            'rtsp://host/1', 'http://host/a.mp4', 'file:///a.mp4'
        ]

    def test_bad_reads_of_an_unknown_number(self):
        """Pipes and raw streams do not say how many frames follow."""
        source = FileSource('x', capture=FakeCapture(12, (0, 5, 6), stated=-1))
        images = [frame.image for frame in source]
        assert [i for i, x in enumerate(images) if x is None] == [0, 5, 6]
        assert len(images) == 12 and images[11][0, 0, 0] == 12

    def test_a_file_that_was_cut_off_ends(self):
        """Not in repeated frames."""
        source = FileSource('x', capture=FakeCapture(12, (4, ), stated=90))
        images = [frame.image for frame in source]
        assert len(images) == 12 and images[4] is None
        assert images[-1] is not None

    def test_camera_stops_while_it_is_waited_for(self):
        before = threading.active_count()
        streams = [
            CameraSource(i, capture=FakeCapture(10**9)) for i in range(2)
        ]
        frames = []
        for frame in FusionStream(make_model(), *streams, limit=5):
            frames.append(frame)
        assert len(frames) == 5 and threading.active_count() == before

    def test_no_camera(self):
        capture = FakeCapture(0)
        capture.open = False
        with pytest.raises(UsageError, match='Expected a camera 7'):
            CameraSource(7, capture=capture)

    def test_folders(self, sequence, tmp_path):
        source = open_source(sequence[0], 10)
        assert isinstance(source, FolderSource) and source.fps == 10
        assert [frame.time for frame in source][:2] == [0, 0.1]
        (tmp_path / 'none').mkdir()
        with pytest.raises(UsageError, match='Expected images in'):
            open_source(tmp_path / 'none')

    def test_sixteen_bits(self, tmp_path):
        cv2.imwrite(str(tmp_path / '1.png'), np.full((4, 4), 0xABCD,
                                                     np.uint16))
        frame, = open_source(tmp_path)
        assert frame.image.dtype == np.uint8 and frame.image[0, 0] == 0xAB

    def test_a_range_of_counts(self, tmp_path):
        counts = np.uint16([[7000, 7080, 9040, 60000]])
        cv2.imwrite(str(tmp_path / '1.tiff'), counts)
        frame, = open_source(tmp_path,
                             reading=PairReading(uint16_range=(7000, 9040)),
                             channels=1)
        assert frame.image.tolist() == [[0, 10, 255, 255]]

    def test_visible_frames_of_the_infrared_size(self, tmp_path):
        for name, size in (('vis', (20, 30)), ('ir', (10, 12))):
            (tmp_path / name).mkdir()
            cv2.imwrite(str(tmp_path / name / '1.png'),
                        np.full(size, 9, np.uint8))
        model = make_model()
        model.cfg = Config(
            dict(fusion_pipeline=[
                dict(type='LoadFusionPair', on_size_mismatch='resize_vis')
            ]))
        stream = FusionStream(model, tmp_path / 'vis', tmp_path / 'ir')
        frame, = stream
        assert frame.fused.shape == (10, 12, 3)

    def test_not_a_video(self, tmp_path):
        (tmp_path / 'a.mp4').write_bytes(b'nonsense')
        with pytest.raises(UsageError, match='a video that OpenCV reads'):
            open_source(tmp_path / 'a.mp4')


class TestGeometry:
    MATRIX = [[1, 0, 5], [0, 1, -3], [0, 0, 1]]

    @pytest.mark.parametrize('name', ['a.npy', 'a.json', 'a.txt'])
    def test_files(self, tmp_path, name):
        path = tmp_path / name
        if name == 'a.npy':
            np.save(path, np.array(self.MATRIX))
        else:
            path.write_text(
                json.dumps(self.MATRIX) if name == 'a.json' else '\n'.join(
                    ', '.join(map(str, row)) for row in self.MATRIX))
        np.testing.assert_array_equal(read_homography(path), self.MATRIX)

    @pytest.mark.parametrize('text', ['1 2 3', 'a b', '0 ' * 9])
    def test_bad_files(self, tmp_path, text):
        (tmp_path / 'a.txt').write_text(text)
        with pytest.raises(UsageError, match='Expected'):
            read_homography(tmp_path / 'a.txt')
        with pytest.raises(FileNotFoundError):
            read_homography(tmp_path / 'b.txt')

    def test_infrared_pixels_move(self):
        ir = np.zeros((20, 30), np.uint8)
        ir[10, 12] = 255
        moved = fit_infrared(ir, (40, 40), np.array(self.MATRIX, float))
        assert moved.shape == (40, 40) and moved[7, 17] == 255

    def test_other_sizes_are_stretched(self):
        ir = np.full((10, 10, 3), 77, np.uint8)
        fitted = fit_infrared(ir, (24, 36))
        assert fitted.shape == (24, 36) and (fitted == 77).all()


class TestSteadyRange:

    def test_bounds_follow_slowly(self):
        frames = torch.linspace(0.2, 0.6, 12).view(1, 1, 3, 4)
        steady = SteadyRange(0.9)
        first = steady(frames)
        assert first.aminmax() == pytest.approx((0, 1), abs=1e-6)
        # one bright pixel must not darken the whole frame
        lamp = frames.clone()
        lamp[0, 0, 0, 0] = 1.
        second = steady(lamp)
        same = second.flatten()[1:-1] - first.flatten()[1:-1]
        assert same.abs().max() < 0.1
        plain = (lamp - lamp.min()) / (lamp.max() - lamp.min())
        assert (plain - first).flatten()[1:-1].abs().max() > 0.3

    def test_batches_are_sequences(self):
        frames = torch.rand(6, 3, 4, 5)
        one, many = SteadyRange(0.8), SteadyRange(0.8)
        torch.testing.assert_close(
            torch.cat([one(frame[None]) for frame in frames]), many(frames))

    def test_constant_frames(self):
        flat = torch.full((2, 1, 3, 3), 0.4)
        torch.testing.assert_close(SteadyRange()(flat), flat)

    def test_momentum(self):
        with pytest.raises(ValueError, match='momentum'):
            SteadyRange(1.)

    def test_the_model_decides(self):
        """A model that stretches stills must not do so frame by frame."""
        levels = [100, 200, 100, 200, 100, 200]

        def scene(i):
            image = np.full((32, 32), 90, np.uint8)
            image[0, 0] = levels[i]  # a lamp that flashes
            image[1, 1] = 0
            return image

        means = {}
        for norm in ('auto', 'clamp'):
            model = make_model(output_norm='minmax')
            stream = FusionStream(model, ListSource(scene, 6),
                                  ListSource(scene, 6), norm=norm)
            means[norm] = [f.fused[8:].mean() for f in stream]
        # stretched one by one, the lamp would halve the brightness
        assert np.abs(np.diff(means['auto'])).max() < 15
        assert means['auto'][0] > means['clamp'][0] + 100


class TestTemporal:

    def noisy(self, count=8):
        rng = np.random.default_rng(1)
        vis, _ = still_pair((64, 80))
        frame = torch.from_numpy(vis).permute(2, 0, 1).float() / 255
        noise = torch.from_numpy(rng.normal(0, 0.05, (count, 1, 1, 1)))
        return vis, (frame + noise.float()).clamp(0, 1)

    def test_blending_calms_a_static_scene(self):
        """Flicker of a fuser over a scene that stands still."""
        vis, frames = self.noisy()
        results = []
        for strength in (0, 0.8):
            tracker, meter = MotionTracker(), FlickerMeter()
            blend = TemporalBlend(strength)
            for frame in frames:
                motion = tracker(vis)
                meter.update(blend(frame, motion), motion)
            results.append(meter.result())
        for name in ('jump', 'warp_error'):
            assert results[1][name] < 0.5 * results[0][name]
        assert results[1]['flicker'] < results[0]['flicker']

    def test_a_steady_fuser_has_no_warp_error(self):
        """Of a pan, the moved frame before is the frame; not unmoved."""
        vis, ir = still_pair((160, 220))
        tracker, meter = MotionTracker(), FlickerMeter()
        unmoved = []
        last = None
        for view, _ in moving_views(vis, ir, 6, (96, 128)):
            frame = torch.from_numpy(view).permute(2, 0, 1).float() / 255
            meter.update(frame, tracker(view))
            if last is not None:
                unmoved.append((frame - last).abs().mean().item())
            last = frame
        assert meter.result()['warp_error'] < 0.5 * np.mean(unmoved)

    def test_what_was_hidden_is_not_blended(self):
        black, white = (np.full((32, 32), v, np.uint8) for v in (0, 255))
        tracker, blend = MotionTracker(), TemporalBlend(0.9)
        blend(torch.zeros(3, 32, 32), tracker(black))
        out = blend(torch.ones(3, 32, 32), tracker(white))
        torch.testing.assert_close(out, torch.ones_like(out))

    def test_stream_measures(self):
        vis, ir = still_pair((64, 80))
        results = {}
        for blend in (0., 0.7):
            stream = FusionStream(
                make_model(), ListSource(lambda i: vis, 8),
                ListSource(lambda i: ir // 2 + np.uint8(20 * (i % 2)), 8),
                blend=blend, flicker=True)
            results[blend] = stream.run()['flicker']
        assert results[0.]['visible']['flicker'] == pytest.approx(0, abs=1e-6)
        assert (results[0.7]['fused']['jump']
                < 0.6 * results[0.]['fused']['jump'])

    def test_empty(self):
        assert np.isnan(list(FlickerMeter().result().values())).all()


class TestSequences:

    def test_views_stay_inside(self):
        matrices = camera_path(400, (100, 120), (75, 90))
        corners = np.array([[0, 0, 1], [89, 0, 1], [0, 74, 1], [89, 74, 1]])
        places = corners @ matrices.transpose(0, 2, 1)
        assert (places > -0.05 * 120).all()
        assert (places < 1.05 * np.array([120, 100])).all()
        steps = np.abs(np.diff(matrices[:, :, 2], axis=0))
        assert 0 < steps.max() < 3  # smooth

    def test_too_large_views(self):
        with pytest.raises(ValueError, match='three quarters'):
            camera_path(2, (100, 100), (80, 70))

    def test_modalities_move_alike(self):
        image = np.random.default_rng(0).integers(0, 256, (80, 80), np.uint8)
        for a, b in moving_views(image, image, 5, (40, 40)):
            np.testing.assert_array_equal(a, b)


def test_labels_over_a_frame_leave_the_background():
    meta = dict(classes=('car', 'background'), palette=[[0, 0, 0], [9, 9, 9]])
    fuser = FrameFuser(make_model(), SimpleNamespace(dataset_meta=meta))
    frame = np.full((1, 2, 3), 100, np.uint8)
    drawn = fuser.draw(frame, np.array([[0, 1]]))
    assert drawn.tolist() == [[[50] * 3, [100] * 3]]
