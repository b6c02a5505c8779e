"""Brings sources, sessions and sinks together: one session a stream, every record to every sink.

    engine = Engine(new_session, SinkGroup([JsonLinesSink(sys.stdout)]), [metrics], stop)
    engine.run(MicrophoneSource(...), name="mic")
    engine.failures                        # {"song.mp3": "not audio"}: what failed and why; the others went on

Several threads may each run a source of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from stream.audio import AudioChunk, Source, SourceItem, SourceStatus, StreamEnd
from stream.errors import StreamError
from stream.record import Record, Status
from stream.session import Session
from stream.sinks.group import SinkGroup
from stream.stop import Stop

logger = logging.getLogger(__name__)

NewSession = Callable[[str, bool], Session]
"""Makes the session of a stream, given its name and whether it is live."""


class Observer(Protocol):
    """What is told of all that happens, and never fails: the metrics, the status board."""

    def emit(self, record: Record) -> None:
        """A record is out."""
        ...

    def audio(self, chunk: AudioChunk) -> None:
        """A chunk was taken."""
        ...

    def status(self, item: SourceStatus) -> None:
        """A source sent news."""
        ...

    def stream_ended(self, stream: str) -> None:
        """A stream ended and its records are out."""
        ...

    def realtime_factor(self, factor: float) -> None:
        """Sound is worked through ``factor`` times as fast as it plays."""
        ...


class Engine:
    """Runs sources through sessions into sinks."""

    def __init__(self, new_session: NewSession, sinks: SinkGroup, observers: Sequence[Observer], stop: Stop) -> None:
        self.failures: dict[str, str] = {}
        """What failed and why, by the name of the source or stream; one line each."""
        self._new_session = new_session
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
            OutputClosed: nobody reads the results any more.
        """
        run = _Run(source.live, self._new_session, self._sinks, self._observers, self._stop, self.fail)
        try:
            items = iter(source)
            while not self._stop.requested and (item := next(items, None)) is not None:
                run.take(item)
            run.flush(None)
        except StreamError as error:
            self.fail(name, str(error))
            run.flush(str(error))
        finally:
            source.close()

    def fail(self, name: str, reason: str) -> None:
        """Note a failure and say it in the log; the first of a name is the one that counts."""
        if name not in self.failures:
            self.failures[name] = reason
            logger.error("%s", reason if name in reason else f"{name}: {reason}")


class _Run:
    """The sessions of one source while it runs."""

    def __init__(
        self,
        live: bool,
        new_session: NewSession,
        sinks: SinkGroup,
        observers: Sequence[Observer],
        stop: Stop,
        fail: Callable[[str, str], None],
    ) -> None:
        self._live = live
        self._new_session = new_session
        self._sinks = sinks
        self._observers = observers
        self._stop = stop
        self._fail = fail
        self._sessions: dict[str, Session] = {}
        self._speed = _Speed()

    def take(self, item: SourceItem) -> None:
        match item:
            case AudioChunk():
                self._hear(item)
            case SourceStatus():
                self._note(item)
            case StreamEnd():
                if item.error is not None:
                    self._fail(item.stream, item.error)
                self._end(item.stream, item.error)

    def flush(self, error: str | None) -> None:
        """End every stream that goes on."""
        for stream in list(self._sessions):
            self._end(stream, error)

    def _hear(self, chunk: AudioChunk) -> None:
        session = self._sessions.get(chunk.stream)
        if session is None:
            session = self._sessions[chunk.stream] = self._new_session(chunk.stream, self._live)
        began = time.perf_counter()
        records = session.feed(chunk)
        speed = self._speed.add(len(chunk.samples) / chunk.samplerate, time.perf_counter() - began)
        self._emit(records)
        for observer in self._observers:
            observer.audio(chunk)
            if speed is not None:
                observer.realtime_factor(speed)
        self._sinks.progress(chunk.stream, session.heard_s, session.level_dbfs)

    def _note(self, status: SourceStatus) -> None:
        level = logging.INFO if status.kind == "up" else logging.WARNING
        logger.log(level, "%s: source %s: %s", status.stream, status.kind, status.detail)
        for observer in self._observers:
            observer.status(status)
        self._emit([Status(status.stream, status.kind, status.detail, lost_s=round(status.lost_seconds, 3))])

    def _end(self, stream: str, error: str | None) -> None:
        session = self._sessions.pop(stream, None)
        self._emit(session.flush(error) if session else [])
        for observer in self._observers:
            observer.stream_ended(stream)

    def _emit(self, records: Sequence[Record]) -> None:
        """Give records to every sink; a sink that fails is noted, left out, and the others go on."""
        for record in records:
            try:
                self._sinks.emit(record)
            except StreamError as error:
                self._fail("output", str(error))
                if self._sinks.empty:  # nobody would learn of what is still to come
                    self._stop.request()
            for observer in self._observers:
                observer.emit(record)


class _Speed:
    """Sound worked through per second of work, over the last ten seconds of sound."""

    def __init__(self) -> None:
        self._audio = 0.0
        self._busy = 0.0

    def add(self, audio: float, busy: float) -> float | None:
        self._audio += audio
        self._busy += busy
        if self._audio < 10.0 or self._busy <= 0.0:
            return None
        speed = self._audio / self._busy
        self._audio = self._busy = 0.0
        return speed
