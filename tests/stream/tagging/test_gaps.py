"""Lost sound is flagged, left out, and changes nothing else."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import Model
from stream.tagging.audio import AudioChunk
from stream.tagging.session import Session, SessionOptions
from tests.stream.sound import chunks, estimates, finals, listen, tune


def with_hole(sound: np.ndarray, rate: int, begin: int, end: int) -> list[AudioChunk]:
    return [*chunks(sound[:begin], rate, size=rate), *chunks(sound[end:], rate, size=rate, first=end)]


@settings(max_examples=25)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 44100, 48000]),
    hop=st.sampled_from([20, 94, 187, 250]),
    begin=st.floats(0.01, 11.9),
    length=st.floats(0.0001, 6),
)
def test_a_window_that_no_gap_touches_is_as_if_there_were_none(
    tiny_model: Model, rate: int, hop: int, begin: float, length: float
) -> None:
    sound = tune(12, rate)
    first, last = int(begin * rate), min(int((begin + length) * rate) + 1, len(sound))
    options = SessionOptions(hop_frames=hop)
    whole = {e.window: e for e in estimates(listen(Session("s", tiny_model, options), chunks(sound, rate)))}
    records = listen(Session("s", tiny_model, options), with_hole(sound, rate, first, last))
    got = estimates(records)
    assert [e.window for e in got] == list(range(len(got)))  # in order, none twice, none missing
    for estimate in got:
        touched = estimate.start_s < last / rate and estimate.end_s > first / rate
        if estimate.status == "gap":
            assert estimate.mood is None
            # A window is lost with the gap it touches, or while the front-end meets the grid again: 80 ms and 2 frames.
            assert estimate.end_s > first / rate - 0.02
            assert estimate.start_s < last / rate + 0.15
        else:
            assert not touched
            assert estimate.mood == pytest.approx(whole[estimate.window].mood, abs=1e-5)
    if last < len(sound) and any(e.start_s < last / rate and e.end_s > first / rate for e in whole.values()):
        assert finals(records)[0].status == "gap"


def test_a_gap_in_one_window_takes_that_window_alone(tiny_model: Model) -> None:
    records = listen(Session("s", tiny_model), with_hole(tune(12), 16000, 70_000, 71_000))
    assert [e.status for e in estimates(records)] == ["ok", "gap", "ok", "ok"]
    (final,) = finals(records)
    assert (final.status, final.windows, final.gap_windows) == ("gap", 3, 1)


def test_an_announced_discontinuity_is_a_gap_though_the_count_runs_on(tiny_model: Model) -> None:
    items = list(chunks(tune(9)))
    items[40] = dataclasses.replace(items[40], discontinuity=True)
    assert [e.status for e in estimates(listen(Session("s", tiny_model), items))] == ["ok", "gap", "ok"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_none_are_lost_samples(tiny_model: Model, bad: float) -> None:
    sound = tune(9)
    sound[70_000:70_010] = bad
    records = listen(Session("s", tiny_model), chunks(sound))
    assert [e.status for e in estimates(records)] == ["ok", "gap", "ok"]
    assert ["no numbers" in record.detail for record in records if record.type == "status"] == [True]


def test_clipped_sound_is_sound(tiny_model: Model) -> None:
    sound = np.clip(tune(6, level=5.0), -1, 1)
    assert [e.status for e in estimates(listen(Session("s", tiny_model), chunks(sound)))] == ["ok", "ok"]


def test_nothing_but_bad_samples_ends_with_a_final_and_no_score(tiny_model: Model) -> None:
    records = listen(Session("s", tiny_model), chunks(np.full(100_000, np.nan, np.float32)))
    (final,) = finals(records)
    assert (final.status, final.windows) == ("gap", 0)


def test_samples_heard_already_are_dropped(tiny_model: Model) -> None:
    sound = tune(9)
    items = list(chunks(sound, size=4000))
    doubled = [item for item in items for _ in range(2)]
    overlapping = [
        AudioChunk("s", sound[max(0, at - 500) : at + 4000, None], 16000, max(0, at - 500))
        for at in range(0, len(sound), 4000)
    ]
    expected = finals(listen(Session("s", tiny_model), items))[0].running
    for again in (doubled, overlapping):
        records = listen(Session("s", tiny_model), again)
        assert [e.status for e in estimates(records)] == ["ok"] * 3
        assert finals(records)[0].running == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("jump", [16000 * 3600 * 10, 2**62])
def test_a_very_long_gap_reports_a_bounded_number_of_windows(tiny_model: Model, jump: int) -> None:
    sound = tune(6)
    records = listen(Session("s", tiny_model), [*chunks(sound), *chunks(tune(9), first=len(sound) + jump)])
    statuses = [e.status for e in estimates(records)]
    assert statuses.count("gap") <= 100 + 1  # and the one that had not ended with the gap
    assert statuses[:2] == ["ok", "ok"]
    assert statuses[-1] == "ok"


def test_sound_lost_between_two_tracks_is_the_first_ones_loss(tiny_model: Model) -> None:
    one = [dataclasses.replace(chunk, track="one") for chunk in chunks(tune(4))]
    two = [dataclasses.replace(chunk, track="two") for chunk in chunks(tune(4), first=100_000)]
    assert [final.status for final in finals(listen(Session("s", tiny_model), one + two))] == ["gap", "ok"]


def test_a_gap_in_a_live_song_does_not_end_it(tiny_model: Model) -> None:
    sound = tune(12)
    records = listen(Session("mic", tiny_model, live=True), with_hole(sound, 16000, 60_000, 130_000))
    assert len(finals(records)) == 1
    assert [e.status for e in estimates(records)] == ["ok", "gap", "gap", "ok"]


def test_a_very_long_gap_is_counted_whole(tiny_model: Model) -> None:
    hours = 16000 * 3600 * 8
    (final,) = finals(listen(Session("s", tiny_model), [*chunks(tune(3)), *chunks(tune(9), first=hours)]))
    assert final.gap_windows == hours // 47_872


def test_however_short_the_hop_every_window_of_a_short_gap_is_reported(tiny_model: Model) -> None:
    options = SessionOptions(hop_frames=1)
    records = estimates(listen(Session("s", tiny_model, options), with_hole(tune(9), 16000, 70_000, 70_010)))
    assert [estimate.window for estimate in records] == list(range(len(records)))
    assert [estimate.status for estimate in records].count("gap") >= 187


def test_a_discontinuity_in_the_last_incomplete_window_is_in_the_final(tiny_model: Model) -> None:
    items = list(chunks(tune(4)))
    items[-2] = dataclasses.replace(items[-2], discontinuity=True)
    (final,) = finals(listen(Session("s", tiny_model), items))
    assert (final.status, final.windows, final.gap_windows) == ("gap", 1, 0)
