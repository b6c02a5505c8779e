"""A network of artists and languages is judged by them, from its run or its file, as the experiments judge it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train import own_songs
from train import evaluate, export, fit
from train.learn.corpus import Corpus

CONFIG = Path("config/train/singh_biswas.yaml")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Songs with artists and languages, and no moods; two more in the test: of nobody known, of nobody heard."""
    folder = tmp_path_factory.mktemp("metadata")
    table = own_songs.make(folder / "songs", count=14)
    rows = [own_songs.row(number, language=["de", "en"][number // 4 % 2]) for number in range(14)]
    rows[12] |= {"split": "test", "artist": ""}
    rows[13] |= {"split": "test", "artist": "nobody heard"}
    own_songs.write(table, [{name: row[name] for name in ("path", "split", "artist", "language")} for row in rows])
    assert own_songs.prepared(table, folder / "cache") == 0
    return folder / "cache"


@pytest.fixture(scope="module")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of both, judged by both."""
    folder = tmp_path_factory.mktemp("runs") / "seed0"
    changes = own_songs.changes("judged=[artist,language]")
    assert fit.main(["--config", str(CONFIG), "--cache", str(cache), "--output", str(folder), *changes]) == 0
    return folder


def judged(model: Path, manifest: Path, report: Path, *more: str) -> dict[str, Any]:
    call = ["--model", model, "--manifest", manifest, "--report", report, "--bootstrap", "0"]
    assert evaluate.main([*map(str, call), *more]) == 0
    document = json.loads((report / "figures.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_the_run_is_judged_by_its_targets_of_the_test_songs(cache: Path, trained: Path, tmp_path: Path) -> None:
    found = judged(trained, cache, tmp_path)
    head, corpus = Corpus.open(cache).head("artist", "softmax"), Corpus.open(cache)
    rows = [i for i, entry in enumerate(corpus.manifest.entries) if entry.split == "test" and head.mask[i].all()]
    assert [corpus.manifest.entries[i].id for i in rows] == (tmp_path / "ids.txt").read_text().split()
    names = (tmp_path / "labels.txt").read_text(encoding="utf-8").splitlines()
    columns = [head.labels.index(name) for name in names]
    assert len(rows) == 3
    np.testing.assert_array_equal(np.load(tmp_path / "truth.npy"), head.targets[np.ix_(rows, columns)])
    assert found["other"]["accuracy"] in {0, 1 / 3, 2 / 3, 1}
    assert found["songs"] == {"in_split": 5, "judged": 3, "left_out": 2}
    notes = " ".join(found["notes"])
    assert "the labels are the songs' artist" in notes
    assert "judged by the head artist; in training, language counted as well" in notes
    assert "3 of 5 scored songs are annotated" in notes


def test_its_file_is_judged_alike(cache: Path, trained: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    assert export.main(["--runs", str(trained), "--cache", str(cache), "--output", str(model)]) == 0
    ours, theirs = judged(trained, cache, tmp_path / "run"), judged(model, cache, tmp_path / "file")
    for name in ("truth.npy", "scores.npy"):
        one, other = (np.load(tmp_path / folder / name) for folder in ("run", "file"))
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert ours["songs"] == theirs["songs"]


def test_languages_alone_are_judged_by_languages(cache: Path, tmp_path: Path) -> None:
    changes = own_songs.changes("heads={language: {loss: softmax}}", "metadata=[]")
    run = tmp_path / "run"
    assert fit.main(["--config", str(CONFIG), "--cache", str(cache), "--output", str(run), *changes]) == 0
    found = judged(run, cache, tmp_path / "report")
    assert {row["label"] for row in found["per_label"]} == {"de", "en"}
    assert found["songs"]["judged"] == 5
    with (tmp_path / "report/songs.csv").open(encoding="utf-8") as file:
        assert {row["truth:de"] for row in csv.DictReader(file)} == {"0", "1"}


def test_moods_cannot_be_learnt_of_them(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["--config", "config/train/small.yaml", "--cache", str(cache), "--output", str(tmp_path / "run")]
    assert fit.main(call) == 1
    assert "songs has no labels to learn moods from, only metadata: artist, language" in capsys.readouterr().err
