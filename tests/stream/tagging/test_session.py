"""A session: the same records for any cut, windows on the grid, tracks, silence, the end."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.contract import Model, ModelError
from model.mel import melspectrogram
from model.resample import resample
from stream.common.errors import StreamError
from stream.tagging.audio import AudioChunk
from stream.tagging.record import Record
from stream.tagging.session import Session, SessionOptions
from tests.models import LABELS
from tests.stream.sound import chunks, estimates, events, finals, listen, tune


def offline(samples: np.ndarray, samplerate: int, model: Model, hop: int = 187) -> np.ndarray:
    """The windows' probabilities by the offline functions alone, shape (windows, labels)."""
    frames = melspectrogram(resample(samples, samplerate))
    count = len(resample(samples, samplerate)) // 256  # frames of real samples alone
    starts = range(0, count - 186, hop)
    return np.array([model.predict(frames[None, at : at + 187])[0] for at in starts]).reshape(-1, len(LABELS))


def moods(records: list[Record]) -> np.ndarray:
    return np.array([[e.mood[label] for label in LABELS] for e in estimates(records) if e.mood]).reshape(-1, 4)


@settings(max_examples=25)
@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    seconds=st.floats(0, 8),
    hop=st.sampled_from([1, 50, 187, 200]),
    cuts=st.lists(st.floats(0, 1), max_size=8),
)
def test_streaming_equals_offline(tiny_model: Model, rate: int, seconds: float, hop: int, cuts: list[float]) -> None:
    sound = tune(seconds, rate)
    session = Session("s", tiny_model, SessionOptions(hop_frames=hop))
    at = [0, *sorted(int(cut * len(sound)) for cut in cuts), len(sound)]
    pieces = [AudioChunk("s", sound[a:b, None], rate, a) for a, b in itertools.pairwise(at)]
    expected = offline(sound, rate, tiny_model, hop)
    records = listen(session, pieces)
    np.testing.assert_allclose(moods(records), expected, atol=1e-5)
    (final,) = finals(records)
    assert final.windows == len(expected)
    if len(expected):
        np.testing.assert_allclose(list(final.running.values()), expected.mean(axis=0), atol=1e-6)
    else:
        assert final.running is None


def test_single_samples_are_chunks_too(tiny_model: Model) -> None:
    sound = tune(3.1, 8000)
    records = listen(Session("s", tiny_model), chunks(sound, 8000, size=1))
    np.testing.assert_allclose(moods(records), offline(sound, 8000, tiny_model), atol=1e-5)


def test_running_is_the_mean_of_the_windows_so_far(tiny_model: Model) -> None:
    records = estimates(listen(Session("s", tiny_model), chunks(tune(20))))
    assert [record.windows for record in records] == [1, 2, 3, 4, 5, 6]
    values = moods(records)
    for count, record in enumerate(records, start=1):
        np.testing.assert_allclose(list(record.running.values()), values[:count].mean(axis=0), atol=1e-6)


def test_windows_say_where_they_are(tiny_model: Model) -> None:
    records = estimates(listen(Session("s", tiny_model), chunks(tune(10, 44100), 44100)))
    assert [(r.window, r.start_sample, r.start_s, r.end_s) for r in records] == [
        (0, 0, 0.0, 2.992),
        (1, 47_872, 2.992, 5.984),
        (2, 95_744, 5.984, 8.976),
    ]


@pytest.mark.parametrize(("samples", "windows"), [(1, 0), (46_400, 0), (47_871, 0), (47_872, 1), (48_000, 1)])
def test_there_is_no_score_before_187_real_frames(tiny_model: Model, samples: int, windows: int) -> None:
    records = listen(Session("s", tiny_model), chunks(tune(4)[:samples]))
    assert len(estimates(records)) == windows
    (final,) = finals(records)
    assert final.windows == windows
    assert (final.running is None) == (windows == 0)


