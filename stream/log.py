"""Logging for programs: one event a line on standard error, as text or JSON.

configure("info", "json")
logging.getLogger(__name__).warning("the server stalled", extra={"stream": "radio"})

Text: ``2026-01-01T00:00:38.916Z WARNING stream.sources.url: the server stalled stream=radio``.
JSON: ``{"time": ..., "level": "WARNING", "logger": "stream.sources.url", "message": "the server stalled", ...}``.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from stream.sinks.text import escaped

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["text", "json"]

_OURS = ("moodstream", "stream", "model")
_STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}


def configure(level: Level, format: Format, stream: TextIO | None = None) -> None:
    """Send log events of ``level`` and above to a stream; called again, it replaces what it set up before.

    Libraries are heard from ``warning`` on, whatever the level: their debugging is not ours, and may show secrets.

    Args:
        level: the least that is logged of this program.
        format: ``text`` or ``json``.
        stream: where to; None means whatever ``sys.stderr`` is at the time of each event.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(handler)
    handler = _Handler(stream)
    handler.setFormatter(_json() if format == "json" else _Text())
    root.addHandler(handler)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(number, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(number)


class _Handler(logging.Handler):
    """Writes to standard error as it is now: a live screen may have put itself before it since the start."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        stream = self._stream or sys.stderr
        if stream is None:  # standard error was closed before the start
            return
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except OSError:
            return  # standard error is closed or full: there is no place left to say so
        except Exception:  # as logging's own handlers do: a record that cannot be shown stops nothing
            self.handleError(record)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the event on one line safe to show, with the names and values of ``extra`` behind the message."""
        extras = "".join(f" {name}={value}" for name, value in record.__dict__.items() if name not in _STANDARD)
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{extras}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return escaped(line)


class _Json(JsonFormatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the time of the event as the records write it."""
        return _time(record)


def _json() -> logging.Formatter:
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    return _Json("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)


def _time(record: logging.LogRecord) -> str:
    when = datetime.fromtimestamp(record.created, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
