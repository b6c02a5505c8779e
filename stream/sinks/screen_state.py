"""What the screen shows: the latest record of each stream, the latest news, the speed.

    state = ScreenState(labels, window_seconds=2.992)
    state.hear("mic", 1.3, -23.1, now)      # 1.3 s of the track so far
    state.take(record, now)
    state.leave("mic")                      # no more comes of it
    state.active()                          # the views of the streams that are playing

Holds a bounded number of streams. No drawing here.
"""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from stream.common.text import clock, plain
from stream.tagging.record import Estimate, Event, Final, Moods, Record, Status

_MOST_STREAMS = 256
_NEWS = 6
_GONE_SECONDS = 60.0
_SETTLED = 0.02
"""A mood passes another in the ranking when it is this much higher: less would make rows change places to and fro."""


@dataclasses.dataclass(slots=True)
class View:
    """A stream as the screen shows it.

    Attributes:
        order: moods, highest first; changes only when a difference is clear.
        heard: seconds of the track so far; stays 0 for a stream from Kafka, which reports nothing between windows.
        level: dBFS.
        began: where the track began, in seconds of the stream.
        position: seconds of the track so far.
        here: more of it may come to this process.
        playing: sound came since the last track ended.
        down: why the source is down, or None.
        since: when it began to play.
        last_seen: when anything last came of it: a record, or sound.
        captured_at: when the last sound of its last window was captured, in seconds since the epoch; None if not
            known.
    """

    name: str
    order: list[str]
    track: str | None = None
    heard: float = 0.0
    level: float | None = None
    began: float = 0.0
    position: float = 0.0
    here: bool = True
    estimate: Estimate | None = None
    final: Final | None = None
    playing: bool = True
    down: str | None = None
    since: float = 0.0
    last_seen: float = 0.0
    captured_at: float | None = None

    @property
    def running(self) -> Moods | None:
        """Return the average of the track, or of the one that just ended."""
        if self.final is not None:
            return self.final.running
        return None if self.estimate is None else self.estimate.running

    @property
    def window(self) -> Moods | None:
        """Return the moods of the last window, if it had any and the track goes on."""
        return None if self.final is not None or self.estimate is None else self.estimate.mood


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """One line of what happened to a stream, and how it should look."""

    stream: str
    when: str
    text: str
    tone: str


