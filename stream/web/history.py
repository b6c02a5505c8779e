"""The last minutes of one stream, as the live page shows them.

    history = StreamHistory(name_key("kitchen"))
    history.take(record, number)                # number: of this change, from the feed
    history.row()                               # one line of the overview
    history.detail(after=17)                    # what changed since change 17, points and notes

Numbers are whole: probabilities, valence and arousal in thousandths.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from typing import Any

from stream.common.text import top, utf8
from stream.tagging.record import Estimate, Event, Final, Moods, Record, Status
from stream.web.plane import valence_arousal

SPAN_SECONDS = 300.0
"""How far back a page looks."""

MAX_POINTS = 150
MAX_NOTES = 30

_POINT_SECONDS = SPAN_SECONDS / MAX_POINTS
_LONGEST_KEY = 120
_LONGEST_TEXT = 240
_LEADING = 3


def name_key(name: str) -> str:
    """Return what a stream is called on the page and in its address: its name, a long one cut, but never two alike."""
    name = utf8(name)
    if len(name) <= _LONGEST_KEY:
        return name
    return f"{name[: _LONGEST_KEY - 13]}…{hashlib.sha256(name.encode()).hexdigest()[:12]}"


class StreamHistory:
    """What is shown of one stream; bounded. Not safe to use from several threads.

    A point is a window. Windows that follow each other faster than two seconds leave out some, so that the points
    always reach back as far.
    """

    def __init__(self, key: str, number: int) -> None:
        """Begin with nothing; ``number`` is that of the change that made it."""
        self.key = key
        self.changed = number
        self._anew = number  # the change with which the points began
        self._state = "up"
        self._track: str | None = None
        self._names: tuple[str, ...] = ()
        self._labels: list[str] = []  # the names as JSON can hold them
        self._last: Estimate | None = None
        # A point is kept as JSON: a third of the memory that its numbers would take as objects.
        self._points: deque[tuple[int, str]] = deque(maxlen=MAX_POINTS)
        self._point_end: float | None = None
        self._notes: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MAX_NOTES)
        self._row: dict[str, Any] | None = None  # made when somebody looks

    @property
    def state(self) -> str:
        """Return ``up``, ``down`` or ``ended``."""
        return self._state

    def change_state(self, state: str, number: int) -> None:
        """Note that the source went ``up`` or ``down``, or that the stream ``ended``."""
        self._state = state
        self._touch(number)

    def take(self, record: Record, number: int) -> None:
        """Note a record."""
        match record:
            case Estimate():
                self._estimate(record, number)
            case Event():
                news = {"kind": record.phase, "mood": record.mood, "p": _thousandths(record.probability)}
                self._note(number, news | {"at": record.at_s, "time": record.time})
            case Status():
                news = {"kind": record.status, "text": _short(record.detail)}
                self._note(number, news | {"at": self._heard_s(), "time": record.time})
            case Final():
                leading = _leading(record.running)
                news = {"kind": "final", "track": _short(record.track), "top": leading, "text": _short(record.error)}
                self._note(number, news | {"at": record.end_s, "time": record.time})
        self._touch(number)

    def row(self) -> dict[str, Any]:
        """Return the stream in short; the same object until it changes, and never changed itself."""
        if self._row is None:
            self._row = self._make_row()
        return self._row

    def detail(self, after: int) -> dict[str, Any]:
        """Return the stream in full, of its points and notes those that came after a change.

        ``reset`` says that all points are there, and those known before are no longer true.
        """
        reset = after < self._anew
        after = -1 if reset else after
        last = self._last
        return {
            "labels": self._labels,
            "running": None if last is None else _whole(last.running),
            "window": None if last is None else _whole(last.mood),
            "windows": 0 if last is None else last.windows,
            "end": self._heard_s(),
            "reset": reset,
            "points": [json.loads(text) for number, text in self._points if number > after],
            "notes": [note for number, note in self._notes if number > after],
        }

    def _estimate(self, record: Estimate, number: int) -> None:
        moods = record.mood or record.running
        names = self._names if moods is None else tuple(moods)
        backward = self._last is not None and record.end_s < self._last.end_s
        if names != self._names or backward:  # another model, or the stream began anew
            self._names, self._labels = names, [utf8(name) for name in names]
            self._points.clear()
            self._point_end = None
            self._anew = number
        track = _short(record.track)
        began = record.window == 0 or track != self._track
        self._track, self._last = track, record
        if began:
            self._note(number, {"kind": "track", "track": track, "at": record.start_s, "time": record.time})
        if began or self._point_end is None or record.end_s >= self._point_end + _POINT_SECONDS:
            self._point_end = record.end_s
            level = None if record.rms_dbfs is None else round(record.rms_dbfs, 1)
            point = [record.end_s, record.status, level, _whole(record.mood), _plane(record.mood)]
            self._points.append((number, json.dumps(point, separators=(",", ":"))))

    def _heard_s(self) -> float:
        return 0.0 if self._last is None else self._last.end_s

    def _note(self, number: int, news: dict[str, Any]) -> None:
        self._notes.append((number, {"id": number, **news}))

    def _touch(self, number: int) -> None:
        self.changed = number
        self._row = None

    def _make_row(self) -> dict[str, Any]:
        last = self._last
        return {
            "key": self.key,
            "state": self._state,
            "track": self._track,
            "status": None if last is None else last.status,
            "level": None if last is None else last.rms_dbfs,
            "top": _leading(None if last is None else last.running),
            "plane": _plane(None if last is None else last.running),
        }


def _thousandths(value: float) -> int:
    return round(1000 * value)


def _whole(moods: Moods | None) -> list[int] | None:
    return None if moods is None else [_thousandths(value) for value in moods.values()]


def _plane(moods: Moods | None) -> list[int] | None:
    place = valence_arousal(moods)
    return None if place is None else [_thousandths(each) for each in place]


def _leading(moods: Moods | None) -> list[list[Any]]:
    return [[utf8(mood), _thousandths(value)] for mood, value in top(moods or {}, _LEADING)]


def _short(text: str | None) -> str | None:
    if text is None:
        return None
    text = utf8(text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
