"""The command prints MediaEval's ten figures, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from tests.train import metrics_files
from tests.train.figures.matrices import example
from tests.train.metrics_files import run
from train.figures.decisions import best_f1_thresholds

NAMES = [
    *("ROC-AUC-macro", "PR-AUC-macro", "precision-macro", "recall-macro", "F-score-macro"),
    *("ROC-AUC-micro", "PR-AUC-micro", "precision-micro", "recall-micro", "F-score-micro"),
]
WITHOUT_SKLEARN = (
    "import sys; sys.modules['sklearn'] = None; from train.metrics import main; sys.exit(main(sys.argv[1:]))"
)
AND_TORCH = "import sys; from train.metrics import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return metrics_files.make(tmp_path)


def answer(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str | Path) -> dict[str, Any]:
    assert run(folder, *arguments, "--json") == 0
    out, err = capsys.readouterr()
    assert not err
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def official(scores: np.ndarray, truth: np.ndarray, decisions: np.ndarray) -> dict[str, float]:
    """The ten figures as MediaEval's script has them from scikit-learn."""
    figures = []
    for average in ("macro", "micro"):
        figures += [f(truth, scores, average=average) for f in (roc_auc_score, average_precision_score)]
        figures += precision_recall_fscore_support(truth, decisions, average=average, zero_division=0)[:3]
    return dict(zip(NAMES, figures, strict=True))


def test_the_ten_figures_are_the_official_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores, truth = example()
    best = scores > best_f1_thresholds(scores, truth)
    found = answer(capsys, folder, "--decisions", folder / "decisions.npy")
    assert found == pytest.approx(official(scores, truth, scores > 0.6))
    assert list(found) == NAMES
    assert answer(capsys, folder, "--thresholds", "best-f1") == pytest.approx(official(scores, truth, best))
    unsaid = answer(capsys, folder)
    assert "best F on these very songs" in unsaid.pop("notes")[0]
    assert unsaid == pytest.approx(official(scores, truth, best))


def test_as_text_a_figure_is_a_line_and_remarks_are_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = answer(capsys, folder, "--decisions", folder / "decisions.npy")
    assert run(folder, "--decisions", folder / "decisions.npy") == 0
    out, err = capsys.readouterr()
    found = dict(line.split() for line in out.splitlines())
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, abs=1e-6)
    assert not err
    assert run(folder) == 0
    assert capsys.readouterr().err.startswith("note: thresholds: ")


