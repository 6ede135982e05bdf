"""Frames of files that never change, kept for the next reader: a night asks for the same lake file a dozen times. Bounded by bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pandas as pd

MAX_BYTES = 128 * 1024**2
MAX_SHARE = 8
Identity = tuple[str, int, int, int]


class KeptFrames:
    """The most recently read frames, up to `max_bytes` bytes together; one that needs more than an eighth of that is not kept."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes, self.bytes = max_bytes, 0
        self._kept: OrderedDict[Identity, tuple[pd.DataFrame, int]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path, read: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
        """The frame that `read` makes of the file, a copy on write; a file that was replaced is read again."""
        stat = Path(path).stat()
        identity = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        with self._lock:
            if identity in self._kept:
                self._kept.move_to_end(identity)
                return self._kept[identity][0].copy(deep=False)
        frame = read(path)
        self._keep(identity, frame)
        return frame.copy(deep=False)

    def _keep(self, identity: Identity, frame: pd.DataFrame) -> None:
        size = int(frame.memory_usage(index=False).sum())
        if size * MAX_SHARE > self.max_bytes:
            return
        with self._lock:
            self.bytes += size - self._kept.pop(identity, (frame, 0))[1]
            self._kept[identity] = (frame, size)
            while self.bytes > self.max_bytes:
                self.bytes -= self._kept.popitem(last=False)[1][1]
