"""Several sinks as one.

group = SinkGroup([ScreenSink(labels), JsonLinesSink(file)])
group.emit(record)                                                 # from any thread
group.close()
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from stream.common.errors import StreamError
from stream.common.output import OutputClosed
from stream.tagging.observer import Observer
from stream.tagging.record import Record


class Sink(Observer):
    """Takes records, one at a time, from one thread at a time.

    After :meth:`emit` returns, the record is out (flushed) or shown. A screen shows progress and ended streams as well.
    """

    def close(self) -> None:
        """Finish: write what is left, release the file or terminal. Safe to call twice."""


class SinkGroup:
    """Gives each record to every sink, one record at a time whichever thread it comes from.

    A sink that fails is closed and left out from then on, its error raised once, after the others had the record.
    """

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether no sink is left."""
        return not self._sinks

    def emit(self, record: Record) -> None:
        """Give one record to every sink.

        Raises:
            StreamError: a sink failed with this record; the others had it and take the next.
            OutputClosed: the reader of a sink has gone; the same holds.
        """
        self._give(lambda sink: sink.emit(record))

    def progress(self, stream: str, heard_s: float, level_dbfs: float) -> None:
        """Tell the sinks what was heard since the last window.

        Raises:
            OutputClosed: the terminal has gone; the others were told, and are told of the next.
        """
        self._give(lambda sink: sink.progress(stream, heard_s, level_dbfs))

    def stream_ended(self, stream: str) -> None:
        """Tell the sinks that no more comes of a stream.

        Raises:
            OutputClosed: the terminal has gone; the others were told.
        """
        self._give(lambda sink: sink.stream_ended(stream))

    def close(self) -> None:
        """Close every sink, even if one cannot be. Safe to call twice.

        Raises:
            StreamError: a sink could not write what it still held.
        """
        failures: list[Exception] = []
        with self._lock:
            for sink in self._sinks:
                try:
                    sink.close()
                except Exception as error:  # a defect in one must not leave the next one open
                    failures.append(error)
            self._sinks.clear()
        _raise_worst(failures)

    def _give(self, give: Callable[[Sink], None]) -> None:
        failures: list[Exception] = []
        with self._lock:
            for sink in tuple(self._sinks):
                try:
                    give(sink)
                except (StreamError, OutputClosed) as error:
                    failures.append(error)
                    self._sinks.remove(sink)
                    with contextlib.suppress(StreamError, OutputClosed):
                        sink.close()
        _raise_worst(failures)


def _raise_worst(failures: list[Exception]) -> None:
    """Raise a defect before an error before a quiet end; of several errors, one that says them all."""
    defects = [failure for failure in failures if not isinstance(failure, StreamError | OutputClosed)]
    if defects:
        raise defects[0]
    errors = [failure for failure in failures if isinstance(failure, StreamError)]
    if len(errors) > 1:
        raise StreamError("; ".join(map(str, errors)))
    if failures:
        raise (errors or failures)[0]