class ScreenState:
    """Follows the records and what is heard between them."""

    def __init__(
        self,
        labels: Sequence[str],
        window_seconds: float,
        hop_seconds: float | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin with nothing heard.

        Args:
            labels: the model's moods, in its order.
            window_seconds: sound it takes until the first score.
            hop_seconds: from one window to the next; None where they follow each other.
            wall: returns seconds since the epoch.
        """
        self.labels = list(labels)
        self._wall = wall
        self._hop_seconds = window_seconds if hop_seconds is None else hop_seconds
        self.window_seconds = window_seconds
        self.model = ""
        self.news: deque[News] = deque(maxlen=_NEWS)
        self.tracks = 0
        self.seconds = 0.0
        self.window_ms: float | None = None
        self._views: OrderedDict[str, View] = OrderedDict()
        self._began: float | None = None
        self._now = 0.0

    @property
    def speed(self) -> float | None:
        """Return seconds of sound a second, since the first sound."""
        if self._began is None or self._now - self._began < 1.0 or not self.seconds:
            return None
        return self.seconds / (self._now - self._began)

    def hear(self, stream: str, seconds_heard: float, rms_dbfs: float, now: float) -> None:
        """Note how much of the track was heard so far, and how loud the last of it was."""
        view = self._view(stream, now)
        if view.final is not None and seconds_heard > 0:  # the next track begins
            view.final = view.estimate = view.track = None  # its first window says what it is called
            view.heard = 0.0
            view.began += view.position
        grown = seconds_heard - view.heard
        self.seconds += grown if grown > 0 else 0.0
        view.position = view.heard = seconds_heard
        view.level = rms_dbfs
        view.down = None
        self._play(view, view.final is None)

    def take(self, record: Record, now: float) -> None:
        """Take a record."""
        view = self._view(record.stream, now)
        match record:
            case Estimate():
                self._estimate(view, record)
            case Final():
                view.final, view.track = record, record.track
                self._play(view, False)
                view.began, view.position = record.start_s, record.end_s - record.start_s
                self.tracks += 1
                self._rank(view)
            case Event():
                text = f"{plain(record.mood)} {record.phase}  {record.probability:.2f}"
                self._add_news(view, clock(max(0.0, round(record.at_s - view.began, 3))), text, "event")
            case Status():
                self._status(view, record)

    def leave(self, stream: str) -> bool:
        """Note that this process gets no more of a stream, and return whether a track was playing."""
        view = self._views.get(stream)
        if view is None:
            return False
        view.here, was_playing = False, view.playing
        self._play(view, False)
        return was_playing

    def views(self) -> list[View]:
        """Return all streams, the one heard last at the end."""
        return list(self._views.values())

    def active(self) -> list[View]:
        """Return the streams whose track goes on, the one that began last at the end.

        A stream of which nothing came for a minute while others played is left out. A stream from Kafka stays for a
        moment after a track, because the next one is only known to have begun with its first window.
        """
        views = [view for view in self._views.values() if self._now - view.last_seen < _GONE_SECONDS]
        playing = [view for view in views if view.playing]
        if playing:
            playing += [view for view in views if not (view.playing or view.heard) and self._is_recent(view)]
        return sorted(playing, key=lambda view: (view.since, view.name))

    def age(self, view: View) -> float | None:
        """Return how many seconds ago the sound of a stream's last window was captured, or None if not known."""
        return None if view.captured_at is None else max(0.0, self._wall() - view.captured_at)

    @property
    def time_of_day(self) -> str:
        """Return the local time of day: ``14:03:22``."""
        return time.strftime("%H:%M:%S", time.localtime(self._wall()))

    def _is_recent(self, view: View) -> bool:
        return view.here and view.final is not None and self._now - view.last_seen < 2 * self.window_seconds

    def _estimate(self, view: View, record: Estimate) -> None:
        model = record.model
        self.model = f"{plain(model.name)} {plain(model.version)}"
        only_windows = not view.heard  # a stream from Kafka: nothing is reported between its windows
        if only_windows:
            self.seconds += min(max(0.0, record.end_s - view.began - view.position), self.window_seconds)
        view.estimate, view.final, view.captured_at = record, None, record.captured_at
        self._play(view, True)
        if record.running is not None and record.running.keys() != set(view.order):  # the model's moods changed
            view.order = list(record.running)
            self.labels += [mood for mood in record.running if mood not in self.labels]  # others may still have the old
        view.track = record.track
        view.began = max(0.0, round(record.start_s - record.window * self._hop_seconds, 3))
        view.position = record.end_s - view.began
        if record.rms_dbfs is not None and (view.level is None or only_windows):
            view.level = record.rms_dbfs
        if record.inference_ms is not None:
            cost = record.inference_ms + (record.feature_ms or 0.0)
            self.window_ms = cost if self.window_ms is None else 0.8 * self.window_ms + 0.2 * cost
        self._rank(view)

    def _status(self, view: View, record: Status) -> None:
        lost = f", {record.lost_s:.1f} s lost" if record.lost_s else ""
        detail = plain(record.detail)
        if record.status == "down":
            view.down, view.level = detail, None
        elif record.status == "up":
            view.down = None
        tone = "good" if record.status == "up" else "bad"
        self._add_news(view, clock(view.position), f"source {plain(record.status)}: {detail}{lost}", tone)

    def _add_news(self, view: View, when: str, text: str, tone: str) -> None:
        self.news.append(News(plain(view.name), when, text, tone))

    def _view(self, stream: str, now: float) -> View:
        self._began = now if self._began is None else self._began
        self._now = now
        view = self._views.get(stream)
        if view is None:
            if len(self._views) >= _MOST_STREAMS:
                self._views.popitem(last=False)
            view = self._views[stream] = View(stream, list(self.labels), since=now)
        self._views.move_to_end(stream)
        view.last_seen, view.here = now, True
        return view

    def _play(self, view: View, playing: bool) -> None:
        if playing and not view.playing:
            view.since = self._now
        view.playing = playing

    def _rank(self, view: View) -> None:
        moods = view.running
        if moods is None:
            return
        order = view.order
        for last in range(len(order) - 1, 0, -1):
            for upper in range(last):
                if moods.get(order[upper + 1], 0.0) > moods.get(order[upper], 0.0) + _SETTLED:
                    order[upper], order[upper + 1] = order[upper + 1], order[upper]