@pytest.mark.parametrize("kind", ["npy", "one a line", "official", "official in another order"])
def test_thresholds_from_a_file(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    scores, truth = example()
    single = scores.astype(np.float32)
    np.save(folder / "scores.npy", single)
    thresholds = np.median(single, axis=0).astype(np.float32)
    thresholds[2] = single[7, 2]  # met exactly: song 7 is not above it
    path = folder / ("thresholds.npy" if kind == "npy" else "thresholds.txt")
    names = (folder / "labels.txt").read_text().split()
    lines = [f"{name}\t{value}" if "official" in kind else f"{value}" for name, value in zip(names, thresholds)]  # noqa: B905
    path.write_text("\n".join(sorted(lines, reverse="another" in kind) if "official" in kind else lines))
    if kind == "npy":
        np.save(path, thresholds)
    found = answer(capsys, folder, "--thresholds", path, "--labels", folder / "labels.txt")
    expected = official(single, truth, single > thresholds)
    assert {name: found[name] for name in NAMES} == pytest.approx(expected)
    assert [row["threshold"] for row in found["per_label"]] == pytest.approx(thresholds.tolist())


def test_labels_add_a_table_and_absent_ones_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = example()[1]
    truth[:, 2], truth[:, 4] = False, True
    np.save(folder / "truth.npy", truth)
    found = answer(capsys, folder, "--thresholds", "best-f1", "--labels", folder / "labels.txt")
    notes = found["notes"]
    assert notes[0].startswith("1 label (mood/theme---c) without a positive song: left out of ROC-AUC-macro and PR")
    assert notes[1].startswith("1 label (mood/theme---e) without a negative song")
    rows = found["per_label"]
    assert [row["label"] for row in rows] == (folder / "labels.txt").read_text().split()
    assert (rows[2]["positives"], rows[2]["roc_auc"], rows[2]["pr_auc"], rows[2]["f_score"]) == (0, None, None, 0)
    assert found["PR-AUC-macro"] == pytest.approx(np.mean([row["pr_auc"] for row in rows if row["positives"]]))
    assert found["F-score-macro"] == pytest.approx(np.mean([row["f_score"] for row in rows]))
    assert 0 < found["other"]["calibration-error"] < 1
    assert run(folder, "--labels", folder / "labels.txt") == 0
    assert "mood/theme---c  " in capsys.readouterr().out


def test_exclusive_labels_have_an_accuracy_and_a_perfect_system_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = np.eye(4, dtype=bool)[np.arange(40) % 4]
    (folder / "labels.txt").write_text("a\nb\nc\nd")
    np.save(folder / "truth.npy", truth)
    np.save(folder / "scores.npy", 5.0 * truth)
    np.save(folder / "decisions.npy", truth)
    found = answer(capsys, folder, "--labels", folder / "labels.txt", "--decisions", folder / "decisions.npy")
    assert [found[name] for name in NAMES] == [1] * 10
    assert found["other"] == {"accuracy": 1}  # 5 is no probability, so there is no calibration error
    strict = answer(capsys, folder, "--thresholds", "best-f1")
    assert strict["F-score-macro"] == 0
    assert "4 labels (column 0, column 1, column 2, column 3) decided for no song" in strict["notes"][0]


def test_a_truth_without_positives_has_null_for_its_areas(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(folder / "truth.npy", np.zeros((200, 6)))
    found = answer(capsys, folder, "--bootstrap", "5")
    assert [found[name] for name in NAMES] == [None, None, 0, 0, 0] * 2
    assert "6 labels (column 0, column 1, column 2, column 3, column 4 and 1 more)" in found["notes"][1]
    assert run(folder) == 0
    assert capsys.readouterr().out.startswith("ROC-AUC-macro      -\n")


def test_intervals_and_a_better_system(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = example()[0]
    np.save(folder / "worse.npy", scores + np.random.default_rng(1).normal(0, 0.3, scores.shape))
    how = ["--against", folder / "worse.npy", "--bootstrap", "99", "--groups", folder / "artists.txt", "--seed", "4"]
    found = answer(capsys, folder, *how)
    assert found == answer(capsys, folder, *how)
    assert found["bootstrap"] == {"draws": 99, "unit": "group", "units": 40, "seed": 4}
    assert list(found["intervals"]) == list(found["against"]) == NAMES
    assert all(found["intervals"][name][0] < found[name] < found["intervals"][name][1] for name in NAMES)
    roc = found["against"]["ROC-AUC-macro"]
    assert 0 < roc["low"] < roc["difference"] < roc["high"]
    assert roc["p"] == pytest.approx(2 / 100)
    assert roc["second"] == pytest.approx(found["ROC-AUC-macro"] - roc["difference"])
    same = answer(capsys, folder, "--against", folder / "scores.npy", "--bootstrap", "20")["against"]
    assert all(one == {"second": pytest.approx(one["second"]), **SAME} for one in same.values())
    areas = answer(capsys, folder, *how, "--decisions", folder / "decisions.npy")
    assert list(areas["against"]) == [name for name in NAMES if "AUC" in name]
    assert "areas only" in areas["notes"][0]
    assert run(folder, *how) == 0
    out = capsys.readouterr().out
    assert "95 % intervals: 99 draws of 40 groups, seed 4" in out
    assert "second    difference  95 % interval" in out


SAME = {"difference": 0, "low": 0, "high": 0, "p": 1}


def test_a_song_without_an_artist_is_drawn_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "artists.txt").write_text("a\n" * 100 + "\n" * 100)
    found = answer(capsys, folder, "--bootstrap", "2", "--groups", folder / "artists.txt")
    assert found["bootstrap"]["units"] == 101


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_as_a_user_runs_it(folder: Path) -> None:
    files = ["--truth", folder / "truth.npy", "--scores", folder / "scores.npy"]
    done = python("-m", "train.metrics", *files, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout)) == {*NAMES, "notes"}
    done = python("-m", "train.metrics", *files, "--labels", folder / "none.txt")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)


def test_torch_is_not_needed_and_without_scikit_learn_it_says_so(folder: Path) -> None:
    files = ["--truth", folder / "truth.npy", "--scores", folder / "scores.npy"]
    assert python("-c", AND_TORCH, *files).returncode == 0
    done = python("-c", WITHOUT_SKLEARN, *files)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "train.metrics: scikit-learn is not installed: pip install 'moodstream[data]'\n"
