"""The live page's data: every stream as it is now, and what changed since a page last asked.

    feed = LiveFeed()
    feed.model(model_id); feed.audio(chunk); feed.status(news); feed.emit(record); feed.stream_ended("mic")
    message = feed.since(None, None)            # everything: "snapshot"
    feed.since(message.cursor, None)            # None, or what changed since: "update"
    feed.since(message.cursor, "mic")           # of one stream, with its last minutes

There is no queue for each page. Each change has a number; a page sends the last number it has seen and gets everything
newer, in its present state. So a slow page costs nothing, misses only values that newer ones replaced, and resumes
where it was. Whatever makes records never waits for a page.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
import secrets
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from model.circumplex import QUADRANTS, valence_arousal
from stream.common.text import top, utf8
from stream.tagging.audio import AudioChunk, SourceStatus
from stream.tagging.observer import Observer
from stream.tagging.record import Estimate, Event, Final, ModelId, Moods, Record, Status, dbfs


def place_on_plane(moods: Moods | None) -> tuple[float, float] | None:
    """Return valence and arousal, each from -2 to 2, or None where one of the four moods is not there."""
    if moods is None or any(mood not in moods for mood in QUADRANTS):
        return None
    return valence_arousal(*(moods[mood] for mood in QUADRANTS))


SPAN_SECONDS = 300.0
"""How far back a page looks."""

MAX_POINTS = 150
MAX_NOTES = 30

_POINT_SECONDS = SPAN_SECONDS / MAX_POINTS
_LONGEST_KEY = 120
_LONGEST_TEXT = 240
_LEADING = 3


def name_key(name: str) -> str:
    """Return a stream's key on the page and in its address: its name, shortened if long, and still unique."""
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
        """Return the stream in short. The same object until the stream changes; never changed in place."""
        if self._row is None:
            self._row = self._make_row()
        return self._row

    def detail(self, after: int) -> dict[str, Any]:
        """Return the stream in full, of its points and notes those that came after a change.

        With ``reset``, all points are there, and the page must drop those it has.
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
        if names != self._names or backward:  # another model, or the stream started again
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
    place = place_on_plane(moods)
    return None if place is None else [_thousandths(each) for each in place]


def _leading(moods: Moods | None) -> list[list[Any]]:
    return [[utf8(mood), _thousandths(value)] for mood, value in top(moods or {}, _LEADING)]


def _short(text: str | None) -> str | None:
    if text is None:
        return None
    text = utf8(text)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


_REMEMBERED_GONE = 1000
_CURSOR = re.compile(r"([0-9a-f]{12})-([0-9]{1,18})", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class Cursor:
    """How far a page has read: which process it read from, and the number of the last change."""

    instance: str
    number: int

    def __str__(self) -> str:
        """Return the text that :meth:`parse` reads."""
        return f"{self.instance}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor that a text spells, or None: then the page is sent everything."""
        match = _CURSOR.fullmatch(text)
        return None if match is None else cls(match[1], int(match[2]))


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """What a page is sent: a ``snapshot`` or an ``update``, how far it then has read, and plain JSON values."""

    kind: str
    cursor: Cursor
    data: dict[str, Any]


