"""Silence: what is silent has no mood, and on a live source it parts songs."""

from __future__ import annotations

import numpy as np
import pytest

from model.contract import Model
from stream.tagging.session import Session, SessionOptions
from tests.models import LABELS
from tests.stream.sound import chunks, estimates, events, finals, listen, tune


def test_silent_windows_have_no_mood_and_stay_out_of_the_mean(tiny_model: Model) -> None:
    sound = np.concatenate([tune(2.992), np.zeros(47_872, np.float32), tune(2.992, seed=1)])
    records = listen(Session("s", tiny_model), chunks(sound))
    one, silent, three = estimates(records)
    assert (silent.status, silent.mood, silent.rms_dbfs, silent.windows) == ("silence", None, -120.0, 1)
    assert silent.running == one.running
    assert (three.status, three.windows) == ("ok", 2)
    assert finals(records)[0].silent_windows == 1


def test_silence_is_what_is_below_min_rms(tiny_model: Model) -> None:
    sound = tune(3, level=0.01)
    (estimate,) = estimates(listen(Session("s", tiny_model), chunks(sound)))
    level = 10 * np.log10(np.mean(sound[:47_872].astype(float) ** 2))
    assert estimate.rms_dbfs == pytest.approx(level, abs=0.01)
    for margin, status in ((-0.1, "ok"), (0.1, "silence")):
        options = SessionOptions(min_rms_dbfs=level + margin)
        assert estimates(listen(Session("s", tiny_model, options), chunks(sound)))[0].status == status


def test_a_silent_file_ends_with_a_final_that_says_so(tiny_model: Model) -> None:
    (final,) = finals(listen(Session("s", tiny_model), chunks(np.zeros(160_000, np.float32))))
    assert (final.status, final.windows, final.running) == ("silence", 0, None)


def songs_on_air() -> tuple[np.ndarray, list[np.ndarray]]:
    songs = [tune(10, seed=1), tune(13, seed=2)]
    quiet = np.zeros(16000 * 5, np.float32)
    return np.concatenate([quiet, songs[0], quiet, songs[1]]), songs


@pytest.mark.parametrize("size", [160, 1024, 16000, 10**7])
def test_on_a_live_source_silence_parts_songs_and_each_has_its_own_mean(tiny_model: Model, size: int) -> None:
    air, songs = songs_on_air()
    records = listen(Session("mic", tiny_model, live=True), chunks(air, size=size))
    got = finals(records)
    assert len(got) == 2
    for final, song in zip(got, songs, strict=True):
        # The silence that ended the song was heard before it was known to end it.
        heard = np.concatenate([song, np.zeros(16000 * 3, np.float32)])[: round((final.end_s - final.start_s) * 16000)]
        (alone,) = finals(listen(Session("s", tiny_model), chunks(heard)))
        assert final.windows == alone.windows
        assert final.running == pytest.approx(alone.running, abs=1e-6)
    assert [final.start_s for final in got] == [5.0, 20.0]


def test_a_songs_final_comes_when_the_silence_has_lasted_not_when_the_next_begins(tiny_model: Model) -> None:
    session = Session("mic", tiny_model, live=True)
    heard = [record for chunk in chunks(tune(4)) for record in session.feed(chunk)]
    assert not finals(heard)
    quiet = list(chunks(np.zeros(16000 * 4, np.float32), first=64_000))
    when = [index for index, chunk in enumerate(quiet) if finals(session.feed(chunk))]
    assert when == [29]  # the chunk of 0.1 s that completes 3 s


def test_waiting_for_the_next_song_is_shown_as_silence_without_a_running_mood(tiny_model: Model) -> None:
    sound = np.concatenate([tune(4), np.zeros(16000 * 12, np.float32)])
    records = listen(Session("mic", tiny_model, live=True), chunks(sound))
    assert len(finals(records)) == 1
    after = estimates(records[records.index(finals(records)[0]) + 1 :])
    assert after
    assert all((e.status, e.mood, e.running, e.windows) == ("silence", None, None, 0) for e in after)


def test_a_pause_shorter_than_asked_for_ends_nothing(tiny_model: Model) -> None:
    sound = np.concatenate([tune(4), np.zeros(16000 * 4, np.float32), tune(4)])
    options = SessionOptions(reset_after_silence=4.5)
    assert len(finals(listen(Session("mic", tiny_model, options, live=True), chunks(sound)))) == 1
    never = SessionOptions(reset_after_silence=0)
    assert len(finals(listen(Session("mic", tiny_model, never, live=True), chunks(songs_on_air()[0])))) == 1


def test_digital_silence_is_silence_at_any_threshold(tiny_model: Model) -> None:
    options = SessionOptions(min_rms_dbfs=-120.0)
    records = listen(Session("s", tiny_model, options), chunks(np.zeros(48_000, np.float32)))
    assert [estimate.status for estimate in estimates(records)] == ["silence"]


def test_files_are_never_parted_by_silence(tiny_model: Model) -> None:
    assert len(finals(listen(Session("file", tiny_model), chunks(songs_on_air()[0])))) == 1


def test_no_mood_begins_after_the_song_has_ended(tiny_model: Model) -> None:
    options = SessionOptions(threshold=0.0, threshold_off=0.0, min_duration=0.0)
    records = listen(Session("mic", tiny_model, options, live=True), chunks(songs_on_air()[0]))
    phases = [record.phase for record in events(records)]
    assert phases.count("began") == phases.count("ended") == 2 * len(LABELS)
