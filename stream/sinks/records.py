"""JSON lines and CSV: every record as one line, flushed as it comes.

    sink = JsonLinesSink(sys.stdout)            # or JsonLinesSink(open_output("result.jsonl"))
    sink = CsvSink(open_output("result.csv"), labels=["happy", "sad"])
    sink.emit(record)

The columns of CSV are the fields of the records (`stream/tagging/record.py`) in one fixed order, ``mood`` and
``running`` with a column a mood (``mood.happy``), ``model`` with a column a field. All types of record share the
table; a field that a type does not have, or that is null, is empty, and so are the moods of a record that has others
than the table. For the estimates alone, keep the rows whose ``type`` is ``estimate``.

Quoting is RFC 4180's; lines end with a line feed. Text that a spreadsheet would take for a formula gets an apostrophe
in front. Control characters and line separators in names become U+FFFD, so that a row is always one line.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
from collections.abc import Sequence
from typing import Any, TextIO

from stream.common.output import LineWriter, OutputClosed
from stream.common.stop import Stop
from stream.common.text import single_line, utf8
from stream.sinks.group import Sink
from stream.tagging.record import Record


def to_line(record: Record) -> str:
    """Return the record as JSON on one line, without the line feed.

    Pure ASCII, so it survives any locale, and a name with escape sequences cannot reach a terminal.

    Raises:
        ValueError: a number in the record is not finite.
    """
    fields = {key: utf8(value) if isinstance(value, str) else value for key, value in record.to_json().items()}
    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


class JsonLinesSink(Sink):
    """Writes every record as one flushed line of JSON."""

    def __init__(self, file: TextIO, *, stop: Stop | None = None) -> None:
        """Write to ``file``; ``stop`` ends the wait for a slow reader."""
        self._output = LineWriter(file, stop)

    def emit(self, record: Record) -> None:
        """Write one record.

        Raises:
            OutputClosed: the reader has gone.
            StreamError: the file cannot be written.
        """
        self._output.write(to_line(record) + "\n")

    def close(self) -> None:
        """Close the file, unless it is standard output."""
        self._output.close()


logger = logging.getLogger(__name__)

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def columns(labels: Sequence[str]) -> list[str]:
    """Return the names of the columns for a model with these moods."""
    return [
        *("schema", "type", "stream", "track", "time", "status"),
        *("window", "start_sample", "start_s", "end_s", "rms_dbfs"),
        *(f"mood.{label}" for label in labels),
        *(f"running.{label}" for label in labels),
        *("windows", "silent_windows", "gap_windows"),
        *("event", "mood_name", "at_s", "probability"),
        *("detail", "lost_s", "error", "inference_ms"),
        *("model.name", "model.version", "model.sha256"),
    ]


class CsvSink(Sink):
    """Writes a header and then every record as one flushed row."""

    def __init__(self, file: TextIO, labels: Sequence[str], *, stop: Stop | None = None) -> None:
        """Write the header; ``stop`` ends the wait for a slow reader.

        Raises:
            StreamError: the file cannot be written.
        """
        self._output = LineWriter(file, stop)
        self._columns = columns(labels)
        with contextlib.suppress(OutputClosed):  # the first record will say so: a run of other sinks may begin
            self._write(dict(zip(self._columns, self._columns, strict=True)))

    def emit(self, record: Record) -> None:
        """Write one record.

        Raises:
            OutputClosed: the reader has gone.
            StreamError: the file cannot be written.
            ValueError: the record has a field that the table has no column for.
        """
        fields = flat(record.to_json())
        moods = [name for name in fields if name.startswith(("mood.", "running."))]
        if not set(moods) <= set(self._columns):
            # A track that another process began with another model, and that ended before its next window.
            logger.warning("%s: a record has other moods than the table, their cells stay empty", record.stream)
            fields = {name: value for name, value in fields.items() if name not in moods}
        self._write(fields)

    def close(self) -> None:
        """Close the file, unless it is standard output."""
        self._output.close()

    def _write(self, fields: dict[str, Any]) -> None:
        row = io.StringIO()
        csv.DictWriter(row, self._columns, lineterminator="\n").writerow(
            {name: _safe(value) if isinstance(value, str) else value for name, value in fields.items()}
        )
        self._output.write(row.getvalue())


def flat(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a record by the names of their columns; moods that are null have none."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": item for key, item in value.items()}
        elif name not in ("mood", "running"):  # null: its columns stay empty
            flat[name] = value
    return flat


def restored(text: str) -> str:
    """Return the text of a cell without the apostrophe that stands in front of what looks like a formula."""
    return text[1:] if text.startswith("'") and text[1:].lstrip().startswith(_FORMULA) else text


def _safe(text: str) -> str:
    text = single_line(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
