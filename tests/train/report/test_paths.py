"""The stream gives a song the score that its whole file has, and what has no score has the same reason."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from model.frontend import FrontEnd
from tests import models
from tests.train import small_music
from tests.train.report import songs
from train.datasets.catalogue import read_manifest
from train.report.candidate import Candidate, load_candidate
from train.report.journal import Outcome, Score
from train.report.songs import StreamingError, score_offline, score_samples, score_streaming


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    return load_candidate(models.save(tmp_path / "model.onnx"))


def both(candidate: Candidate, paths: Sequence[Path], jobs: int = 2) -> tuple[dict[Path, Outcome], dict[Path, Outcome]]:
    """Return what came of each file offline and in the stream."""
    return dict(score_offline(candidate, paths, jobs)), dict(score_streaming(candidate.path, candidate, paths, jobs))


def check_alike(offline: dict[Path, Outcome], streaming: dict[Path, Outcome], paths: Iterable[Path]) -> None:
    for path in paths:
        whole, heard = offline[path], streaming[path]
        assert isinstance(whole, Score), (path, whole)
        assert isinstance(heard, Score), (path, heard)
        assert heard.windows == whole.windows, path
        assert heard.probabilities == pytest.approx(whole.probabilities, abs=1e-5), path


def test_every_format_has_the_same_score_on_both_paths(candidate: Candidate, tmp_path: Path) -> None:
    whole = []
    for suffix in ("wav", "flac", "mp3", "m4a", "opus"):
        for seconds in (13.3, 6.1):
            whole.append(tmp_path / f"-{seconds} {suffix} “é”.{suffix}")  # names that a command line may stumble over
            songs.write_sound(whole[-1], seconds)
    check_alike(*both(candidate, whole), whole)


def test_a_window_counts_from_its_last_sample_on(candidate: Candidate, tmp_path: Path) -> None:
    window = FrontEnd().window_samples
    paths = []
    for samples in (window - 1, window, 2 * window - 1, 2 * window):
        paths.append(tmp_path / f"{samples}.wav")
        small_music.write_wav(paths[-1], small_music.piece(1, samples / 16000))
    offline, streaming = both(candidate, paths)
    assert offline[paths[0]] == streaming[paths[0]] == "shorter than one window (2.99 s of 2.992 s)"
    check_alike(offline, streaming, paths[1:])
    counts = [outcome.windows for path in paths[1:] if isinstance(outcome := offline[path], Score)]
    assert counts == [1, 1, 2]


def test_both_leave_out_digital_silence_and_count_quiet_windows(candidate: Candidate, tmp_path: Path) -> None:
    sound = small_music.piece(0, 12.0)
    holes = sound.copy()
    holes[FrontEnd().window_samples : 3 * FrontEnd().window_samples] = 0
    paths = [tmp_path / f"{name}.wav" for name in ("holes", "quiet", "silent")]
    for path, samples in zip(paths, (holes, sound * 0.002, np.zeros(64_000)), strict=True):
        small_music.write_wav(path, samples)
    offline, streaming = both(candidate, paths)
    check_alike(offline, streaming, paths[:2])
    counts = [outcome.windows for path in paths[:2] if isinstance(outcome := offline[path], Score)]
    assert counts == [2, 4]
    assert offline[paths[2]] == streaming[paths[2]] == "silence throughout"


def test_a_model_of_other_windows_is_scored_by_its_own(tmp_path: Path) -> None:
    frontend = FrontEnd(samplerate=12000, window="hann_symmetric", fmax=6000.0, patch=300)
    entries = models.metadata(frontend=json.dumps(frontend.to_metadata()))
    candidate = load_candidate(models.save(tmp_path / "other.onnx", models.tiny_network(patch=300), entries))
    path = tmp_path / "song.wav"
    songs.write_sound(path, 20.0)
    offline, streaming = both(candidate, [path], jobs=1)
    check_alike(offline, streaming, [path])
    outcome = offline[path]
    assert isinstance(outcome, Score)
    assert outcome.windows == 3  # of 6.4 s each


def test_a_score_is_the_mean_over_the_windows_however_many_are_predicted_at_once(candidate: Candidate) -> None:
    window = FrontEnd().window_samples
    samples = small_music.piece(2, 20 * window / 16000).astype(np.float32)
    asked: list[np.ndarray] = []

    def predict(windows: np.ndarray) -> np.ndarray:
        asked.extend(windows)
        return candidate.predict(windows)

    spied = Candidate("x", *("",) * 3, candidate.labels, candidate.frontend, predict)  # type: ignore[arg-type]
    outcome = score_samples(spied, samples)
    assert isinstance(outcome, Score)
    assert outcome.windows == len(asked) == 20
    expected = np.mean([candidate.predict(one[None])[0] for one in asked], axis=0, dtype=np.float64)
    assert outcome.probabilities == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be_heard_says_why(candidate: Candidate, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("none.wav", "folder", "text.wav", "text.wav.wav", "cut.flac")]
    paths[1].mkdir()
    paths[2].write_text("no sound at all")
    small_music.write_wav(paths[3], small_music.piece(1))
    songs.write_sound(paths[4], 10.0)
    paths[4].write_bytes(paths[4].read_bytes()[: paths[4].stat().st_size // 2])
    offline, streaming = both(candidate, paths)
    for outcomes in (offline, streaming):
        assert outcomes[paths[0]] == "no such file"
        assert outcomes[paths[1]] == "a folder, not a file"
        assert isinstance(outcomes[paths[3]], Score)
    assert str(offline[paths[2]]).startswith("cannot be decoded: text.wav: ")
    assert str(streaming[paths[2]]).startswith("cannot be heard: ")
    assert str(streaming[paths[4]]).startswith("not heard to its end: ")


def test_the_default_model_scores_real_songs_alike(music: Path) -> None:
    candidate = load_candidate(Path("model/default.onnx"))
    paths = []
    for name in ("4q", "emotify"):
        entries = read_manifest(name, music).entries
        paths += [music / entry.path for entry in entries[:: len(entries) // 3]]
    assert len(paths) >= 6
    check_alike(*both(candidate, paths), paths)


def test_a_live_side_that_is_stopped_gives_no_score_of_half_a_song(candidate: Candidate, tmp_path: Path) -> None:
    children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")
    if not children.is_file():
        pytest.skip("which process is the live side is seen in /proc only")
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for path, seconds in zip(paths, (4.0, 4.0, 1200.0), strict=True):
        small_music.write_wav(path, small_music.piece(1, seconds))
    before = set(children.read_text().split())
    outcomes = score_streaming(candidate.path, candidate, paths, jobs=1)
    assert isinstance(next(outcomes)[1], Score)
    (child,) = set(children.read_text().split()) - before
    os.kill(int(child), signal.SIGTERM)
    with pytest.raises(StreamingError, match="ended with status 143"):
        list(outcomes)
