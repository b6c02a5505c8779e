"""The wish to stop: set by a signal, looked at by everything that waits.

stop = Stop()
signal.signal(signal.SIGTERM, lambda signum, _: stop.request(signum))
while not stop.requested: ...
"""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

_POLL_SECONDS = 0.05


class Stop:
    """A flag that a signal handler may set: no lock, so it cannot deadlock with the code it interrupts.

    (``threading.Event.set`` takes a lock that the interrupted thread may be holding.)
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.requested = False

    def request(self, signum: int | None = None) -> None:
        """Ask everything to end; the first signal is the one remembered."""
        if not self.requested:
            self.signum = signum
        self.requested = True

    def wait(self, seconds: float) -> bool:
        """Wait that long or until a stop is asked for, and say whether it was."""
        deadline = time.monotonic() + seconds
        while not self.requested and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _POLL_SECONDS))
        return self.requested


_STANDARD = (0, 1, 2)


class HangupSignal:
    """Remembers that SIGHUP came. No lock, for the same reason as :class:`stream.common.stop.Stop`."""

    def __init__(self, stop: Stop) -> None:
        """Take the wish to stop, which the end of the terminal is."""
        self._stop = stop
        self._asked = False
        self._terminals = [descriptor for descriptor in _STANDARD if os.isatty(descriptor)]

    def install(self) -> None:
        """Take the signal from now on. To be called in the main thread."""
        if hasattr(signal, "SIGHUP"):  # not on Windows
            signal.signal(signal.SIGHUP, self._came)

    def taken(self) -> bool:
        """Say whether the signal came since this was last asked."""
        asked, self._asked = self._asked, False
        return asked

    def _came(self, signum: int, frame: FrameType | None) -> None:
        # One that hung up is no terminal any more to whom it asks.
        if self._terminals and not any(os.isatty(descriptor) for descriptor in self._terminals):
            self._stop.request(signum)
        else:
            self._asked = True
