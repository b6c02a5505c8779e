"""Logging for programs: one event a line on standard error, as text or JSON.

configure("info", "json")
logging.getLogger(__name__).warning("the server stalled", extra={"stream": "radio"})

Text: ``2026-01-01T00:00:38.916Z WARNING stream.sources.radio: the server stalled stream=radio``.
JSON: ``{"time": ..., "level": "WARNING", "logger": "stream.sources.radio", "message": "the server stalled", ...}``.

An event about a stream names it in its field ``stream``, and the track that plays, if any, in ``track``; text has them
only if the message does not. A warning that repeats is written once a minute (`Repeats`). Users, passwords and queries
in addresses are replaced by ``***``, whichever library logs them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
import sys
from collections import OrderedDict
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from stream.common.text import escaped, masked, rfc3339

_PERIOD_SECONDS = 60.0
_MOST_KINDS = 500
_FIELDS = ("stream", "track")


@dataclasses.dataclass(slots=True)
class _Kind:
    since: float
    held: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Knows what was said within the last minute; not safe to use from several threads."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()  # the one that began first at the front

    def take(self, record: logging.LogRecord) -> list[logging.LogRecord]:
        """Return the records that are to be written now, in their order: what was held back long enough, and this."""
        due: list[logging.LogRecord] = []
        while self._kinds and abs(record.created - next(iter(self._kinds.values())).since) >= _PERIOD_SECONDS:
            due += self._end_first()
        if record.levelno < logging.WARNING:
            return [*due, record]
        key = _key(record)
        if kind := self._kinds.get(key):
            kind.held, kind.last = kind.held + 1, record
            return due
        if len(self._kinds) >= _MOST_KINDS:
            due += self._end_first()
        self._kinds[key] = _Kind(record.created)
        return [*due, record]

    def rest(self) -> list[logging.LogRecord]:
        """Return what is still held back, and forget all."""
        held = []
        while self._kinds:
            held += self._end_first()
        return held

    def _end_first(self) -> list[logging.LogRecord]:
        """Forget the kind that began first, and return the line that says how often it came again, if it did."""
        _, kind = self._kinds.popitem(last=False)
        if kind.last is None:
            return []
        times = "once" if kind.held == 1 else f"{kind.held} times"
        message = f"repeated {times} in {max(1.0, kind.last.created - kind.since):.0f} s: {kind.last.getMessage()}"
        fields = kind.last.__dict__ | {"msg": message, "args": (), "exc_info": None, "exc_text": None}
        return [logging.makeLogRecord(fields)]


def _key(record: logging.LogRecord) -> Hashable:
    arguments = record.args if isinstance(record.args, tuple) else ()
    words = tuple(str(one) for one in arguments if not isinstance(one, int | float))
    fields = tuple(str(record.__dict__.get(name)) for name in _FIELDS)
    return record.name, record.levelno, str(record.msg), words, fields


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
        handler.close()
    handler = _Handler(stream)
    handler.setFormatter(_json() if format == "json" else _Text())
    root.addHandler(handler)
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(number, logging.WARNING))
    for name in _OURS:
        logging.getLogger(name).setLevel(number)


def writes_json() -> bool:
    """Return whether log events go out as JSON, and what else is said should."""
    handlers = logging.getLogger().handlers
    return any(isinstance(each, _Handler) and isinstance(each.formatter, _Json) for each in handlers)


class _Handler(logging.Handler):
    """Writes to standard error as it is now: a live screen may have put itself before it since the start."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for each in self._repeats.take(record):
                self._write(each)
        except OSError:
            return  # standard error is closed or full: there is no place left to say so
        except Exception:  # as logging's own handlers do: a record that cannot be shown stops nothing
            self.handleError(record)

    def close(self) -> None:
        """Write what is held back; at the end of the program, too, where logging closes its handlers."""
        with (
            self.lock or contextlib.nullcontext(),
            contextlib.suppress(OSError, ValueError),
        ):  # ValueError: it is closed
            for each in self._repeats.rest():
                self._write(each)
        super().close()

    def _write(self, record: logging.LogRecord) -> None:
        stream = self._stream or sys.stderr
        if stream is None:  # standard error was closed before the start
            return
        stream.write(self.format(record) + "\n")
        stream.flush()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the event on one line safe to show, with the names and values of ``extra`` behind the message.

        What the message says already (``mic: source down``) is not said twice.
        """
        message = record.getMessage()
        extras = "".join(
            f" {name}={value}"
            for name, value in record.__dict__.items()
            if name not in _STANDARD and value is not None and not _says(message, str(value))
        )
        line = f"{_time(record)} {record.levelname} {record.name}: {message}{extras}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return escaped(masked(line))


def _says(message: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", message) is not None


class _Json(JsonFormatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the time of the event as the records write it."""
        return _time(record)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Leave out the fields of an event that it has no value for, and what is secret in the others."""
        return {
            name: masked(value) if isinstance(value, str) else value
            for name, value in log_data.items()
            if value is not None
        }


def _json() -> logging.Formatter:
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    return _Json("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names)


def _time(record: logging.LogRecord) -> str:
    return rfc3339(datetime.fromtimestamp(record.created, UTC))
