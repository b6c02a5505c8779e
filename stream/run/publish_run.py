"""Puts a run of ``stream.publish`` together: sources, outbox, sender, progress.

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
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.common.text import clock, count_of, plain
from stream.kafka.client.connection import Connection
from stream.kafka.publish.outbox import Outbox
from stream.kafka.publish.packer import Packer
from stream.kafka.publish.sender import Sender, producers
from stream.kafka.topics import largest_record
from stream.kafka.wire.chunks import Chunk, Encoding
from stream.run.sources import Failures, Files, log_news, make_source, run_source
from stream.settings.publish import PublishSettings
from stream.tagging.audio import AudioChunk, Source, SourceItem, SourceStatus, StreamEnd

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


_LONGEST_KEY = 1024
"""Bytes of a stream's name; consumers take no longer key."""


class Publisher:
    """Runs sources into an outbox; each source is one stream and one session, cut into chunks."""

    def __init__(self, outbox: Outbox, stop: Stop, *, chunk_seconds: float, finite: bool, paced: bool = False) -> None:
        """Make a publisher.

        Args:
            outbox: where the chunks go.
            stop: ends the sources, and the waiting for room in the outbox.
            chunk_seconds: length of a chunk.
            finite: leave out samples that are no numbers, as lost sound.
            paced: the sound of files comes at its own speed: then a chunk goes out as soon as it is full.
        """
        self.failures = Failures("could not be published, or not to their end")
        """What could not be published, or not to its end, and why, by stream; one line each."""
        self.streams = 0
        """Streams that had sound."""
        self.ended = 0
        """Sources that have ended, well or not."""
        self._outbox = outbox
        self._stop = stop
        self._chunk_seconds = chunk_seconds
        self._finite = finite
        self._paced = paced

    def run(self, source: Source, stream: str) -> None:
        """Publish a source's sound until it ends or a stop is asked for.

        What goes wrong in the source is noted in ``failures``; what came before it is published.

        Args:
            source: where sound comes from; it is closed at the end.
            stream: name of the stream: the key of its records.

        Raises:
            UsageError: the source cannot be what was asked for (there is no such device), and nothing was heard.
            StreamError: the broker takes nothing any more.
        """
        if len(stream.encode("utf-8", "replace")) > _LONGEST_KEY:
            source.close()
            self.failures.add(stream, f"the name has more than {_LONGEST_KEY} bytes; --stream gives another")
            return
        hold = not source.live and not self._paced
        packer = Packer(stream, self._chunk_seconds, hold=hold, finite=self._finite)
        receiver = _PublishedStream(packer, self, source.live)
        try:
            run_source(source, stream, receiver, self.failures, self._stop)
        finally:
            self.ended += 1
            self.streams += receiver.heard
        if self._outbox.failed is not None:
            raise self._outbox.failed

    def put(self, chunks: Sequence[Chunk], live: bool) -> None:
        """Put chunks into the outbox; where it is full, wait for room or, of a live source, drop the oldest.

        Raises:
            StreamError: the broker takes nothing any more, or nothing of this stream.
        """
        for chunk in chunks:
            try:
                self._outbox.put(chunk, live=live, stop=self._stop)
            except StreamError:
                self.failures.muted = self._outbox.failed is not None  # then it is everybody's, and said once
                raise


class _PublishedStream:
    """Takes the items of one source."""

    def __init__(self, packer: Packer, publisher: Publisher, live: bool) -> None:
        self.heard = False
        self._packer = packer
        self._publisher = publisher
        self._live = live

    def take(self, item: SourceItem) -> bool:
        match item:
            case AudioChunk():
                self._publisher.put(self._packer.feed(item), self._live)
                self.heard = True
            case SourceStatus():
                log_news(item, self._packer.stream)
            case StreamEnd():
                if item.error is not None:
                    self._publisher.failures.add(self._packer.stream, item.error)
        return True

    def finish(self, error: str | None) -> None:
        """Say on the topic that the session is over, whatever happened."""
        with contextlib.suppress(StreamError):  # the stream is refused, and that is known
            self._publisher.put(self._packer.close(), self._live)


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
        self._files = Files(settings, settings.stream)
        connection = Connection.of(settings)
        largest = largest_record(connection, settings.topic)
        self._outbox = Outbox(settings.buffer_mb * 1_000_000, settings.buffer_seconds)
        host = socket.gethostname()
        self._sender = Sender(
            self._outbox,
            producers(connection, largest),
            topic=settings.topic,
            encoding=cast("Encoding", settings.encoding.upper()),
            source=f"urn:moodstream:publish:{host}",
        )
        self._publisher = self._new_publisher()
        self._host = host
        # Of the only stream, once it is known.
        self._name = self._files.names[0] if len(self._files.names) == 1 and self._files.paths else None

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
        self._sender.start()
        began = time.monotonic()
        sources = len(self._files.paths) if self._settings.source == "file" else 1
        with contextlib.ExitStack() as closing:
            closing.callback(lambda: logger.info("%s", self._figures(began, sources).summary()))
            closing.enter_context(progress(lambda: self._figures(began, sources), self._settings.topic))
            try:
                self._publish()
            finally:
                self._sender.finish(self._stop, _FLUSH_SECONDS)
                self._publisher.failures.muted = self._outbox.failed is not None
                for stream, reason in self._outbox.refusals().items():
                    self._publisher.failures.add(stream, reason)
                self._publisher.failures.log_summary(self._files.asked)
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

    def _publish(self) -> None:
        settings = self._settings
        if settings.source == "file":
            self._files.run(settings, self._stop, self._publisher.failures, self._publisher.run)
            return
        source = make_source(settings, self._stop)
        # Every machine has a microphone: without the host two of them would be one stream.
        local = f"{source.stream}@{self._host}" if settings.source in ("mic", "stdin") else source.stream
        self._name = settings.stream or local
        self._publisher.run(source, self._name)

    def _figures(self, began: float, sources: int) -> Figures:
        delivered = self._sender.delivered
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
