"""Brings sources, sessions and sinks together: one session a stream, every record to every sink.

    engine = Engine(new_session, SinkGroup([JsonLinesSink(sys.stdout)]), [metrics], stop)
    engine.run(MicrophoneSource(...), name="mic")
    engine.failures                        # {"song.mp3": "not audio"}: what failed and why; the others went on

Several threads may each run a source of their own.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from stream.common.errors import StreamError
from stream.common.output import OutputClosed
from stream.common.stop import Stop
from stream.run.sources import Failures, log_news, run_source
from stream.sinks.group import SinkGroup
from stream.tagging.audio import AudioChunk, Source, SourceItem, SourceStatus, StreamEnd
from stream.tagging.observer import Observer
from stream.tagging.record import Record, Status
from stream.tagging.session import Session

_OVER_SECONDS = 5.0


class Speed:
    """Sound worked through per second of work, over some seconds of sound."""

    def __init__(self) -> None:
        self._audio = 0.0
        self._busy = 0.0

    def add(self, audio: float, busy: float) -> float | None:
        """Take seconds of sound and the seconds of work they took; return the factor now and then, else None."""
        self._audio += audio
        self._busy += busy
        if self._audio < _OVER_SECONDS or self._busy <= 0.0:
            return None
        factor = self._audio / self._busy
        self._audio = self._busy = 0.0
        return factor


logger = logging.getLogger(__name__)

NewSession = Callable[[str, bool], Session]
"""Makes the session of a stream, given its name and whether it is live."""


class Engine:
    """Runs sources through sessions into sinks."""

    def __init__(self, new_session: NewSession, sinks: SinkGroup, observers: Sequence[Observer], stop: Stop) -> None:
        self.failures = Failures("could not be heard, or not to their end")
        """What could not be heard, or not to its end, and why, by the name of the source or stream; one line each."""
        self.lost_outputs: list[str] = []
        """Why results could not be written, one line a sink."""
        self.new_session = new_session
        """Makes the session of a stream."""
        self._sinks = sinks
        self._observers = observers
        self._stop = stop

    def run(self, source: Source, name: str) -> None:
        """Take a source's items until it ends or a stop is asked for; then end its streams with their finals.

        What goes wrong in the source or in one of its streams is noted in ``failures``; what was heard before it
        counts.

        Args:
            source: where sound comes from; it is closed at the end.
            name: what to call it if it fails before it has a stream.

        Raises:
            UsageError: the source cannot be what was asked for (there is no such device), and nothing was heard.
        """
        run_source(source, name, _Run(self, source), self.failures, self._stop)

    def lose_output(self, reason: str) -> None:
        """Note that results could not be written, and say it in the log."""
        self.lost_outputs.append(reason)
        logger.error("%s", reason)

    def emit(self, records: Sequence[Record]) -> None:
        """Give records to every sink and observer; a sink that fails is left out, and the others go on."""
        for record in records:
            with self._sinks_may_fail():
                self._sinks.emit(record)
            for observer in self._observers:
                observer.emit(record)

    def progress(self, session: Session) -> None:
        """Tell the sinks that show it what was heard since the last window."""
        with self._sinks_may_fail():
            self._sinks.progress(session.stream, session.heard_s, session.level_dbfs)

    def end_stream(self, stream: str) -> None:
        """Tell every observer, and the sinks that show it, that no more comes of a stream."""
        with self._sinks_may_fail():
            self._sinks.stream_ended(stream)
        self.observe(lambda observer: observer.stream_ended(stream))

    def observe(self, tell: Callable[[Observer], None]) -> None:
        """Tell every observer."""
        for observer in self._observers:
            tell(observer)

    @contextlib.contextmanager
    def _sinks_may_fail(self) -> Iterator[None]:
        try:
            yield
            return
        except StreamError as error:
            self.lose_output(str(error))
        except OutputClosed:  # `| head` has seen enough: no failure
            logger.debug("the reader of the results has gone")
        if self._sinks.empty:  # nobody would learn of what is still to come
            self._stop.request()


class _Run:
    """The sessions of one source while it runs."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self.streams: dict[str, Session | None] = {}
        """The streams that go on, with their sessions once there was sound."""
        self.failed: set[str] = set()
        """Streams whose session could not go on."""
        self._engine = engine
        self._source = source
        self._speed = Speed()

    @property
    def heard(self) -> bool:
        """Whether anything came of the source and goes on."""
        return bool(self.streams)

    def take(self, item: SourceItem) -> bool:
        """Take an item; return whether the source has a stream that can go on."""
        match item:
            case AudioChunk():
                self._hear(item)
            case SourceStatus():
                self._note(item)
            case StreamEnd():
                if item.error is not None:
                    self._engine.failures.add(item.stream, item.error)
                self._end(item.stream, item.error)
        return self._source.stream not in self.failed

    def finish(self, error: str | None) -> None:
        """End every stream that goes on."""
        for stream in list(self.streams):
            self._end(stream, error)

    def _hear(self, chunk: AudioChunk) -> None:
        if chunk.stream in self.failed:
            return
        session = self.streams.get(chunk.stream) or self._engine.new_session(chunk.stream, self._source.live)
        self.streams[chunk.stream] = session
        began = time.perf_counter()
        try:
            records = session.feed(chunk)
        except StreamError as error:  # this stream's alone: others may share the source
            self.failed.add(chunk.stream)
            self._engine.failures.add(chunk.stream, str(error))
            self._end(chunk.stream, str(error))
            return
        for record in records:
            if isinstance(record, Status):
                fields = {"stream": record.stream, "track": chunk.track}
                logger.warning("%s: %s", record.stream, record.detail, extra=fields)
        speed = self._speed.add(len(chunk.samples) / chunk.samplerate, time.perf_counter() - began)
        self._engine.emit(records)
        self._engine.observe(lambda observer: observer.audio(chunk))
        if speed is not None:
            self._engine.observe(lambda observer: observer.realtime_factor(speed))
        self._engine.progress(session)

    def _note(self, item: SourceStatus) -> None:
        log_news(item, item.stream)
        self.streams.setdefault(item.stream, None)
        self._engine.observe(lambda observer: observer.status(item))
        self._engine.emit([Status(item.stream, item.kind, item.detail, lost_s=round(item.lost_seconds, 3))])

    def _end(self, stream: str, error: str | None) -> None:
        session = self.streams.pop(stream, None)
        if session is not None:
            self._engine.emit(session.flush(error))
        self._engine.end_stream(stream)
