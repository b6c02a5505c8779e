"""How a run of ``stream.publish`` goes: a line that moves on a terminal, a line in the log now and then elsewhere.

with progress(figures, "audio.chunks"):      # figures() returns them as they are now
    ...
print(figures().summary())
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
import threading
from collections.abc import Callable, Iterator

from stream.common.text import clock, count_of, plain

logger = logging.getLogger(__name__)

_REDRAW_SECONDS = 0.25
_LOG_SECONDS = 60.0
_LONGEST_NAME = 32
"""Characters of a name in the line that moves: of a path, the end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """What was done so far.

    Attributes:
        name: of the only stream; None where there may be several.
        sources: to publish.
        ended: of them.
        streams: that had sound.
        chunks: in the log.
        seconds: of sound in the log.
        bytes: of payload in the log.
        buffered_seconds: of sound that is not there yet.
        lost_seconds: of sound that never will be.
        elapsed: since the beginning, in seconds.
    """

    name: str | None
    sources: int
    ended: int
    streams: int
    chunks: int
    seconds: float
    bytes: int
    buffered_seconds: float
    lost_seconds: float
    elapsed: float

    def summary(self) -> str:
        """Return all of it in one line."""
        lost = f"{self.lost_seconds:.1f} s lost" if self.lost_seconds else "nothing lost"
        what = "published " if self.name is None else f"{plain(self.name)}: published "
        streams = f"{count_of(self.streams, 'stream')}, " if self.name is None else ""
        return (
            f"{what}{streams}{count_of(self.chunks, 'chunk')}, {self.seconds:.1f} s of "
            f"sound, {self.bytes / 1e6:.1f} MB in {self.elapsed:.1f} s: {self._speed()}; {lost}"
        )

    def heading(self, topic: str) -> str:
        """Return what goes where: ``kitchen to audio.chunks``."""
        if self.name is None:
            return topic
        name = plain(self.name)
        return f"{name if len(name) <= _LONGEST_NAME else f'…{name[1 - _LONGEST_NAME :]}'} to {topic}"

    def line(self) -> str:
        """Return how it goes."""
        files = f"{self.ended} of {self.sources} files, " if self.sources > 1 else ""
        lost = f", {self.lost_seconds:.1f} s lost" if self.lost_seconds else ""
        return (
            f"{files}{clock(self.seconds)} of sound, {self.bytes / 1e6:.1f} MB, {self._speed()}, "
            f"{self.buffered_seconds:.1f} s waiting{lost}"
        )

    def _speed(self) -> str:
        elapsed = max(self.elapsed, 0.001)
        return f"{self.bytes / 1e6 / elapsed:.2f} MB/s, {self.seconds / elapsed:.1f} x real time"


@contextlib.contextmanager
def progress(figures: Callable[[], Figures], topic: str) -> Iterator[None]:
    """Show the figures as long as the context lasts: on a terminal, else in the log once a minute."""
    show = _on_terminal if sys.stderr is not None and sys.stderr.isatty() else _in_log
    with show(figures, topic):
        yield


@contextlib.contextmanager
def _on_terminal(figures: Callable[[], Figures], topic: str) -> Iterator[None]:
    from rich.console import Console  # noqa: PLC0415 -- slow to import
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415

    several = figures().sources > 1
    heading, line = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[line]}", markup=False)
    columns = [SpinnerColumn(), heading, *([BarColumn()] if several else []), line]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(topic, total=figures().sources if several else None, line="")

        def draw() -> None:
            now = figures()
            bar.update(task, description=now.heading(topic), completed=now.ended, line=now.line())

        with _every(_REDRAW_SECONDS, draw):
            yield


@contextlib.contextmanager
def _in_log(figures: Callable[[], Figures], topic: str) -> Iterator[None]:
    def tell() -> None:
        now = figures()
        logger.info("%s: %s", now.heading(topic), now.line())

    with _every(_LOG_SECONDS, tell):
        yield


@contextlib.contextmanager
def _every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call something again and again in a thread, for as long as the context lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=work, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
