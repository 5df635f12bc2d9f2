"""Video files that a kill cuts off instead of losing them."""
import errno
import os
import threading
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from mmfusion.utils.files import temporary_folder

_JPEG = b'\xff\xd8'
# of MPEG-4
_FRAME = b'\x00\x00\x01\xb6'
_GROUP = b'\x00\x00\x01\xb3'
#: what holds the description of the codec, from the outside
_BOXES = (b'moov', b'trak', b'mdia', b'minf', b'stbl', b'stsd', b'mp4v',
          b'esds')


class Recording:
    """Encodes frames once, into two files.

    OpenCV keeps the last 256 KiB of a file back and writes its index in the
    end. So it encodes into a pipe, which it hands every frame at once. A
    thread copies them to ``kept``, an AVI that plays up to where it was cut
    off, and, without encoding anew, to ``draft``, which gets an index.

    Args:
        kept (Path): The file that a kill leaves.
        draft (Path): The file that is whole after :meth:`close`.
        code (int): FourCC of the codec.
        fps (float): Frames a second.
        size (tuple[int, int]): Width and height.

    Raises:
        NotImplementedError: If there are no pipes here, or OpenCV does not
            write into them.
        OSError: If ``kept`` cannot be written.
    """

    def __init__(self, kept: Path, draft: Path, code: int, fps: float,
                 size: tuple[int, int]) -> None:
        self.kept, self.draft = kept, draft
        self.error: OSError | None = None
        self._header = b''
        self._bytes = 0
        try:
            with temporary_folder() as folder:
                pipe = str(folder / 'pipe.avi')
                os.mkfifo(pipe)
                # the side that writes need not be there yet
                source = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
                self._encoder, self._muxer = (cv2.VideoWriter(
                    name, cv2.CAP_FFMPEG, code, fps, size,
                    [cv2.VIDEOWRITER_PROP_RAW_VIDEO, raw])
                                              for name, raw in ((pipe, 0),
                                                                (str(draft),
                                                                 1)))
        except (AttributeError, OSError) as error:
            raise NotImplementedError('there are no pipes') from error
        try:
            if not (self._encoder.isOpened() and self._muxer.isOpened()):
                raise NotImplementedError('OpenCV does not write into pipes')
            file = FileIO(kept, 'w')
        except BaseException:
            os.close(source)
            draft.unlink(missing_ok=True)
            raise
        os.set_blocking(source, True)
        # it warns of every packet that is written as it is
        self._level = cv2.setLogLevel(2)  # errors only
        self._thread = threading.Thread(target=self._copy,
                                        args=(os.fdopen(source, 'rb'), file),
                                        daemon=True)
        self._thread.start()

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, BGR.

        Raises:
            OSError: If an earlier one could not be written.
        """
        if self.error is not None:
            raise self.error
        self._encoder.write(frame)

    def release(self) -> None:
        """Finish ``draft``; ``kept`` is then not needed any more.

        Raises:
            OSError: If frames could not be written; ``kept`` stays.
        """
        self._encoder.release()
        self._thread.join()
        self._muxer.release()
        cv2.setLogLevel(self._level)
        try:
            if self.error is not None:
                raise self.error
            if self.draft.stat().st_size < self._bytes:
                raise OSError('the disk may be full')
            if self.draft.suffix.lower() in ('.mp4', '.mov'):
                describe_codec(self.draft, self._header)
        except OSError as error:
            self.draft.unlink(missing_ok=True)
            raise OSError(f'The video could not be finished ({error}); what '
                          f'was recorded is in {self.kept}.') from error
        self.kept.unlink()

    def _copy(self, stream: BinaryIO, file: FileIO) -> None:
        with stream, file:
            start = stream.read(12)
            while not start.endswith(b'movi') and (byte := stream.read(1)):
                start += byte
            self._keep(file, start)
            while len(head := stream.read(8)) == 8:
                size = int.from_bytes(head[4:], 'little')
                packet = stream.read(size)
                self._keep(file, head + packet + stream.read(size % 2))
                self._mux(packet)

    def _keep(self, file: FileIO, content: bytes) -> None:
        if self.error is not None:  # reads on, else the encoder would wait
            return
        try:
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.error = error

    def _mux(self, packet: bytes) -> None:
        key = packet.startswith(_JPEG)
        if not key:
            place = packet.index(_FRAME)
            key = packet[place + 4] >> 6 == 0
            if not self._bytes:
                group = packet.find(_GROUP)
                self._header = packet[:place if group < 0 else group]
        self._bytes += len(packet)
        self._muxer.set(cv2.VIDEOWRITER_PROP_KEY_FLAG, int(key))
        self._muxer.write(np.frombuffer(packet, np.uint8)[None])


def describe_codec(path: Path, header: bytes) -> None:
    """Put the codec's header where players other than FFmpeg look for it.

    Args:
        path (Path): An MP4 file of MPEG-4 video whose index is its end.
        header (bytes): What precedes the first frame.
    """
    with open(path, 'r+b') as file:
        place = 0
        while (head := file.read(16))[4:8] != b'moov':
            size = int.from_bytes(head[:4], 'big')
            place += size if size != 1 else int.from_bytes(head[8:], 'big')
            file.seek(place)
        file.seek(place)
        index = bytearray(file.read())
        entry = bytes([5, 128, 128, 128, len(header)]) + header
        found = 0
        for box in _BOXES:
            found = index.index(box, found)
            size = int.from_bytes(index[found - 4:found], 'big') + len(entry)
            index[found - 4:found] = size.to_bytes(4, 'big')
        # lengths of the descriptors of the stream and of its decoder
        index[found + 12] += len(entry)
        index[found + 20] += len(entry)
        index[found + 34:found + 34] = entry
        file.seek(place)
        file.write(index)
