from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from model.contract import DEFAULT_MODEL
from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sources import demo
from stream.sources.demo import PIECES, DemoSource, Piece
from stream.tagging.audio import AudioChunk, SourceItem, StreamEnd
from tests import models
from tests.stream.command import listen, records

every_piece = pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.name)


def decode(path: Path) -> np.ndarray:
    with av.open(path) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).T


class CountingStop(Stop):
    """Notes how long it was asked to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.requested


@pytest.fixture(scope="module")
def played() -> list[SourceItem]:
    return list(DemoSource(Stop(), realtime=False))


@every_piece
def test_a_piece_is_sound_at_a_sensible_level(piece: Piece) -> None:
    sound = decode(piece.path)
    assert 20 * 48_000 < len(sound) < 35 * 48_000
    assert np.abs(sound).max() < 1.0, "it clips"
    assert -22 < 10 * np.log10((sound**2).mean()) < -11
    seconds = sound[: len(sound) // 48_000 * 48_000].reshape(-1, 48_000, 2)
    assert ((seconds[:-3] ** 2).mean(axis=(1, 2)) > 1e-5).all(), "there is a hole in it"
    left, right = sound.T
    assert np.abs(left - right).mean() > 0.01 * np.abs(sound).mean(), "it is mono"


def test_the_recordings_are_small_and_of_different_moods() -> None:
    assert sum(piece.path.stat().st_size for piece in PIECES) < 1_500_000
    assert {piece.mood for piece in PIECES} == {"happy", "angry", "sad", "calm"}


def test_the_pieces_are_the_tracks_of_one_stream(played: list[SourceItem]) -> None:
    *chunks, end = played
    assert end == StreamEnd("demo")
    expected = 0
    titles = []
    for chunk in chunks:
        assert isinstance(chunk, AudioChunk)
        assert (chunk.stream, chunk.samplerate, chunk.first_sample) == ("demo", 48_000, expected)
        assert not chunk.discontinuity
        expected += len(chunk.samples)
        if chunk.starts_track:
            titles.append(chunk.track)
        assert chunk.track == titles[-1]
    assert titles == [piece.title for piece in PIECES]
    assert expected == sum(len(decode(piece.path)) for piece in PIECES)


def test_it_plays_in_real_time(played: list[SourceItem]) -> None:
    stop = CountingStop()
    chunks = [item for item in DemoSource(stop) if isinstance(item, AudioChunk)]
    assert len(stop.waits) == len(chunks) == len(played) - 1
    first_piece = [wait for wait, chunk in zip(stop.waits, chunks, strict=True) if chunk.track == PIECES[0].title]
    # Nothing waits here, so what is still to be waited for adds up: each chunk's sound less the time it took.
    assert 0 < first_piece[0] <= 0.25
    assert all(later - earlier <= 0.25 for earlier, later in itertools.pairwise(first_piece))
    assert first_piece[-1] > first_piece[0]


def test_it_stops_when_asked() -> None:
    stop = Stop()
    items = []
    for item in DemoSource(stop, realtime=False):
        items.append(item)
        if len(items) == 5:
            stop.request()
    assert len(items) <= 6
    assert not any(isinstance(item, StreamEnd) for item in items)


def test_a_damaged_installation_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PIECES", (Piece("lost", "Lost", "sad"),))
    with pytest.raises(StreamError, match=r"no such file: .*lost\.opus"):
        list(DemoSource(Stop(), realtime=False))


def test_the_command_plays_every_piece_and_gives_its_mood(tmp_path: Path) -> None:
    model = models.save(tmp_path / "tiny.onnx")
    done = listen("--demo", "--as-fast-as-possible", "--model", model, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    finals = records(done.stdout, "final")
    assert [final["track"] for final in finals] == [piece.title for piece in PIECES]
    assert all(final["stream"] == "demo" and final["windows"] >= 8 for final in finals)
    assert all(final["status"] == "ok" and final["silent_windows"] == final["gap_windows"] == 0 for final in finals)


def test_the_default_model_hears_each_mood_most_in_the_piece_that_is_meant_to_have_it() -> None:
    done = listen("--demo", "--as-fast-as-possible", "--model", DEFAULT_MODEL, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    moods = {final["track"]: final["running"] for final in records(done.stdout, "final")}
    for piece in PIECES:
        heard = {title: running[piece.mood] for title, running in moods.items()}
        assert max(heard, key=heard.__getitem__) == piece.title, f"{piece.mood}: {heard}"
