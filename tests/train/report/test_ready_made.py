"""Songs that were prepared from ready-made mels are judged by them, offline; they cannot be streamed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from model.frontend import MTG_JAMENDO, FrontEnd
from model.mel import melspectrogram
from tests import models
from tests.train import own_songs
from tests.train.report import songs
from train import evaluate
from train.data.audio import read_audio

FRONTEND = dataclasses.replace(MTG_JAMENDO, patch=100)


def model(path: Path, frontend: FrontEnd) -> Path:
    weights = np.random.default_rng(5).normal(0, 0.002, (96, 4)).astype(np.float32)
    network = models.tiny_network(patch=frontend.patch, weights=weights)
    return models.save(path, network, models.metadata(frontend=json.dumps(frontend.to_metadata())))


@pytest.fixture
def folder(own_table: Path, tmp_path: Path) -> Path:
    """A cache of mels in the place of audio, and a model of their front-end."""
    mels = tmp_path / "mels"
    mels.mkdir()
    rows = [own_songs.row(number) | {"path": f"s{number}.mp3"} for number in range(12)]
    for number in range(12):
        samples = read_audio(own_table.parent / f"s{number}.wav", MTG_JAMENDO.samplerate)
        np.save(mels / f"s{number}.npy", melspectrogram(samples, MTG_JAMENDO).T)
    table = own_songs.write(mels / "songs.csv", rows)
    assert own_songs.prepared(table, tmp_path / "cache", "--frontend", "mtg-jamendo") == 0
    model(tmp_path / "model.onnx", FRONTEND)
    return tmp_path


def run(folder: Path, report: str, *more: str | Path) -> int:
    given = ["--model", folder / "model.onnx", "--manifest", folder / "cache", "--split", "all", "--bootstrap", "0"]
    return evaluate.main([*map(str, given), "--report", str(folder / report), *map(str, more)])


def test_they_have_the_scores_of_the_audio(folder: Path, own_table: Path) -> None:
    assert run(folder, "of mels") == 0
    assert run(folder, "of audio", "--manifest", own_table) == 0
    mels, audio = songs.scores(folder, "of mels"), songs.scores(folder, "of audio")
    assert len(mels) == len(audio) == 12
    for number in range(12):
        assert mels[f"s{number}.mp3"] == pytest.approx(audio[f"s{number}.wav"], abs=1e-3)
    assert len({tuple(row) for row in mels.values()}) == 12


def test_what_is_wrong_with_them_is_said(folder: Path) -> None:
    mels = np.load(folder / "mels" / "s0.npy")
    np.save(folder / "mels" / "s0.npy", mels[:, :99])
    np.save(folder / "mels" / "s1.npy", mels.astype(int))
    (folder / "mels" / "s2.npy").unlink()
    assert run(folder, "report") == 0
    reasons = {song["id"]: song["reason"] for song in songs.figures(folder)["left_out"]}
    assert reasons["s0.mp3"].startswith("shorter than one window (2.11 s of 2.133 s)")
    assert "mels of shape (96, frames) are needed" in reasons["s1.mp3"]
    assert reasons["s2.mp3"] == "no such file"
    assert len(reasons) == 3


@pytest.mark.parametrize(
    ("more", "frontend", "message"),
    [
        (["--path", "streaming"], FRONTEND, "ready-made mels, which cannot be streamed: --path offline judges them"),
        ([], FrontEnd(), "ready-made mels, which are of another front-end than the model's"),
    ],
)
def test_where_they_cannot_serve_it_is_said_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], more: list[str], frontend: FrontEnd, message: str
) -> None:
    model(folder / "model.onnx", frontend)
    capsys.readouterr()
    assert run(folder, "report", *more) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "song/s" not in line)
    assert line == f"train.evaluate: nothing is left to judge of 12 songs, such as s0.mp3: {message}"
