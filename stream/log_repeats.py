"""Holds back log events that say the same again and again.

    repeats = Repeats()
    for record in repeats.take(event): ...      # what is to be written now
    for record in repeats.rest(): ...           # at the end

A warning or an error is written the first time. What says the same within the next minute is counted, and then one
line says so: ``repeated 1199 times in 60 s: partition 3: offset 51234 cannot be read``. Two events say the same if they
come from the same place in the program with the same words, whatever the numbers: names, reasons and streams count as
words. Time is that of the events, so nothing is written while nothing happens; a clock that is set back by more than
the minute ends it, too. Lower levels are never held back.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import OrderedDict
from collections.abc import Hashable

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
