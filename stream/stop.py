"""The wish to stop: set by a signal, looked at by everything that waits.

stop = Stop()
signal.signal(signal.SIGTERM, lambda signum, _: stop.request(signum))
while not stop.requested: ...
"""

from __future__ import annotations

import time

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
