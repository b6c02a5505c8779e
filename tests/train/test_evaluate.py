"""A model on a manifest becomes a report whose figures can be had again, by either path, over any interruption."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from model.frontend import FrontEnd
from tests import models
from tests.train import metrics_files, small_music
from tests.train.report import songs
from train.data.features import Description
from train.figures.decisions import NAMES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return songs.make(tmp_path)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert not out
    (line,) = (line for line in err.splitlines() if "song/s" not in line)
    assert line.startswith("train.evaluate: ")
    return line


def test_its_figures_are_those_of_train_metrics_and_of_scikit_learn(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert songs.run(folder, "--groups", "artist", "--seed", "3", "--json") == 0
    report, found = folder / "report", songs.figures(folder)
    assert json.loads(capsys.readouterr().out) == found
    given = ["--labels", report / "labels.txt", "--thresholds", report / "thresholds.txt", "--bootstrap", "20"]
    assert metrics_files.run(report, *given, "--seed", "3", "--groups", report / "groups.txt", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    for key in (*NAMES, "intervals", "bootstrap", "other"):
        assert found[key] == again[key]
    for ours, theirs in zip(found["per_label"], again["per_label"], strict=True):
        assert theirs.items() <= ours.items()

    truth, scores = np.load(report / "truth.npy"), np.load(report / "scores.npy")
    assert truth.shape == scores.shape == (8, 4)
    thresholds = [row["threshold"] for row in found["per_label"]]
    for average in ("macro", "micro"):
        expected = [function(truth, scores, average=average) for function in (roc_auc_score, average_precision_score)]
        expected += precision_recall_fscore_support(truth, scores > thresholds, average=average, zero_division=0)[:3]
        ours = [found[f"{name}-{average}"] for name in ("ROC-AUC", "PR-AUC", "precision", "recall", "F-score")]
        assert ours == pytest.approx(expected, abs=1e-12)
    assert found["other"]["accuracy"] == np.mean(truth.argmax(axis=1) == scores.argmax(axis=1))
    assert np.trace(found["confusion"]["counts"]) == found["other"]["accuracy"] * 8
    losses = -np.where(truth, np.log(scores), np.log(1 - scores)).mean(axis=1)
    assert [song["loss"] for song in found["most_wrong"]] == pytest.approx(sorted(losses, reverse=True))


def test_the_report_says_what_was_judged_and_how(folder: Path) -> None:
    rows = [songs.row(i, "train" if i < 5 else "test", title="A song") for i in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder) == 0
    found = songs.figures(folder)
    # s4 of training and s5 of the test are by one artist.
    assert (found["artists"]["artists"], found["artists"]["heard_artists"]) == (4, 1)
    assert found["model"]["name"] == "tiny"
    assert len(found["model"]["sha256"]) == len(found["manifest"]["sha256"]) == 64
    markdown = (folder / "report" / "report.md").read_text()
    page = (folder / "report" / "report.html").read_text()
    for text in (markdown, page):
        for part in ("split test", "1 of the 4 artists", found["model"]["sha256"], "train.metrics", "A song"):
            assert part in text
    for name in ("labels", "precision-recall", "reliability", "confusion"):
        assert (folder / "report" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"({name}.png)" in markdown
    assert page.count("data:image/png;base64,") == 8  # each on light and on dark paper


def test_thresholds_found_on_the_validation_songs_serve_the_test(folder: Path) -> None:
    rows = [songs.row(i, ("train", "validation", "test")[i // 4]) for i in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder, "--split", "validation") == 0
    chosen = folder / "chosen.txt"
    (folder / "report" / "thresholds.txt").rename(chosen)
    thresholds = [row["threshold"] for row in songs.figures(folder)["per_label"]]
    assert songs.run(folder, "--thresholds", chosen) == 0  # the same folder: another split of the same manifest
    found = songs.figures(folder)
    assert [row["threshold"] for row in found["per_label"]] == thresholds
    assert not any("flatter" in note for note in found["notes"])


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    call = [sys.executable, "-m", "train.evaluate", *songs.arguments(folder, *more)]
    return subprocess.Popen(call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for_scores(process: subprocess.Popen[str], path: Path, count: int) -> None:
    while process.poll() is None and (not path.is_file() or path.read_bytes().count(b"\n") < count):
        time.sleep(0.01)  # the file is what there is to watch
    assert process.poll() is None, process.communicate()


def test_killed_it_goes_on_where_it_was(folder: Path) -> None:
    small_music.write_wav(folder / "audio" / "s11.wav", small_music.piece(11, 240.0))  # to be killed in
    process = started(folder)
    wait_for_scores(process, folder / "report" / "scores.jsonl", 3)
    process.kill()
    process.communicate()
    done = songs.scores(folder)
    assert 3 <= len(done) < 8
    with (folder / "report" / "scores.jsonl").open("a") as file:
        file.write('{"id": "s11", "windows": 1, "sco')  # what a kill in the midst of a line leaves
    for song in done:
        (folder / "audio" / f"{song}.wav").unlink()  # scored already: not needed again
    assert songs.run(folder) == 0
    found = songs.scores(folder)
    assert list(found) == [f"s{number}" for number in range(4, 12)]
    assert done.items() <= found.items()
    assert songs.figures(folder)["songs"] == {"in_split": 8, "judged": 8, "left_out": 0}


def test_a_full_disk_is_one_line_and_no_loss(folder: Path) -> None:
    def no_more_than_a_bit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (350, 350))

    call = [sys.executable, "-m", "train.evaluate", *songs.arguments(folder)]
    result = subprocess.run(call, preexec_fn=no_more_than_a_bit, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("train.evaluate: ")
    assert "Traceback" not in result.stderr
    assert not (folder / "report" / "figures.json").exists()
    assert songs.run(folder) == 0
    assert len(songs.scores(folder)) == 8


def test_what_cannot_be_scored_is_listed_and_the_rest_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audio = folder / "audio"
    (audio / "s4.wav").unlink()
    (audio / "s5.wav").write_bytes(b"RIFF, and then nothing that is sound" * 20)
    small_music.write_wav(audio / "s6.wav", small_music.piece(6, 1.0))
    (audio / "s7.wav").unlink()
    (audio / "s7.wav").mkdir()
    assert songs.run(folder) == 0
    reasons = {song["id"]: song["reason"] for song in songs.figures(folder)["left_out"]}
    assert list(reasons) == ["s4", "s5", "s6", "s7"]
    assert reasons["s4"] == "no such file"
    assert reasons["s5"].startswith("cannot be decoded: s5.wav: ")
    assert reasons["s6"] == "shorter than one window (1.00 s of 2.992 s)"
    assert reasons["s7"] == "a folder, not a file"
    out = capsys.readouterr().out
    assert "4 songs judged of 8, 4 left out" in out
    assert "left out: s4: no such file" in out
    table = (folder / "report" / "songs.csv").read_text().splitlines()
    assert len(table) == 9
    assert table[1].startswith("s4,artist 2,test,,no such file,")
    # A file that has come since is scored by the same command.
    small_music.write_wav(audio / "s4.wav", small_music.piece(4))
    assert songs.run(folder) == 0
    assert "s4" in songs.scores(folder)


def test_nothing_left_to_judge_is_a_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert songs.run(folder, "--audio", folder / "elsewhere") == 1
    assert "nothing is left to judge of 8 songs, such as s4: no such file" in one_line(capsys)


def test_a_label_without_positives_is_said_and_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [songs.row(number) | {"calm": 0} for number in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder) == 0
    assert "note: 1 label (calm) without a positive song" in capsys.readouterr().out
    found = songs.figures(folder)["per_label"][3]
    assert (found["label"], found["roc_auc"], found["pr_auc"], found["pr_auc_interval"]) == ("calm", None, None, None)


def test_songs_that_are_not_annotated_with_every_label_are_left_out_and_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [songs.row(number) | ({"calm": ""} if number == 3 else {}) for number in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder) == 0
    (left,) = songs.figures(folder)["left_out"]
    assert (left["id"], left["reason"]) == ("s3", "not annotated with every label that is judged")
    note = "11 of 12 scored songs are annotated with every label that is judged: the rest is left out; songs by label: "
    note += "calm 11, angry 12, happy 12, sad 12 (--labels A,B judges fewer labels on more songs)"
    assert f"note: {note}" in capsys.readouterr().out
    assert note in songs.figures(folder)["notes"]
    assert songs.run(folder, "--labels", "happy,sad") == 0
    found = songs.figures(folder)
    assert (found["songs"]["judged"], found["songs"]["left_out"]) == (12, 0)
    assert [row["label"] for row in found["per_label"]] == ["happy", "sad"]
    assert not any("are annotated with" in note for note in found["notes"])
    capsys.readouterr()
    rows = [songs.row(number) | {songs.LABELS[number % 2]: ""} for number in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder, report="none") == 1
    line = one_line(capsys)
    assert "nothing is left to judge of 12 songs: 0 of 12 scored songs are annotated with every label" in line
    assert "songs by label: angry 6, happy 6, calm 12, sad 12 (--labels A,B" in line


def test_only_labels_of_both_sides_are_judged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{{"sad": "Sad", "calm": "gloomy"}.get(k, k): v for k, v in songs.row(n).items()} for n in range(12)]
    songs.write_table(folder / "manifest.csv", rows)
    assert songs.run(folder) == 0
    assert (folder / "report" / "labels.txt").read_text() == "happy\nangry\n"
    out = capsys.readouterr().out
    assert "note: only the model has sad, calm: not judged" in out
    assert "note: only the manifest has Sad, gloomy: not judged" in out
    assert "note: 'Sad' of the manifest is not 'sad' of the model" in out


def test_a_folder_that_train_prepare_filled_is_a_manifest(folder: Path) -> None:
    prepared = folder / "prepared"
    prepared.mkdir()
    rows = [songs.row(number) for number in range(12)]
    for entry in rows:
        entry |= {label: 0.3 * entry[label] for label in songs.LABELS}
    songs.write_table(prepared / "manifest.csv", rows)
    Description("mine", 0.3, FrontEnd()).write(prepared)
    assert songs.run(folder, "--manifest", prepared) == 0
    found = songs.figures(folder)
    assert found["manifest"]["dataset"] == "mine"
    assert [row["positives"] for row in found["per_label"]] == [3] * 4


def test_a_folder_with_other_scores_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert songs.run(folder) == 0
    before = (folder / "report" / "figures.json").read_bytes()
    capsys.readouterr()
    model = models.save(folder / "other.onnx", models.tiny_network(gain=0.5))
    table = songs.write_table(folder / "other.csv", [songs.row(number) for number in range(8)])
    changes = {"model": model, "manifest": table, "path": "streaming", "audio": folder / "other"}
    for name, change in changes.items():
        assert songs.run(folder, f"--{name}", change) == 1
        assert f"holds the scores of another {name}" in one_line(capsys)
    assert (folder / "report" / "figures.json").read_bytes() == before


def refusals(folder: Path) -> dict[str, tuple[list[str | Path], str]]:
    """Return calls that cannot be answered, and what is said then."""
    (folder / "empty").mkdir()
    (folder / "run").mkdir()
    (folder / "run" / "best.pt").write_bytes(b"no checkpoint")
    (folder / "holiday").mkdir()
    (folder / "holiday" / "photo.jpg").touch()
    (folder / "cache").mkdir()
    (folder / "cache" / "features.json").write_text('["positive_rate"')
    other = songs.write_table(folder / "other.csv", [{"path": "s1.wav", "split": "test", "gloomy": 1}])
    thresholds = folder / "thresholds.txt"
    thresholds.write_text("0.5\n0.5\n")
    entries = models.metadata(frontend=json.dumps({**FrontEnd().to_metadata(), "hop": 160, "n_fft": 320, "power": 1}))
    frontend = models.save(folder / "frontend.onnx", entries=entries)
    return {
        "no model": (["--model", folder / "none.onnx"], "no model file at"),
        "a folder without a model": (["--model", folder / "empty"], "holds no trained network"),
        "a damaged checkpoint": (["--model", folder / "run"], "best.pt"),
        "another front-end": (["--model", frontend], "made for another front-end: power is 1 in the file and 2 here"),
        "no manifest": (["--manifest", folder / "none.csv"], "no such annotation file"),
        "labels that do not meet": (
            ["--manifest", other],
            "no label in common: the model knows happy, angry, sad, calm; the manifest has gloomy",
        ),
        "a damaged cache": (["--manifest", folder / "cache"], "features.json is damaged"),
        "a label that is not there": (["--labels", "happy,gloomy"], "no label 'gloomy' that both sides have"),
        "an empty split": (["--split", "validation"], "is in the split validation: it has 4 in train, 8 in test"),
        "groups that are not there": (["--groups", "album"], "no song has a album"),
        "a folder of other files": (["--report", folder / "holiday"], "holds other files"),
        "a file as folder": (["--report", folder / "other.csv"], "is a file: --report needs a folder"),
        "other thresholds": (["--thresholds", thresholds], "2 thresholds, but 4 labels are judged"),
        "no thresholds": (["--thresholds", folder / "none.txt"], "none.txt: No such file or directory"),
    }


def test_what_cannot_be_judged_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, (more, said) in refusals(folder).items():
        assert songs.run(folder, *more) == 1, name
        assert said in one_line(capsys)


def test_a_wrong_call_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in (["--split", "dev"], ["--bootstrap", "1"], ["--jobs", "0"], ["--positive-rate", "0"], ["--seed", "-1"]):
        with pytest.raises(SystemExit) as caught:
            songs.run(folder, *more)
        assert caught.value.code == 2
        assert more[0] in capsys.readouterr().err
