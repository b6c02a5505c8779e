"""The README's three commands for one's own songs, on a few real ones: prepare, fit, export, and it streams."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from stream import listen
from tests.train import own_songs
from train import export, fit, prepare

SYSTEMS = {
    "baseline": own_songs.TINY,
    "multi_task_1": own_songs.TINY,
    "multi_task_2": own_songs.TINY,
    "singh_biswas": own_songs.TINY,
    "uai_cnrl": ("network.segments=2", "network.width=8", "groups=[{songs: 2}]", "epochs=1", "batches_per_song=0.2"),
}
"""Presets of the three systems, made small."""


@pytest.fixture(scope="module")
def table(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten songs of Emotify, two an artist, as a user would list them."""
    with (music / "emotify.csv").open(newline="", encoding="utf-8") as file:
        songs = list(csv.DictReader(file))
    artists = [song["artist"] for song in songs]
    chosen = [s for a in sorted({a for a in artists if artists.count(a) > 1})[:5] for s in songs if s["artist"] == a]
    folder = tmp_path_factory.mktemp("mine")
    rows = []
    for number, song in enumerate(
        s for i, s in enumerate(chosen) if [c["artist"] for c in chosen[:i]].count(s["artist"]) < 2
    ):
        shutil.copy(music / song["file"], folder)
        # Every artist is heard in training, or nobody could recognise one.
        split = ["train", "validation", "train", "test"] * 2 + ["train", "train"]
        rows.append(
            {"path": Path(song["file"]).name, "artist": song["artist"], "year": song["year"], "split": split[number]}
            | {"language": ["en", "de"][number // 2 % 2], "happy": number % 2, "calm": int(number % 3 == 0)}
        )
    return own_songs.write(folder / "songs.csv", rows)


@pytest.fixture(scope="module")
def caches(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Their features by both front-ends."""
    folder = tmp_path_factory.mktemp("cache")
    for frontend in ("moodstream", "mtg-jamendo"):
        assert own_songs.prepared(table, folder / frontend, "--frontend", frontend) == 0
    return {name: folder / name for name in ("moodstream", "mtg-jamendo")}


@pytest.mark.parametrize("system", SYSTEMS)
def test_three_commands_and_it_streams(
    system: str, table: Path, caches: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cache = caches["mtg-jamendo" if system == "uai_cnrl" else "moodstream"]
    run, model = tmp_path / "run", tmp_path / "mine.onnx"
    changes = [part for change in SYSTEMS[system] for part in ("--set", change)]
    assert (
        fit.main(["--config", f"config/train/{system}.yaml", "--cache", str(cache), "--output", str(run), *changes])
        == 0
    )
    assert export.main(["--runs", str(run), "--cache", str(cache), "--output", str(model), "--license", "mine"]) == 0
    assert "real windows" in capfd.readouterr().out
    song = next(table.parent.glob("*.opus"))
    assert listen.main(["--model", str(model), "--file", str(song), "--output", "jsonl"]) == 0
    lines = capfd.readouterr().out.splitlines()
    records = [json.loads(line) for line in lines]
    moods = next(record["mood"] for record in records if record.get("mood"))
    expected = {row["artist"] for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())}
    assert set(moods) == (expected if system == "singh_biswas" else {"happy", "calm"})


def test_without_a_language_column_artists_alone_are_learnt_and_languages_refused(
    table: Path, caches: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = Path(shutil.copytree(caches["moodstream"], tmp_path / "cache"))
    rows = list(csv.DictReader((cache / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    for row in rows:
        del row["language"]
    own_songs.write(cache / "manifest.csv", rows)
    call = ["--config", "config/train/singh_biswas.yaml", "--cache", str(cache), "--output", str(tmp_path / "run")]
    assert fit.main([*call, *own_songs.changes()]) == 1
    assert "songs has no metadata called language; there is artist, year" in capsys.readouterr().err
    alone = own_songs.changes("heads={artist: {loss: softmax}}", "metadata=[]")
    assert fit.main([*call, *alone]) == 0


def test_an_unknown_dataset_option_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as caught:
        prepare.main(["--dataset", "csv", "--annotations", "x", "--frontend", "essentia"])
    assert caught.value.code == 2
