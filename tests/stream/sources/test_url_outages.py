from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from stream.tagging.audio import AudioChunk
from tests.stream.sources.sounds import (
    chunks_of,
    statuses_of,
)
from tests.stream.sources.stations import kinds, listen, mp3
from tests.stream.sources.web import body, hang_up, in_turn, serving, station, with_titles


def chunks_after(kind: str, times: int = 1) -> Callable[[list], bool]:
    """Some sound was heard after the so-and-so-manyth status of a kind."""
    return lambda items: kinds(items).count(kind) >= times and isinstance(items[-1], AudioChunk)


def test_a_server_that_closes_again_and_again_is_connected_to_again(tmp_path):
    with serving({"/live": station(mp3(tmp_path, 2.0), then=hang_up)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 4))
    assert kinds(items) == ["up", "down", "up", "down", "up", "down", "up"]
    assert "closed the connection" in statuses_of(items)[1].detail
    assert_gaps_are_flagged(items, 3)


def assert_gaps_are_flagged(items: list, count: int) -> None:
    """The index jumps where the source was down, by what it says was lost, and nowhere else."""
    lost = [status.lost_seconds for status in statuses_of(items) if status.kind == "up"][1:]
    jumps = []
    for before, after in itertools.pairwise(chunks_of(items)):
        jump = after.first_sample - before.first_sample - len(before.samples)
        assert after.discontinuity == (jump > 0)
        if jump:
            jumps.append(jump / after.samplerate)
    assert len(jumps) == count
    assert jumps == pytest.approx(lost, abs=1e-4)


def test_a_server_that_stalls_is_connected_to_again(tmp_path):
    with serving({"/live": station(mp3(tmp_path))}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2), timeout=2.0)
    assert kinds(items) == ["up", "down", "up"]
    assert "nothing came for 2 s" in statuses_of(items)[1].detail
    assert_gaps_are_flagged(items, 1)


def test_errors_after_the_first_connection_are_outlived(tmp_path):
    sound = station(mp3(tmp_path), then=hang_up)
    page = body("text/html", b"<html>Back soon</html>")
    with serving({"/live": in_turn(sound, lambda handler: handler.send_error(503), page, hang_up, sound)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2))
    assert kinds(items) == ["up", "down", "up"]


def test_a_title_goes_on_over_an_outage_and_a_new_one_begins_a_track(tmp_path):
    data = mp3(tmp_path)
    first, second = (with_titles(data, 4000, {0: title}) for title in ("One", "Two"))
    stations = [station(sound, 4000, then=hang_up) for sound in (first, first, second)]
    with serving({"/live": in_turn(*stations)}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 3))
    assert [chunk.track for chunk in chunks_of(items) if chunk.starts_track] == ["One", "Two"]


def test_another_rate_after_an_outage_is_converted_to_the_first(tmp_path):
    high, low = mp3(tmp_path), mp3(tmp_path, rate=22050, channels=1)
    with serving({"/live": in_turn(station(high, then=hang_up), station(low))}) as address:
        items = listen(f"{address}/live", until=chunks_after("up", 2))
    assert {(chunk.samplerate, chunk.samples.shape[1]) for chunk in chunks_of(items)} == {(44100, 2)}
