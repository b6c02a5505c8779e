"""Repeated log events: the first at once, then one line a minute that says how many there were."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.common import log
from stream.common.log import Repeats


def event(message: str, *arguments: object, at: float = 0.0, level: int = logging.WARNING, **fields: str):
    record = logging.LogRecord("stream.test", level, __file__, 1, message, arguments, None)
    record.created = at
    record.__dict__.update(fields)
    return record


def said(records: list[logging.LogRecord]) -> list[str]:
    return [record.getMessage() for record in records]


def test_the_first_is_said_at_once_and_the_others_in_one_line_when_a_minute_is_over():
    repeats = Repeats()
    written = [said(repeats.take(event("offset %d is damaged", number, at=float(number)))) for number in range(62)]
    assert written[0] == ["offset 0 is damaged"]
    assert written[1:60] == [[]] * 59
    assert written[60] == ["repeated 59 times in 59 s: offset 59 is damaged", "offset 60 is damaged"]
    assert written[61] == []
    assert said(repeats.rest()) == ["repeated once in 1 s: offset 61 is damaged"]
    assert repeats.rest() == []


def test_another_event_after_a_minute_brings_out_what_was_held_back():
    repeats = Repeats()
    repeats.take(event("it fails", at=0.0))
    repeats.take(event("it fails", at=2.0))
    assert said(repeats.take(event("all is well", at=61.0, level=logging.INFO))) == [
        "repeated once in 2 s: it fails",
        "all is well",
    ]


def test_a_clock_that_is_set_back_by_an_hour_holds_nothing_back_for_it():
    repeats = Repeats()
    for second in range(10):
        repeats.take(event("it fails", at=3600.0 + second))
    assert said(repeats.take(event("it fails", at=0.0))) == ["repeated 9 times in 9 s: it fails", "it fails"]
    assert said(repeats.take(event("it fails", at=1.0))) == []
    assert said(repeats.take(event("it fails", at=60.0))) == ["repeated once in 1 s: it fails", "it fails"]


@pytest.mark.parametrize(
    "other",
    [
        event("%s: not audio", "b.mp3"),
        event("%s: not audio", "a.mp3", level=logging.ERROR),
        event("%s: no audio", "a.mp3"),
        event("%s: not audio", "a.mp3", stream="radio"),
        event("%s: not audio", "a.mp3", stream="mic", track="Two"),
    ],
)
def test_what_differs_in_its_words_is_no_repetition(other: logging.LogRecord):
    repeats = Repeats()
    repeats.take(event("%s: not audio", "a.mp3", stream="mic"))
    assert said(repeats.take(other)) == [other.getMessage()]


def test_nothing_below_a_warning_is_held_back():
    repeats = Repeats()
    for level in (logging.DEBUG, logging.INFO):
        assert [len(repeats.take(event("once more", level=level))) for _ in range(3)] == [1, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 1500), st.floats(0, 30)), max_size=200))
def test_no_event_is_lost_from_the_count(events: list[tuple[int, float]]):
    repeats, now = Repeats(), 0.0
    written: list[str] = []
    for kind, pause in events:
        now += pause
        written += said(repeats.take(event(f"kind {kind}", at=now)))
    written += said(repeats.rest())
    counts: dict[str, int] = {}
    for line in written:
        times, _, message = line.rpartition(": ")
        word = times.split(" ")[1] if times else "once"
        counts[message] = counts.get(message, 0) + (1 if word == "once" else int(word))
    expected: dict[str, int] = {}
    for kind, _ in events:
        expected[f"kind {kind}"] = expected.get(f"kind {kind}", 0) + 1
    assert counts == expected


def test_many_kinds_take_no_more_room_than_few():
    repeats = Repeats()
    for number in range(10_000):
        repeats.take(event(f"kind {number}"))
        repeats.take(event(f"kind {number}"))
    assert len(repeats.rest()) < 1_000


def test_the_log_repeats_itself_rarely_and_says_at_its_end_how_often():
    out = io.StringIO()
    log.configure("info", "json", out)
    for number in range(500):
        logging.getLogger("stream.test").error("record %d failed", number, extra={"stream": "radio"})
    logging.getLogger("stream.test").error("record %d failed", 7, extra={"stream": "other"})
    assert len(out.getvalue().splitlines()) == 2
    log.configure("info", "json", io.StringIO())
    last = json.loads(out.getvalue().splitlines()[-1])
    assert last["message"].startswith("repeated 499 times in ")
    assert (last["level"], last["stream"]) == ("ERROR", "radio")
