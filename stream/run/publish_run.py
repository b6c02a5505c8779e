"""Puts a run of ``stream.publish`` together: sources, outbox, courier, progress.

run = PublishRun(settings)               # StreamError: no broker, no topic
run.run(stop)
run.failed                               # something could not be heard or delivered
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

from stream.common.stop import Stop
from stream.common.text import clock, count_of, plain
from stream.kafka.client.connection import Connection
from stream.kafka.publish.courier import Courier, producers
from stream.kafka.publish.outbox import Outbox
from stream.kafka.publish.publisher import Publisher
from stream.kafka.topics import largest_record
from stream.kafka.wire.chunks import Encoding
from stream.run.assembly import find_files, side_by_side
from stream.settings.publish import PublishSettings
from stream.tagging.audio import Source

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


_FLUSH_SECONDS = 10.0
"""After Ctrl-C or SIGTERM, what was heard has so long to be delivered."""


class PublishRun:
    """One run of the command."""

    def __init__(self, settings: PublishSettings) -> None:
        """Connect, and see that the topic is there.

        Raises:
            StreamError: the broker cannot be reached, or there is no such topic.
        """
        self._settings = settings
        self._stop = Stop()
        self._paths, self._not_found = find_files(settings.paths)
        connection = Connection.of(settings)
        largest = largest_record(connection, settings.topic)
        self._outbox = Outbox(settings.buffer_mb * 1_000_000, settings.buffer_seconds)
        host = socket.gethostname()
        self._courier = Courier(
            self._outbox,
            producers(connection, largest),
            topic=settings.topic,
            encoding=cast("Encoding", settings.encoding.upper()),
            source=f"urn:moodstream:publish:{host}",
        )
        self._publisher = self._new_publisher()
        self._host = host
        self._name: str | None = None  # of the only stream, once it is known

    @property
    def failed(self) -> bool:
        """Whether something could not be heard or delivered."""
        return bool(self._publisher.failures) or self._outbox.lost_seconds > 0

    def run(self, stop: Stop) -> None:
        """Publish until the sources end or a stop is asked for, and until all is delivered.

        Args:
            stop: ends the sources; what they have given has some seconds to be delivered.

        Raises:
            UsageError: the source cannot be what was asked for.
            StreamError: the broker takes nothing any more.
        """
        self._stop = stop
        self._publisher = self._new_publisher()
        self._courier.start()
        began = time.monotonic()
        sources = len(self._paths) if self._settings.source == "file" else 1
        with contextlib.ExitStack() as closing:
            closing.callback(lambda: logger.info("%s", self._figures(began, sources).summary()))
            closing.enter_context(progress(lambda: self._figures(began, sources), self._settings.topic))
            try:
                if self._settings.source == "file":
                    self._run_files()
                else:
                    source, self._name = self._only_source()
                    self._publisher.run(source, self._name)
            finally:
                self._courier.finish(self._stop, _FLUSH_SECONDS)
                for stream, reason in self._outbox.refusals().items():
                    self._publisher.fail(stream, reason)
                self._tell_failures()
        if self._outbox.failed is not None:
            raise self._outbox.failed

    def _new_publisher(self) -> Publisher:
        settings = self._settings
        return Publisher(
            self._outbox,
            self._stop,
            chunk_seconds=settings.chunk_seconds,
            finite=settings.encoding != "f32le",
            paced=settings.paced,
        )

    def _run_files(self) -> None:
        from stream.sources.files import FileSource, stream_names  # noqa: PLC0415 -- only for files

        for path, reason in self._not_found.items():
            self._publisher.fail(path, reason)
        names = stream_names(self._paths)
        if self._settings.stream is not None:
            names = [self._settings.stream]
        self._name = names[0] if len(names) == 1 else None
        waiting = iter(list(zip(self._paths, names, strict=True)))  # a list's iterator may be shared by threads

        def work() -> None:
            for path, name in waiting:
                if self._stop.requested:
                    return
                source = FileSource(path, self._stop, stream=name, realtime=self._settings.paced)
                self._publisher.run(source, name)

        side_by_side(work, min(self._settings.jobs, len(self._paths)), self._stop)

    def _only_source(self) -> tuple[Source, str]:
        """Return the one source that is no list of files, and the name of its stream."""
        # Each source has needs of its own (a sound library, a decoder, a network): only the one used is imported.
        settings, stop = self._settings, self._stop
        source: Source
        match settings.source:
            case "mic":
                from stream.sources.microphone import MicrophoneSource  # noqa: PLC0415

                source = MicrophoneSource(
                    stop, device=settings.device, samplerate=settings.samplerate, channels=settings.channels
                )
            case "stdin":
                from stream.sources.stdin import StdinSource  # noqa: PLC0415

                source = StdinSource(
                    stop, samplerate=settings.samplerate, channels=settings.channels, sample_format=settings.format
                )
            case "url":
                from stream.sources.radio import UrlSource  # noqa: PLC0415

                source = UrlSource(str(settings.url), stop, timeout=settings.url_timeout)
            case _:
                from stream.sources.demo import DemoSource  # noqa: PLC0415

                source = DemoSource(stop, realtime=settings.paced)
        # Every machine has a microphone: without the host two of them would be one stream.
        local = f"{source.stream}@{self._host}" if settings.source in ("mic", "stdin") else source.stream
        return source, settings.stream or local

    def _tell_failures(self) -> None:
        failed, asked = self._publisher.failures, len(self._paths) + len(self._not_found)
        if failed and asked > 1:
            logger.error("%d of %d files could not be published, or not to their end:", len(failed), asked)
            for name, reason in failed.items():
                logger.error("  %s", reason if name in reason else f"{name}: {reason}")

    def _figures(self, began: float, sources: int) -> Figures:
        delivered = self._courier.delivered
        return Figures(
            name=self._name,
            sources=sources,
            ended=self._publisher.ended,
            streams=self._publisher.streams,
            chunks=delivered.chunks,
            seconds=delivered.seconds,
            bytes=delivered.bytes,
            buffered_seconds=self._outbox.seconds,
            lost_seconds=self._outbox.lost_seconds,
            elapsed=time.monotonic() - began,
        )
