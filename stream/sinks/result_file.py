"""The file of ``--output-file``: its kind by its name, in one piece or in parts.

sink = open_results(Path("moods.parquet"), labels, Limits(minutes=60), stop)
kind_of(Path("moods.csv"))             # "csv"

A program that is restarted, by a person or by what watches over it, must not wipe out what it wrote before: a file of
that name with records in it is renamed (``moods-until-20260101T235959Z.parquet``).
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from stream.common.errors import StreamError
from stream.common.output import open_output
from stream.common.stop import Stop
from stream.common.text import plain
from stream.sinks.group import Sink
from stream.sinks.parquet import ParquetSink, recover
from stream.sinks.records import CsvSink, JsonLinesSink
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


class RotatingSink(Sink):
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


Kind = Literal["csv", "parquet", "jsonl"]


def kind_of(path: Path) -> Kind:
    """Return what a file of this name holds: CSV, Parquet, or JSON lines for any other name."""
    match path.suffix.lower():
        case ".csv":
            return "csv"
        case ".parquet":
            return "parquet"
        case _:
            return "jsonl"


def open_results(path: Path, labels: Sequence[str], limits: Limits, stop: Stop) -> Sink:
    """Open a file for records, or the first of its parts if there are limits; what an earlier run wrote stays.

    Raises:
        StreamError: it cannot be written, or a package is not installed.
    """
    kind = kind_of(path)

    def open_part(part: Path) -> tuple[Sink, Path]:
        match kind:
            case "csv":
                return CsvSink(open_output(part), labels, stop=stop), part
            case "parquet":
                sink = ParquetSink(part, stop=stop)
                return sink, sink.journal
            case "jsonl":
                return JsonLinesSink(open_output(part), stop=stop), part

    if kind == "parquet":
        recover(path)
    if limits == Limits():
        _keep_earlier(path, kind)
        return open_part(path)[0]
    return RotatingSink(path, open_part, limits)


def _keep_earlier(path: Path, kind: Kind) -> None:
    """Rename a file with records in it; devices, pipes and what a shell redirected (``/dev/stdout``) stay."""
    if any(path.absolute().is_relative_to(place) for place in ("/dev", "/proc")):
        return
    try:
        path = Path(os.path.realpath(path))  # of a link the file that it leads to
        if not path.is_file() or not _has_records(path, kind):
            return
        ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        numbers = itertools.chain([""], map("-{}".format, itertools.count(2)))
        names = (f"{path.stem}-until-{ended:%Y%m%dT%H%M%SZ}{number}{path.suffix}" for number in numbers)
        kept = next(name for name in map(path.with_name, names) if not name.exists())
        path.rename(kept)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StreamError(
            f"cannot keep the results of an earlier run in {plain(str(path))}: {plain(reason)}; "
            "give --output-file another path"
        ) from None
    logger.info("the results of an earlier run are now in %s", kept)


def _has_records(path: Path, kind: Kind) -> bool:
    """Return whether there is more than a header: a program that fails at every start leaves no heap of such files."""
    if kind == "parquet":
        import pyarrow.parquet  # noqa: PLC0415 -- heavy, and only for this kind

        try:
            return bool(pyarrow.parquet.read_metadata(path).num_rows)
        except pyarrow.ArrowException:  # something else has this name
            return True
    with path.open("rb") as file:
        return bool(file.readline()) and (kind == "jsonl" or bool(file.readline()))
