"""Bytes from a pipe, with an ear for the wish to stop.

A FIFO that was opened with ``O_NONBLOCK`` may have no writer yet, and ``read`` waits for it. Reading would not tell
that from the end, but ``select`` does: a FIFO is not readable until a first writer comes, and is so when the last has
gone.

pipe = Pipe(sys.stdin.buffer, stop)
while data := pipe.read(65536): ...
"""

from __future__ import annotations

import os
import select
from typing import BinaryIO

from stream.common.stop import Stop

_POLL_SECONDS = 0.1


class Pipe:
    """Reads what is there, waits while nothing is, and ends at a stop. It has no ``seek``, which PyAV looks at."""

    def __init__(self, file: BinaryIO, stop: Stop) -> None:
        self.count = 0
        """Bytes read so far."""
        self._descriptor = file.fileno()
        self._stop = stop

    def read(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes, or none at the end."""
        while not self._stop.requested:
            if select.select([self._descriptor], [], [], _POLL_SECONDS)[0]:
                data = os.read(self._descriptor, size)
                self.count += len(data)
                return data
        return b""
