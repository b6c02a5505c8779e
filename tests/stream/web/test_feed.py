"""What the live page is told: whoever follows the changes sees what one sees who looks anew."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.tagging.audio import AudioChunk, SourceStatus
from stream.tagging.record import ModelId
from stream.web.feed import MAX_NOTES, MAX_POINTS, SPAN_SECONDS, Cursor, LiveFeed, name_key, place_on_plane
from tests.stream.sinks import records

FOUR = {"happy": 0.7, "angry": 0.1, "sad": 0.2, "calm": 0.4}
STREAMS = "aaaabcde"  # of one more than of the others: it is the one that is shown in full


def chunk(stream: str = "mic", value: float = 0.1) -> AudioChunk:
    return AudioChunk(stream, np.full((160, 1), value, np.float32), 16_000, 0)


class Page:
    """What a page knows after the messages it was sent."""

    def __init__(self, stream: str | None) -> None:
        self.stream = stream
        self.cursor: Cursor | None = None
        self.rows: dict[str, Any] = {}
        self.detail: dict[str, Any] | None = None
        self.head: dict[str, Any] = {}

    def read(self, feed: LiveFeed) -> None:
        message = feed.since(self.cursor, self.stream)
        if message is None:
            return
        json.dumps(message.data, allow_nan=False)
        self.cursor, data = message.cursor, message.data
        self.head = {"model": data["model"], "count": data["count"]}
        if self.stream is not None:
            self._read_one(data)
            return
        self.rows = {} if message.kind == "snapshot" else self.rows
        for key in data["gone"]:
            self.rows.pop(key, None)
        self.rows |= {row["key"]: row for row in data["streams"]}

    def _read_one(self, data: dict[str, Any]) -> None:
        new, old = data["detail"], self.detail
        self.rows = {"shown": data["stream"]}
        if new is not None and old is not None and not new["reset"]:
            points, notes = old["points"] + new["points"], old["notes"] + new["notes"]
            new = new | {"points": points[-MAX_POINTS:], "notes": notes[-MAX_NOTES:]}
        self.detail = new and new | {"reset": None}


@st.composite
def happenings(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    stream = st.sampled_from(STREAMS)
    window = st.integers(0, 6)
    return draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("estimate"), stream, window, st.sampled_from(["song", "other", None])),
                st.tuples(st.just("event"), stream),
                st.tuples(st.just("final"), stream),
                st.tuples(st.just("down"), stream),
                st.tuples(st.just("audio"), stream),
                st.tuples(st.just("ended"), stream),
                st.tuples(st.just("labels"), stream),
                st.tuples(st.just("model"), st.sampled_from(["1", "2"])),
                *[st.tuples(st.just("read"), st.integers(0, 1))] * 4,
            ),
            max_size=60,
        )
    )


def happen(feed: LiveFeed, what: tuple[Any, ...]) -> None:
    match what:
        case ("estimate", stream, window, track):
            end = 3.0 * (window + 1)
            feed.emit(records.estimate(stream=stream, window=window, track=track, start_s=end - 3, end_s=end))
        case ("labels", stream):
            feed.emit(records.estimate(stream=stream, mood=FOUR, running=FOUR))
        case ("event", stream):
            feed.emit(records.event(stream=stream))
        case ("final", stream):
            feed.emit(records.final(stream=stream, track="song"))
        case ("down", stream):
            feed.status(SourceStatus(stream, "down", "unplugged"))
        case ("audio", stream):
            feed.audio(chunk(stream))
        case ("ended", stream):
            feed.stream_ended(stream)
        case ("model", version):
            feed.model(ModelId("m", version, "x"))


@settings(max_examples=200)
@given(happenings())
def test_who_follows_the_changes_sees_what_one_sees_who_looks_anew(all_that_happens: list[tuple[Any, ...]]) -> None:
    feed = LiveFeed(max_streams=3)
    pages = [Page(None), Page("a")]
    for what in all_that_happens:
        if what[0] == "read":
            pages[what[1]].read(feed)
        else:
            happen(feed, what)
    for page in pages:
        page.read(feed)
        anew = Page(page.stream)
        anew.read(feed)
        assert (page.rows, page.detail, page.head) == (anew.rows, anew.detail, anew.head)
        assert feed.since(page.cursor, page.stream) is None


def test_a_stream_in_short_and_in_full() -> None:
    feed = LiveFeed()
    feed.model(records.MODEL)
    feed.emit(records.estimate(window=0, track="song", mood=FOUR, running=FOUR))
    feed.emit(records.event(mood="happy"))
    overview, full = feed.since(None, None), feed.since(None, "mic")
    assert overview is not None and full is not None
    assert overview.data["streams"] == [
        {
            "key": "mic",
            "state": "up",
            "track": "song",
            "status": "ok",
            "level": -23.1,
            "top": [["happy", 700], ["calm", 400], ["sad", 200]],
            "plane": [800, 200],
        }
    ]
    detail = full.data["detail"]
    assert detail["labels"] == list(FOUR)
    assert (detail["running"], detail["window"]) == ([700, 100, 200, 400],) * 2
    assert detail["points"] == [[38.896, "ok", -23.1, [700, 100, 200, 400], [800, 200]]]
    assert [note["kind"] for note in detail["notes"]] == ["track", "began"]


def test_windows_that_follow_fast_still_reach_back_as_far() -> None:
    feed = LiveFeed()
    for window in range(2000):
        feed.emit(records.estimate(window=window, end_s=3 + window / 2))
    message = feed.since(None, "mic")
    assert message is not None
    ends = [point[0] for point in message.data["detail"]["points"]]
    assert len(ends) <= MAX_POINTS
    assert ends[-1] - ends[0] >= SPAN_SECONDS - 5


@pytest.mark.parametrize("text", ["", "x", "abcdefabcdef-", "-1", "abcdefabcdef-99999999999999999999", "١-١", "\n"])
def test_a_cursor_that_is_none_is_sent_everything(text: str) -> None:
    feed = LiveFeed()
    feed.emit(records.estimate())
    message = feed.since(Cursor.parse(text), None)
    assert message is not None and message.kind == "snapshot"


def test_a_cursor_of_another_process_or_of_the_future_is_sent_everything() -> None:
    one, other = LiveFeed(), LiveFeed()
    for feed in (one, other):
        feed.emit(records.estimate())
    message = one.since(None, None)
    assert message is not None
    for feed, cursor in ((other, message.cursor), (one, Cursor(message.cursor.instance, 999))):
        again = feed.since(cursor, None)
        assert again is not None and again.kind == "snapshot"


def test_who_was_away_while_many_streams_went_is_sent_everything() -> None:
    feed = LiveFeed(max_streams=5)
    feed.emit(records.estimate())
    message = feed.since(None, None)
    assert message is not None
    for number in range(3000):
        feed.emit(records.estimate(stream=str(number)))
    again = feed.since(message.cursor, None)
    assert again is not None and again.kind == "snapshot"
    assert [row["key"] for row in again.data["streams"]] == ["2999", "2998", "2997", "2996", "2995"]


@pytest.mark.parametrize("name", [*records.HOSTILE, "x" * 5000, "<img src=x onerror=alert(1)>"])
def test_any_name_has_a_key_that_is_bounded_and_its_own(name: str) -> None:
    key = name_key(name)
    assert len(key) <= 120
    assert name_key(key) == key
    assert name_key(name + "x" * 200) != name_key(name + "y" * 200)
    feed = LiveFeed()
    feed.emit(records.estimate(stream=name, track=name * 100))
    feed.emit(records.status(stream=name, detail=name * 100))
    message = feed.since(None, key)
    assert message is not None
    assert len(json.dumps(message.data, ensure_ascii=False).encode()) < 4000


def test_the_level_is_measured_where_somebody_looks() -> None:
    feed = LiveFeed()
    feed.audio(chunk())
    assert feed.level("mic") is None
    with feed.watch("mic"), feed.watch("mic"):
        feed.audio(chunk(value=0.1))
        assert feed.level("mic") == -20.0
        feed.audio(chunk(value=0.0))
        assert feed.level("mic") == -120.0
    assert feed.level("mic") is None


def test_a_thousand_streams_take_bounded_memory_and_messages() -> None:
    feed = LiveFeed()

    def windows(first: int, count: int) -> None:
        moods = {f"mood {number}": 0.123 * number for number in range(9)}
        for window in range(first, first + count):
            for stream in range(1000):
                feed.emit(
                    records.estimate(stream=f"s{stream}", window=window, end_s=3.0 * window, mood=moods, running=moods)
                )

    start = resident()
    windows(1, MAX_POINTS)
    full = resident()
    windows(MAX_POINTS + 1, 20)
    for number in range(500):
        feed.emit(records.estimate(stream=f"more {number}"))
    assert full - start < 80e6
    assert resident() - full < 10e6
    message = feed.since(None, None)
    assert message is not None
    assert len(message.data["streams"]) == 1000
    assert len(json.dumps(message.data)) < 250_000


def resident() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc/self/statm on this system")
    return int(statm.read_text().split()[1]) * 4096


def test_many_threads_at_once() -> None:
    feed = LiveFeed(max_streams=10)
    page = Page(None)

    def work(name: str) -> None:
        for window in range(300):
            feed.audio(chunk(f"{name}{window % 5}"))
            feed.emit(records.estimate(stream=f"{name}{window % 5}", window=window))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        page.read(feed)
    page.read(feed)
    anew = Page(None)
    anew.read(feed)
    assert page.rows == anew.rows
    assert len(page.rows) == 10


@given(st.fixed_dictionaries({mood: st.floats(0, 1) for mood in FOUR}))
def test_the_plane_is_that_of_the_four_moods(moods: dict[str, float]) -> None:
    place = place_on_plane(moods | {"tense": 1.0})
    assert place is not None
    assert sum(place) == pytest.approx(2 * (moods["happy"] - moods["sad"]))
    assert place[0] - place[1] == pytest.approx(2 * (moods["calm"] - moods["angry"]))
    assert place_on_plane({key: value for key, value in moods.items() if key != "calm"}) is None
    assert place_on_plane(None) is None
