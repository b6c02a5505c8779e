"""What the live page is told: the streams as they are, and what changed since a page was told last.

    feed = LiveFeed()
    feed.model(model_id); feed.audio(chunk); feed.status(news); feed.emit(record); feed.stream_ended("mic")
    message = feed.since(None, None)            # everything: "snapshot"
    feed.since(message.cursor, None)            # None, or what changed since: "update"
    feed.since(message.cursor, "mic")           # of one stream, with its last minutes

There is no queue for a page: each change has a number, a page knows the number it has seen, and is sent what is newer,
from what is there now. So a page that reads slowly costs nothing, misses only what was overtaken, and resumes where it
was; and nobody who makes records ever waits for one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import secrets
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from stream.common.text import utf8
from stream.tagging.audio import AudioChunk, SourceStatus
from stream.tagging.record import ModelId, Record, dbfs
from stream.web.history import SPAN_SECONDS, StreamHistory, name_key

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


class LiveFeed:
    """Takes what the engine tells its observers. Safe to use from several threads; bounded."""

    def __init__(self, max_streams: int = 1000) -> None:
        """Begin with nothing; beyond ``max_streams`` the stream that changed longest ago is forgotten."""
        self.closed = False
        """No more will come: pages are to be let go."""
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
            self._membership = self._number  # every page is told
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
        """Let the pages go, so that the server can stop."""
        self.closed = True

    def since(self, cursor: Cursor | None, stream: str | None) -> Message | None:
        """Return what a page has not seen yet.

        Args:
            cursor: what it saw last; None for nothing, and one of another process is as good as none.
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
        """Have the level of this stream measured meanwhile."""
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
