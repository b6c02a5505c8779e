"""SIGHUP: the wish that files be read anew, as daemons take it; or the end of the terminal, as it was meant.

    hangup = Hangup(stop)
    hangup.install()
    hangup.taken()                         # True once after each signal

A terminal that is closed sends the same signal to what runs in it. So a process that has a terminal asks it: if it has
gone, that is the wish to stop.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from stream.stop import Stop

_STANDARD = (0, 1, 2)


class Hangup:
    """Remembers that SIGHUP came. No lock, for the same reason as :class:`stream.stop.Stop`."""

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
