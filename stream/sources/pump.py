"""What blocks, in a thread of its own, behind a bounded queue.

    pump = Pump(produce, stop, capacity=64)      # produce(halt) yields items and looks at halt.requested
    for item, queued in pump: ...                # ends when the producer does, or 0.1 s after a stop
    pump.close()

A full queue holds the producer up; an exception in it is raised where the items are taken.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Generic, TypeVar

from stream.common.stop import Stop

Item = TypeVar("Item")

_POLL_SECONDS = 0.1
_JOIN_SECONDS = 1.0


class Pump(Generic[Item]):
    """Runs a generator in a daemon thread."""

    def __init__(
        self,
        produce: Callable[[Stop], Generator[Item]],
        stop: Stop,
        capacity: int,
        unblock: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a pump; the thread begins with the iteration.

        Args:
            produce: called once in the thread, with the stop that it must look at.
            stop: ends the iteration.
            capacity: items in the queue at most.
            unblock: called at the end, to get the producer out of what it waits for.
        """
        self._produce = produce
        self._stop = stop
        self._unblock = unblock
        self._halt = Stop()
        self._queue: queue.Queue[Item | _End] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __iter__(self) -> Iterator[tuple[Item, int]]:
        """Yield each item with the number of those that wait behind it."""
        self._thread.start()
        try:
            while not self._stop.requested:
                try:
                    item = self._queue.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                yield item, self._queue.qsize()
        finally:
            self.close()

    def close(self) -> None:
        """End the thread. One that hangs in a look-up of a host is left behind; it ends when that does."""
        self._halt.request()
        self._unblock()
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            with contextlib.closing(self._produce(self._halt)) as items:
                for item in items:
                    if not self._put(item):
                        return
        except Exception as caught:
            error = caught
        self._put(_End(error))

    def _put(self, item: Item | _End) -> bool:
        while not self._halt.requested:
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=_POLL_SECONDS)
                return True
        return False


class _End:
    def __init__(self, error: Exception | None) -> None:
        self.error = error