class LiveFeed(Observer):
    """An observer of the run that keeps what pages show. Safe to use from several threads; bounded."""

    def __init__(self, max_streams: int = 1000) -> None:
        """Begin with nothing; beyond ``max_streams`` the stream that changed longest ago is forgotten."""
        self.closed = False
        """No more will come: open pages are disconnected."""
        self._max_streams = max_streams
        self._instance = secrets.token_hex(6)
        self._lock = threading.Lock()
        self._number = 0
        self._membership = 0  # the change with which a stream came or went
        self._streams: OrderedDict[str, StreamHistory] = OrderedDict()  # the one that changed last at the end
        self._gone: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED_GONE)
        self._model: dict[str, str] | None = None
        self._watched: Counter[str] = Counter()
        self._levels: dict[str, float] = {}

    def model(self, info: ModelId) -> None:
        """Say which model scores."""
        with self._lock:
            self._number += 1
            self._membership = self._number  # every page gets it
            self._model = {"name": utf8(info.name), "version": utf8(info.version)}

    def audio(self, chunk: AudioChunk) -> None:
        """Note that sound came, and how loud it is if somebody looks at this stream."""
        key = name_key(chunk.stream)
        with self._lock:
            stream = self._streams.get(key)
            if stream is None or stream.state != "up":
                self._change(key).change_state("up", self._number)
            watched = key in self._watched
        if watched and chunk.samples.size:
            level = dbfs(float(np.mean(np.square(chunk.samples, dtype=np.float64))))
            with self._lock:
                if key in self._watched:
                    self._levels[key] = level

    def status(self, item: SourceStatus) -> None:
        """Note news of a source: up or down."""
        if item.kind in ("up", "down"):
            with self._lock:
                self._change(name_key(item.stream)).change_state(item.kind, self._number)

    def emit(self, record: Record) -> None:
        """Note a record."""
        with self._lock:
            self._change(name_key(record.stream)).take(record, self._number)

    def stream_ended(self, stream: str) -> None:
        """Note that no more comes of this stream."""
        key = name_key(stream)
        with self._lock:
            if key in self._streams:
                self._change(key).change_state("ended", self._number)

    def realtime_factor(self, factor: float) -> None:
        """Do nothing: the page does not show it."""

    def close(self) -> None:
        """Disconnect the pages, so that the server can stop."""
        self.closed = True

    def since(self, cursor: Cursor | None, stream: str | None) -> Message | None:
        """Return what a page has not seen yet.

        Args:
            cursor: what it saw last; None for nothing. A cursor of another process counts as None.
            stream: key of the stream that it shows in full, or None for the overview.

        Returns:
            The message, or None where there is nothing new.
        """
        with self._lock:
            after = self._after(cursor)
            if after == self._number:
                return None
            now = Cursor(self._instance, self._number)
            data: dict[str, Any] = {"model": self._model, "count": len(self._streams), "forgotten": bool(self._gone)}
            if stream is None:
                data |= {"streams": self._rows(after), "gone": self._gone_since(after)}
            else:
                shown = self._streams.get(stream)
                if after is not None and self._membership <= after and (shown is None or shown.changed <= after):
                    return None
                data["stream"] = None if shown is None else shown.row()
                data["detail"] = None if shown is None else shown.detail(-1 if after is None else after)
        if after is None:
            return Message("snapshot", now, data | {"instance": self._instance, "span": SPAN_SECONDS})
        return Message("update", now, data)

    @contextlib.contextmanager
    def watch(self, stream: str | None) -> Iterator[None]:
        """Measure the level of this stream for as long as this lasts."""
        if stream is None:
            yield
            return
        with self._lock:
            self._watched[stream] += 1
        try:
            yield
        finally:
            with self._lock:
                self._watched[stream] -= 1
                if not self._watched[stream]:
                    del self._watched[stream]
                    self._levels.pop(stream, None)

    def watched(self, stream: str) -> bool:
        """Return whether somebody looks at this stream."""
        with self._lock:
            return stream in self._watched

    def level(self, stream: str | None) -> float | None:
        """Return how loud the last sound of a watched stream was, in dB re full scale, or None if not known."""
        with self._lock:
            return None if stream is None else self._levels.get(stream)

    def _after(self, cursor: Cursor | None) -> int | None:
        """Return the change that a cursor stands at, or None where everything must be sent."""
        if cursor is None or cursor.instance != self._instance or cursor.number > self._number:
            return None
        forgotten = len(self._gone) == _REMEMBERED_GONE and cursor.number < self._gone[0][0]
        return None if forgotten else cursor.number

    def _rows(self, after: int | None) -> list[dict[str, Any]]:
        rows = []
        for stream in reversed(self._streams.values()):
            if after is not None and stream.changed <= after:
                break
            rows.append(stream.row())
        return rows

    def _gone_since(self, after: int | None) -> list[str]:
        return [] if after is None else [key for number, key in self._gone if number > after]

    def _change(self, key: str) -> StreamHistory:
        """Return the stream that changes now, as change number ``_number``."""
        self._number += 1
        stream = self._streams.get(key)
        if stream is None:
            self._membership = self._number
            stream = self._streams[key] = StreamHistory(key, self._number)
            if len(self._streams) > self._max_streams:
                gone, _ = self._streams.popitem(last=False)
                self._gone.append((self._number, gone))
        self._streams.move_to_end(key)
        return stream
