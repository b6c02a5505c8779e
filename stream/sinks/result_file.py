"""The file of ``--output-file``: its kind by its name, in one piece or in parts.

sink = open_results(Path("moods.parquet"), labels, Limits(minutes=60), stop)
kind_of(Path("moods.csv"))             # "csv"

A program that is restarted, by a person or by what watches over it, must not wipe out what it wrote before: a file of
that name with records in it is renamed (``moods-until-20260101T235959Z.parquet``).
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from stream.common.errors import StreamError
from stream.common.output import open_output
from stream.common.stop import Stop
from stream.common.text import plain
from stream.sinks.csv import CsvSink
from stream.sinks.jsonl import JsonLinesSink
from stream.sinks.parquet import ParquetSink, recover
from stream.sinks.rotation import Limits, RotatingSink
from stream.sinks.sink import Sink

logger = logging.getLogger(__name__)

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
