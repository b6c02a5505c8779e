"""Text that is safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.common.text import clock, escaped, plain, single_line, top
from stream.sinks.lines import basis
from stream.tagging.record import Final, ModelId
from tests.stream.sinks import records


@given(st.text(st.characters()))
def test_plain_text_is_one_printable_line_of_valid_unicode(text: str):
    shown = plain(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert plain(shown) == shown


@pytest.mark.parametrize("text", ["Björk – Jóga", "日本語", "[tag] & <b>", "naïve 🎵"])
def test_an_honest_name_is_left_as_it_is(text: str):
    assert plain(text) == text


@given(st.text(st.characters()))
def test_escaped_text_prints_and_says_the_same(text: str):
    shown = escaped(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text


def test_escapes_are_those_of_python():
    assert escaped("a\x1b[31m\r\nb\u202e\udcff  ö") == r"a\x1b[31m\r\nb\u202e\udcff  ö"


@given(st.text(st.characters()))
def test_a_single_line_differs_only_where_it_must(text: str):
    shown = single_line(text)
    assert len(shown.splitlines()) <= 1
    assert len(shown) == len(text)
    shown.encode("utf-8")


def test_what_the_numbers_of_a_track_rest_on():
    assert basis(records.final()) == "13 windows, 1 with a gap, 00:41.9"
    assert basis(records.final(windows=1, silent_windows=2, gap_windows=0)) == "1 window, 2 silent, 00:41.9"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "00:00.0"), (35.904, "00:35.9"), (59.99, "00:59.9"), (95.04, "01:35.0"), (3723.4, "1:02:03.4")],
)
def test_clock(seconds: float, shown: str):
    assert clock(seconds) == shown


def test_top_is_highest_first_and_keeps_the_models_order_among_equals():
    assert top({"a": 0.1, "b": 0.5, "c": 0.5}, 2) == [("b", 0.5), ("c", 0.5)]
    assert [name for name, _ in top({"a": 0.1, "b": 0.5})] == ["b", "a"]


def test_a_track_shorter_than_a_window_says_so() -> None:
    model = ModelId("m", "1", "0")
    final = Final("s", None, 0, 0.0, 2.9, "ok", None, None, 0, 0, 0, model)
    assert basis(final) == "shorter than a window, 2.9 s"
