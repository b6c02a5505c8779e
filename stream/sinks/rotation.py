"""Results in one file after another, each of bounded size or age.

    sink = RotatingSink(Path("moods.jsonl"), open_part, Limits(megabytes=64, minutes=60))
    sink.emit(record)                      # into moods-20260101T200000Z-000001.jsonl, then -000002, ...

The names sort by time. A part that is full is ended in a thread, as that may take seconds (Parquet), in which live
sound must not wait; only if the next one is full by then is it waited for. Once ended, it stays as it is. A part that
somebody deletes while it is written is full, too: what was in it is lost, and what comes goes into the next.
"""

from __future__ import annotations

import dataclasses
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from stream.common.errors import StreamError
from stream.sinks.sink import Sink
from stream.tagging.record import Record

logger = logging.getLogger(__name__)

OpenPart = Callable[[Path], tuple[Sink, Path]]
"""Opens a part and returns its sink, and the file whose size counts while it is written."""

_MEGABYTE = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """When a part is full: ``megabytes`` on disk or ``minutes`` since it began; None bounds nothing."""

    megabytes: float | None = None
    minutes: float | None = None


class RotatingSink:
    """Writes records into parts."""

    def __init__(
        self,
        path: Path,
        open_part: OpenPart,
        limits: Limits,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the first part.

        Args:
            path: gives the folder, the beginning and the end of the names.
            open_part: opens a part.
            limits: when one is full. It ends with the first record after that.
            wall: returns seconds since the epoch, for the names.
            monotonic: returns seconds that only grow, for the age.

        Raises:
            StreamError: it cannot be written.
        """
        self._path = path
        self._open_part = open_part
        self._limits = limits
        self._wall = wall
        self._monotonic = monotonic
        self._number = 0
        self._ending: threading.Thread | None = None
        self._failure: StreamError | None = None
        self._closed = False
        self._begin()

    def emit(self, record: Record) -> None:
        """Write one record.

        Raises:
            OutputClosed: the reader has gone.
            StreamError: a file cannot be written, or the last part could not be ended.
        """
        if self._records and self._is_full():
            self._await_end()
            self._ending = threading.Thread(target=self._end, args=(self._sink,), name="end-of-part")
            self._ending.start()
            self._begin()
        self._raise_failure()
        self._sink.emit(record)
        self._records += 1

    def close(self) -> None:
        """End the last part. Safe to call twice.

        Raises:
            StreamError: what was written could not be brought to the disk.
        """
        if not self._closed:
            self._closed = True
            self._await_end()
            self._sink.close()
            self._raise_failure()

    def _end(self, sink: Sink) -> None:
        try:
            sink.close()
        except StreamError as error:
            self._failure = error
        except OSError as error:  # nobody else would see it in this thread
            self._failure = StreamError(f"cannot end a file of results: {error.strerror or error}")

    def _await_end(self) -> None:
        if self._ending is not None:
            self._ending.join()
            self._ending = None

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _begin(self) -> None:
        began = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
        self._number = 1 + max(self._number, self._last_number(began))
        path = self._path.with_name(f"{self._path.stem}-{began}-{self._number:06d}{self._path.suffix}")
        self._sink, self._measured = self._open_part(path)
        self._began = self._monotonic()
        self._records = 0

    def _last_number(self, began: str) -> int:
        """Return the highest number of the parts of this second: a run that was killed in it may have left some."""
        ours = re.compile(rf"{re.escape(self._path.stem)}-{began}-(\d{{6,}}){re.escape(self._path.suffix)}")
        try:
            found = [ours.match(path.name) for path in self._path.parent.iterdir()]
        except OSError:  # no such folder, which the part will say, or one that may be written to and not listed
            return 0
        return max((int(match[1]) for match in found if match), default=0)

    def _is_full(self) -> bool:
        limits = self._limits
        if limits.minutes is not None and self._monotonic() - self._began >= 60 * limits.minutes:
            return True
        if limits.megabytes is None:
            return False
        try:
            return self._measured.stat().st_size >= limits.megabytes * _MEGABYTE
        except OSError as error:
            logger.warning("%s has gone, going on in another file: %s", self._measured, error.strerror)
            return True
