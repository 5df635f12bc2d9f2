"""Fusing two videos, cameras or folders of frames."""
from .alignment import align
from .geometry import fit_infrared, read_homography
from .sinks import FusedFrame
from .sources import (CameraSource, FileSource, FolderSource, Frame,
                      FrameSource, open_source)
from .statistics import summary
from .stream import FusionStream, StreamOptions
from .temporal import FlickerMeter, MotionTracker, SteadyRange, TemporalBlend
from .writers import VideoWriter

__all__ = [
    'CameraSource', 'FileSource', 'FlickerMeter', 'FolderSource', 'Frame',
    'FrameSource', 'FusedFrame', 'FusionStream', 'MotionTracker',
    'SteadyRange', 'StreamOptions', 'TemporalBlend', 'VideoWriter', 'align',
    'fit_infrared', 'open_source', 'read_homography', 'summary'
]
