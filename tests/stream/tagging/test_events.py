"""Moods begin and end by two thresholds and a minimum duration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.tagging.events import Change, EventDetector


def run(values: list[float], *, on: float = 0.6, off: float = 0.4, minimum: float = 2.0) -> list[Change]:
    detector = EventDetector(["happy"], on, off, minimum)
    changes = [change for i, value in enumerate(values) for change in detector.feed(np.array([value]), i, i + 1)]
    return changes + detector.flush(len(values))


def phases(changes: list[Change]) -> list[tuple[str, float]]:
    return [(change.phase, change.at_s) for change in changes]


def test_a_mood_begins_where_it_rose_and_ends_where_it_fell() -> None:
    assert phases(run([0.1, 0.7, 0.8, 0.8, 0.1, 0.1, 0.1])) == [("began", 1), ("ended", 4)]


def test_a_short_rise_is_no_beginning() -> None:
    assert run([0.1, 0.9, 0.1, 0.9, 0.1]) == []


def test_a_short_fall_is_no_end() -> None:
    assert phases(run([0.9, 0.9, 0.1, 0.9, 0.1, 0.9])) == [("began", 0), ("ended", 6)]


def test_between_the_thresholds_nothing_begins_and_nothing_ends() -> None:
    assert run([0.5] * 9) == []
    assert phases(run([0.7, 0.7, *[0.5] * 9])) == [("began", 0), ("ended", 11)]


def test_a_rise_may_sink_between_the_thresholds_before_it_is_believed() -> None:
    assert phases(run([0.7, 0.5, 0.5])) == [("began", 0), ("ended", 3)]


def test_no_minimum_duration_believes_a_single_window() -> None:
    assert phases(run([0.7, 0.1], minimum=0)) == [("began", 0), ("ended", 1)]


def test_in_silence_a_mood_ends_and_none_begins() -> None:
    detector = EventDetector(["happy"], 0.0, 0.0, 2.0)
    assert detector.feed(None, 0, 3) == []
    began = detector.feed(np.array([0.1]), 3, 6)
    ended = detector.feed(None, 6, 9)
    assert phases(began + ended) == [("began", 3), ("ended", 6)]


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 5))
def test_beginnings_and_ends_alternate_in_time(values: list[float], minimum: float) -> None:
    changes = run(values, minimum=minimum)
    assert [change.phase for change in changes] == ["began", "ended"] * (len(changes) // 2)
    times = [change.at_s for change in changes]
    assert times == sorted(times)
    lasted = [end - begin for begin, end in zip(times[::2], times[1::2], strict=True)]
    assert all(seconds >= min(minimum, 1.0) for seconds in lasted)


@pytest.mark.parametrize(("on", "off"), [(0.4, 0.6), (1.1, 0.5), (0.5, -0.1)])
def test_thresholds_out_of_order_are_refused(on: float, off: float) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        EventDetector(["happy"], on, off, 1.0)
