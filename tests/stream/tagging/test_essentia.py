"""Essentia's models under --model: a stream is scored as the whole is by hand, whatever the source."""

from __future__ import annotations

import hashlib
import io
import json
import math
from pathlib import Path

import librosa
import numpy as np
import pytest

from model.contract import Model, load
from model.frontend import FrontEnd
from model.resample import downmix, resample
from stream.sources.decode import Decoder
from stream.tagging.session import Session, SessionOptions
from tests import essentia_models as essentia
from tests.stream import files
from tests.stream.command import listen, records
from tests.stream.sound import chunks, estimates, finals, tune
from tests.stream.sound import listen as hear

RATE = 44_100


def windows_by_librosa(sound: np.ndarray, rate: int, patch: int, hop: int) -> np.ndarray:
    """The windows of a sound (n, channels) by librosa, with Essentia's window: shape (n, patch, 96)."""
    samples = resample(downmix(sound), rate)
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=16_000,
        n_fft=512,
        hop_length=256,
        window=np.hanning(512),
        center=True,
        pad_mode="constant",
        n_mels=96,
        fmax=8000,
    )
    frames = np.log10(1 + 10_000 * mel.T)[: len(samples) // 256]
    starts = range(0, len(frames) - patch + 1, hop)
    return np.stack([frames[start : start + patch] for start in starts]).astype(np.float32)


def song(path: Path, seconds: float = 13.0) -> tuple[Path, np.ndarray]:
    sound = np.stack([tune(seconds, RATE), tune(seconds, RATE, seed=3, level=0.1)], axis=1)
    return files.write(path, sound, RATE), sound


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an embedding model of 128-frame windows and a fixed batch, and two heads."""
    folder = tmp_path_factory.mktemp("moods")
    essentia.body(folder, "discogs-effnet-bs64-1", patch=128, batch=64, names=essentia.AS_PUBLISHED)
    essentia.head(folder, of="discogs-effnet-bs64-1")
    essentia.head(folder, "mood_sad", ("non_sad", "sad"), of="discogs-effnet-bs64-1", seed=4)
    return folder


def heads_by_hand(windows: np.ndarray) -> np.ndarray:
    happy, sad = (essentia.head_by_hand(windows, 2, seed) for seed in (3, 4))
    return np.stack([happy[:, 0], sad[:, 1]], axis=1)


def test_a_song_is_scored_as_by_hand(tmp_path: Path) -> None:
    model = essentia.body(tmp_path)
    path, sound = song(tmp_path / "song.wav")
    done = listen("--file", path, "--model", model, "--output", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    got, (final,) = records(done.stdout, "estimate"), records(done.stdout, "final")
    expected = essentia.predictions_by_hand(windows_by_librosa(sound, RATE, 187, 187))
    assert len(got) == len(expected) == 4
    assert tuple(got[0]["mood"]) == essentia.TAGS
    np.testing.assert_allclose([list(e["mood"].values()) for e in got], expected, rtol=0, atol=1e-5)
    assert list(final["running"].values()) == pytest.approx(expected.mean(axis=0).tolist(), abs=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-3  # or nothing would be shown
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    assert {json.dumps(e["model"]) for e in [*got, final]} == {
        json.dumps({"name": "msd-musicnn-1", "version": "1", "sha256": sha256})
    }


def test_heads_of_other_windows_hop_by_their_own(heads: Path, tmp_path: Path) -> None:
    path, sound = song(tmp_path / "song.wav")
    done = listen("--file", path, "--model", heads, "--output", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    got = records(done.stdout, "estimate")
    expected = heads_by_hand(windows_by_librosa(sound, RATE, 128, 128))
    assert len(got) == len(expected) == 6
    assert [list(e["mood"]) for e in got] == [["happy", "sad"]] * 6
    np.testing.assert_allclose([list(e["mood"].values()) for e in got], expected, rtol=0, atol=1e-5)
    assert [e["start_s"] for e in got] == pytest.approx([2.048 * k for k in range(6)], abs=1e-6)
    assert {e["model"]["name"] for e in got} == {heads.name}


def test_essentias_own_hop_is_an_option(heads: Path, tmp_path: Path) -> None:
    path, sound = song(tmp_path / "song.wav", 5.0)
    done = listen("--file", path, "--model", heads, "--output", "jsonl", "--hop-seconds", "0.992")  # 62 frames
    got = records(done.stdout, "estimate")
    expected = heads_by_hand(windows_by_librosa(sound, RATE, 128, 62))
    np.testing.assert_allclose([list(e["mood"].values()) for e in got], expected, rtol=0, atol=1e-5)


def test_standard_input_as_a_file(heads: Path, tmp_path: Path) -> None:
    path, _ = song(tmp_path / "song.wav", 7.0)
    by_file, by_stdin = (
        listen(*source, "--model", heads, "--output", "jsonl", stdin=path.read_bytes())
        for source in (("--file", path), ("--stdin",))
    )
    moods = [[e["mood"] for e in records(done.stdout, "estimate")] for done in (by_file, by_stdin)]
    assert moods[0] == moods[1] != []


def test_lines_for_people_know_the_length_of_a_window(heads: Path, tmp_path: Path) -> None:
    long, short = (song(tmp_path / f"{name}.wav", seconds)[0] for name, seconds in (("long", 2.5), ("short", 1.5)))
    done = listen("--file", long, short, "--model", heads)
    assert "(1 window, 00:02.5)" in done.stdout
    assert "(shorter than a window, 1.5 s)" in done.stdout


def test_the_benchmark_measures_it(heads: Path) -> None:
    done = listen("--benchmark", "--model", heads, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["model"]["name"], figures["window_s"]) == (heads.name, 2.048)
    assert all(cost["median_ms"] > 0 for cost in figures["stages"].values())


def test_what_cannot_be_used_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    head = essentia.head(tmp_path)
    path, _ = song(tmp_path / "song.wav", 3.0)
    for source in (("--file", path), ("--benchmark",)):
        done = listen(*source, "--model", head)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "msd-musicnn-1.onnx" in line


@pytest.mark.parametrize("size", [441, 10_007, 10**6])
@pytest.mark.parametrize("patch", [187, 128])
def test_a_stream_is_scored_as_the_whole_whatever_its_chunks(tmp_path: Path, size: int, patch: int) -> None:
    model: Model = load(essentia.body(tmp_path, patch=patch))
    assert model.info.frontend == FrontEnd(window="hann_symmetric", patch=patch)
    sound = tune(9, RATE)
    got = hear(Session("mic", model, SessionOptions(hop_frames=patch), live=True), chunks(sound, RATE, size=size))
    expected = essentia.predictions_by_hand(windows_by_librosa(sound[:, None], RATE, patch, patch))
    moods = [list(e.mood.values()) for e in estimates(got)]
    assert len(moods) == math.floor(9 * 62.5 / patch)
    np.testing.assert_allclose(moods, expected, rtol=0, atol=1e-5)
    assert finals(got)[0].windows == len(moods)


def test_a_real_song(music: Path, tmp_path: Path) -> None:
    path = sorted((music / "emotify").iterdir())[0]
    model = essentia.body(tmp_path)
    done = listen("--file", path, "--model", model, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    with Decoder(io.BytesIO(path.read_bytes())) as decoder:
        sound = np.concatenate([block.samples for block in decoder])
        assert decoder.form is not None
        windows = windows_by_librosa(sound, decoder.form.samplerate, 187, 187)
    got = records(done.stdout, "estimate")
    scored = [number for number, estimate in enumerate(got) if estimate["status"] == "ok"]
    assert len(got) == len(windows)
    assert len(scored) >= 10
    expected = essentia.predictions_by_hand(windows)[scored]
    np.testing.assert_allclose([list(got[k]["mood"].values()) for k in scored], expected, rtol=0, atol=1e-5)
