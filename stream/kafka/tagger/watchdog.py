"""Ends a process whose main loop hangs, so that its supervisor starts it again and the group goes on without it.

    with Watchdog(120.0) as watchdog:
        while True:
            watchdog.beat("asking for records")
            ...

A call without a time-out can wait for ever, and nothing inside the process can end it: a thread looks whether the
loop still turns. Time in which the whole process was stopped (SIGSTOP, a machine asleep) does not count.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

EXIT_CODE = 4
_LONGEST_STEP_S = 1.0
_STEPS = 10  # looks per limit
_STDERR = 2


class Watchdog:
    """A context manager that watches from its beginning to its end."""

    def __init__(self, limit_s: float, on_hang: Callable[[str, float], None] | None = None) -> None:
        """Prepare to watch.

        Args:
            limit_s: without a beat for so many seconds the loop hangs; 0: never.
            on_hang: called once, in a thread, with what hangs and for how many seconds; ends the process with
                exit code 4 unless given.
        """
        self._limit_s = limit_s
        self._on_hang = on_hang or _end_process
        self._beat = _Beat("starting")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def beat(self, doing: str) -> None:
        """Note that the loop turns, and what it does next."""
        self._beat = _Beat(doing)

    def __enter__(self) -> Self:
        self._beat = _Beat("starting")
        if self._limit_s > 0:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        # Its own on_hang may be what leaves the block.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(2 * _LONGEST_STEP_S)

    def _watch(self) -> None:
        step = min(_LONGEST_STEP_S, self._limit_s / _STEPS)
        last, silent = self._beat, 0.0
        before = time.monotonic()
        while not self._over.wait(step):
            now = time.monotonic()
            elapsed, before = now - before, now
            if self._beat is not last:
                last, silent = self._beat, 0.0
            elif elapsed < 2 * step + _LONGEST_STEP_S:  # else all of the process stood still: the loop had no chance
                silent += elapsed
            if silent >= self._limit_s:
                self._on_hang(last.doing, silent)
                return


class _Beat:
    __slots__ = ("doing",)

    def __init__(self, doing: str) -> None:
        self.doing = doing


def _end_process(doing: str, seconds: float) -> None:
    line = f"moodstream: hung for {seconds:.0f} s in {doing}: ending\n"
    # Not sys.stderr: the hanging thread may hold its lock, or a reader that reads no more be what it waits for.
    try:
        if select.select([], [_STDERR], [], 1.0)[1]:
            os.write(_STDERR, line.encode())
    except (OSError, ValueError):  # there is no stderr
        pass
    os._exit(EXIT_CODE)