def test_a_stream_of_nothing_has_no_records(tiny_model: Model) -> None:
    assert Session("s", tiny_model).flush() == []


def test_stereo_is_downmixed_and_a_channel_can_be_chosen(tiny_model: Model) -> None:
    left, right = tune(7, seed=1), tune(7, seed=2)
    both = np.stack([left, right], axis=1)
    mean = moods(listen(Session("s", tiny_model), chunks((left + right) / 2)))
    np.testing.assert_allclose(moods(listen(Session("s", tiny_model), chunks(both))), mean, atol=1e-5)
    chosen = moods(listen(Session("s", tiny_model, SessionOptions(channel=1)), chunks(both)))
    np.testing.assert_allclose(chosen, moods(listen(Session("s", tiny_model), chunks(right))), atol=1e-6)


def test_a_channel_that_is_not_there_is_an_error_with_the_streams_name(tiny_model: Model) -> None:
    with pytest.raises(StreamError, match="song: channel 2 was asked for"):
        Session("song", tiny_model, SessionOptions(channel=1)).feed(next(chunks(tune(1))))


@pytest.mark.parametrize("rate", [4000, 384_000])
def test_a_rate_out_of_range_is_an_error(tiny_model: Model, rate: int) -> None:
    with pytest.raises(StreamError, match="8000 to 192000 Hz"):
        Session("s", tiny_model).feed(next(chunks(tune(1), rate)))


# Tracks


def titled(samples: np.ndarray, title: str, first: int = 0) -> list[AudioChunk]:
    return [dataclasses.replace(chunk, track=title) for chunk in chunks(samples, first=first)]


def test_a_songs_result_does_not_depend_on_what_played_before(tiny_model: Model) -> None:
    one, two = tune(7.3, seed=1), tune(10, seed=2)
    records = listen(Session("s", tiny_model), titled(one, "one") + titled(two, "two", first=len(one)))
    alone = finals(listen(Session("s", tiny_model), chunks(two)))[0]
    first, second = finals(records)
    assert (first.track, second.track) == ("one", "two")
    assert second.running == pytest.approx(alone.running, abs=1e-6)
    assert second.start_sample == len(one)
    begun = [e for e in estimates(records) if e.track == "two"]
    assert [e.window for e in begun] == [0, 1, 2]
    assert begun[0].start_sample == len(one)


def test_the_same_title_twice_is_two_tracks_if_the_source_says_so(tiny_model: Model) -> None:
    one = titled(tune(4), "again")
    two = titled(tune(4), "again", first=64_000)
    two[0] = dataclasses.replace(two[0], starts_track=True)
    assert len(finals(listen(Session("s", tiny_model), one + two))) == 2


@pytest.mark.parametrize("live", [False, True])
def test_an_end_flag_ends_the_track_once_and_what_follows_is_the_next(tiny_model: Model, live: bool) -> None:
    items = list(chunks(tune(4)))
    items[-1] = dataclasses.replace(items[-1], ends_track=True)
    session = Session("s", tiny_model, live=live)
    assert len(finals(listen(session, items))) == 1
    (alone,) = finals(listen(Session("s", tiny_model), chunks(tune(7, seed=5))))
    first, second = finals(listen(session, [*items, *chunks(tune(7, seed=5), first=64_000)]))
    assert (first.windows, second.windows) == (1, 2)
    assert second.running == pytest.approx(alone.running, abs=1e-6)


def test_sound_that_begins_anew_at_zero_is_said_and_dropped(tiny_model: Model) -> None:
    records = listen(Session("s", tiny_model), [*chunks(tune(4)), *chunks(tune(3))])
    assert [record.status for record in records if record.type == "status"] == ["warning"]
    assert finals(records)[0].windows == 1


def test_an_error_at_the_end_is_said_in_the_final(tiny_model: Model) -> None:
    (final,) = finals(listen(Session("s", tiny_model), chunks(tune(4)), error="truncated"))
    assert final.error == "truncated"
    assert final.windows == 1


