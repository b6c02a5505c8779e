"""JSON lines: every record as one line of JSON, flushed as it comes.

sink = JsonLinesSink(sys.stdout)            # or JsonLinesSink(open_output("result.jsonl"))
sink.emit(record)
"""

from __future__ import annotations

import json
from typing import TextIO

from stream.common.output import LineWriter
from stream.common.stop import Stop
from stream.common.text import utf8
from stream.tagging.record import Record


def to_line(record: Record) -> str:
    """Return the record as JSON on one line, without the line feed.

    Pure ASCII, so it survives any locale, and a name with escape sequences cannot reach a terminal.

    Raises:
        ValueError: a number in the record is not finite.
    """
    fields = {key: utf8(value) if isinstance(value, str) else value for key, value in record.to_json().items()}
    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


class JsonLinesSink:
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
