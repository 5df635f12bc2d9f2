"""Frames of moving views, and a model that costs nothing."""
import time

import cv2
import numpy as np
import torch

from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.video import Frame, FrameSource

VIEW = (48, 64)


def make_model(**kwargs):
    torch.manual_seed(0)
    return ImageFuser(fuser=MODELS.build(dict(type='AverageFuser')),
                      **kwargs).eval()


def still_pair(size=(80, 110), seed=0):
    rng = np.random.default_rng(seed)
    vis, ir = (cv2.resize(rng.integers(0, 256, (10, 14, c), np.uint8),
                          size[::-1], interpolation=cv2.INTER_CUBIC)
               for c in (3, 1))
    return vis, ir


class ListSource(FrameSource):
    """Frames from a function of their number; counts what it gave."""

    def __init__(self, make, count, fps=25., live=False):
        self.make, self.count, self.fps, self.live = make, count, fps, live
        self.given = 0
        self.closed = False

    def __iter__(self):
        for index in range(self.count):
            self.given += 1
            yield Frame(index, index / self.fps, self.make(index))

    def close(self):
        self.closed = True


class LiveSource(FrameSource):
    """A camera of ``rate`` frames a second that may state another."""
    live = True

    def __init__(self, rate, count, stated=None, size=VIEW):
        self.rate, self.count, self.size = rate, count, size
        self.fps = stated or rate
        self.closed = False

    def __iter__(self):
        for index in range(self.count):
            if self.closed:
                return
            time.sleep(1 / self.rate)
            image = np.full(self.size, index % 256, np.uint8)
            yield Frame(index, time.monotonic(), image)

    def close(self):
        self.closed = True


def count_frames(path):
    """(number, fps) of a video by decoding it."""
    capture = cv2.VideoCapture(str(path))
    number = 0
    while capture.read()[0]:
        number += 1
    return number, capture.get(cv2.CAP_PROP_FPS)


def write_video(path, frames, fps=25.):
    code = 'MJPG' if path.suffix == '.avi' else 'mp4v'
    first = frames[0]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), fps,
                             first.shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
