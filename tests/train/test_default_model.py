"""The committed default model keeps its contract, hears no mood where there is no music, and is as good as it says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.contract import DEFAULT_MODEL, Model, load
from model.frontend import FrontEnd
from model.mel import melspectrogram
from train.data.audio import read_audio
from train.data.degrade import coloured_noise
from train.data.negatives import speak
from train.data.song import MOODS
from train.datasets.catalogue import read_songs
from train.figures.calibration import calibration_error
from train.learn.scoring import calibration_pairs, mood_figures

RATE = 16000
SIZE = 6 * RATE
TIME = np.arange(SIZE) / RATE


@pytest.fixture(scope="module")
def default_model() -> Model:
    return load(DEFAULT_MODEL)


def moods(model: Model, samples: np.ndarray) -> np.ndarray:
    """Probabilities of each whole window, shape (windows, 9)."""
    frames = melspectrogram(samples)
    return model.predict(frames[: len(frames) // 187 * 187].reshape(-1, 187, 96))


def test_it_names_the_nine_moods_in_order_and_says_where_it_comes_from(default_model: Model) -> None:
    info = default_model.info
    assert info.labels == MOODS
    assert info.frontend == FrontEnd()
    assert info.license == "CC BY-NC-SA 4.0"
    assert set(info.training["data"]) >= {"4q", "emotify", "musifeast17", "incompetech"}
    assert info.training["seeds"]
    assert "4Q accuracy" in info.training["validation"]
    assert DEFAULT_MODEL.stat().st_size < 4_500_000  # a file that may live in a repository
    assert b"site-packages" not in DEFAULT_MODEL.read_bytes()  # nor what machine it was exported on


@pytest.mark.parametrize("level_db", [-60, -30, -6])
@pytest.mark.parametrize("kind", ["white", "pink", "hum 50", "hum 60", "speech"])
def test_what_is_not_music_gets_no_confident_mood(default_model: Model, kind: str, level_db: float) -> None:
    rng = np.random.default_rng(1234)
    if kind == "speech":
        try:
            samples = np.resize(speak("en-us+m2", "The library closes at six. Please return all books today."), SIZE)
        except RuntimeError as error:
            pytest.skip(str(error))
    elif kind.startswith("hum"):
        samples = sum(np.sin(2 * np.pi * k * float(kind.split()[1]) * TIME) / k for k in range(1, 9))
        samples = samples + 1e-3 * rng.standard_normal(SIZE)
    else:
        samples = coloured_noise(SIZE, 0.0 if kind == "white" else -1.0, rng)
    samples = samples / np.abs(samples).max() * 10 ** (level_db / 20)
    assert moods(default_model, samples).max() < 0.5


def test_silence_has_no_mood(default_model: Model) -> None:
    assert moods(default_model, np.zeros(SIZE)).max() < 0.5


def test_the_figures_on_validation_songs_are_those_it_claims(default_model: Model, music: Path) -> None:
    songs = [song for song in read_songs(music) if song.split == "validation" and song.feels is None]
    with ThreadPoolExecutor() as pool:
        scores = np.array(list(pool.map(lambda song: moods(default_model, read_audio(song.path)).mean(axis=0), songs)))
    figures = {name: values[0] for name, values in mood_figures(songs, scores).items()}
    figures["calibration error"] = calibration_error(*calibration_pairs(songs, scores))
    claimed = default_model.info.training["validation"]
    assert {name: figures[name] for name in claimed} == pytest.approx(claimed, abs=0.02)
