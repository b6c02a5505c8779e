"""The file of ``--output-file``: its kind by its name, in one piece or in parts.

sink = open_results(Path("moods.parquet"), labels, Limits(minutes=60), stop)
kind_of(Path("moods.csv"))             # "csv"
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from stream.sinks.csv import CsvSink
from stream.sinks.jsonl import JsonLinesSink
from stream.sinks.output import open_output
from stream.sinks.parquet import ParquetSink, recover
from stream.sinks.rotation import Limits, RotatingSink
from stream.sinks.sink import Sink
from stream.stop import Stop

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
    """Open a file for records, or the first of its parts if there are limits.

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
        return open_part(path)[0]
    return RotatingSink(path, open_part, limits)