def test_a_session_that_was_reset_has_forgotten_everything(tiny_model: Model) -> None:
    session = Session("s", tiny_model)
    for chunk in chunks(tune(7, seed=3)):
        session.feed(chunk)
    session.reset()
    sound = tune(7, seed=4)
    again, fresh = (listen(s, chunks(sound)) for s in (session, Session("s", tiny_model)))
    np.testing.assert_array_equal(moods(again), moods(fresh))


# Averages and events


def test_the_exponential_average_follows_the_half_life(tiny_model: Model) -> None:
    options = SessionOptions(average="ema", half_life=2.992)
    records = estimates(listen(Session("s", tiny_model, options), chunks(tune(9))))
    values = moods(records)
    expected = np.average(values, axis=0, weights=[0.25, 0.5, 1.0])
    np.testing.assert_allclose(list(records[-1].running.values()), expected, atol=1e-6)


def test_events_begin_where_a_mood_does_and_end_with_the_track(tiny_model: Model) -> None:
    options = SessionOptions(threshold=0.3, threshold_off=0.2, min_duration=5.0)
    records = listen(Session("s", tiny_model, options), chunks(tune(20)))
    strong = {label for label in LABELS if all(e.mood[label] > 0.3 for e in estimates(records))}
    assert strong
    for label in strong:
        assert [(e.phase, e.at_s) for e in events(records) if e.mood == label] == [("began", 0.0), ("ended", 20.0)]
    last_estimate = max(i for i, record in enumerate(records) if record.type == "estimate")
    assert records[-1].type == "final"
    assert last_estimate < len(records) - 1


def test_emission_knows_when_the_windows_last_sample_was_captured(tiny_model: Model) -> None:
    items = [
        dataclasses.replace(chunk, captured_at=1000.0 + (chunk.first_sample + len(chunk.samples)) / 16000)
        for chunk in chunks(tune(7), size=4000)
    ]
    for record in estimates(listen(Session("s", tiny_model), items)):
        assert record.captured_at == pytest.approx(1000.0 + record.end_s, abs=1e-6)
        assert record.feature_ms > 0


def test_a_gap_has_neither_cost_nor_latency(tiny_model: Model) -> None:
    sound = tune(6)
    late = [dataclasses.replace(chunk, captured_at=5000.0) for chunk in chunks(sound, first=16000 * 3600)]
    records = estimates(listen(Session("mic", tiny_model), [*chunks(sound), *late]))
    gaps = [record for record in records if record.status == "gap"]
    assert gaps
    assert {(record.feature_ms, record.captured_at) for record in gaps} == {(None, None)}


def test_the_level_is_that_of_the_usable_samples(tiny_model: Model) -> None:
    session = Session("s", tiny_model)
    sound = np.full((1600, 2), 0.1, np.float32)
    sound[5] = [np.inf, -np.inf]
    session.feed(AudioChunk("s", sound, 16000, 0))
    assert session.level_dbfs == -20.0


class Broken:
    """A model that cannot answer."""

    def __init__(self, model: Model) -> None:
        self.info = model.info

    def predict(self, windows: np.ndarray) -> np.ndarray:
        raise ModelError("the model tiny gives probabilities that are not finite")


def test_a_model_that_cannot_answer_is_an_error_with_the_streams_name(tiny_model: Model) -> None:
    with pytest.raises(StreamError, match="song: the model tiny gives"):
        Session("song", Broken(tiny_model)).feed(next(chunks(tune(4), size=64_000)))


def test_a_model_that_fails_on_the_last_window_does_not_cost_the_final(tiny_model: Model) -> None:
    session = Session("song", Broken(tiny_model))
    sound = tune(2.9921, 44100)  # the end of its one window is still in the resampler when the sound has come
    assert session.feed(AudioChunk("song", sound[:, None], 44100, 0)) == []
    (final,) = finals(session.flush())
    assert (final.windows, final.error) == (0, "the model tiny gives probabilities that are not finite")
