"""The figures equal scikit-learn's and hand calculation; the blend calibrates; the reports are complete."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from model.circumplex import valence_arousal
from tests.train.test_fit import configuration_file
from train import evaluate_default, export, fit
from train.data.negatives import training_negative, validation_negatives
from train.data.song import EMOTIONS, MOODS, Song
from train.figures.bootstrap import bootstrap
from train.figures.calibration import calibration_error, correlation
from train.figures.ranking import accuracy, macro_pr_auc, macro_roc_auc
from train.learn.blend import fit_blend
from train.learn.configuration import load
from train.learn.scoring import calibration_pairs, mood_figures, score_songs, windows
from train.learn.song_material import song_material
from train.learn.trained import load_trained

RNG = np.random.default_rng(0)


class TestMetrics:
    scores = RNG.random((60, 4))
    positives = RNG.random((60, 4)) < 0.3

    def test_areas_equal_scikit_learns_macro_averages(self) -> None:
        ours = macro_pr_auc(self.scores, self.positives)
        assert ours == pytest.approx(average_precision_score(self.positives, self.scores, average="macro"))
        ours = macro_roc_auc(self.scores, self.positives)
        assert ours == pytest.approx(roc_auc_score(self.positives, self.scores, average="macro"))

    def test_a_label_without_positives_is_left_out(self) -> None:
        positives = self.positives.copy()
        positives[:, 2] = False
        expected = average_precision_score(positives[:, [0, 1, 3]], self.scores[:, [0, 1, 3]], average="macro")
        assert macro_pr_auc(self.scores, positives) == pytest.approx(expected)

    def test_accuracy_is_that_of_the_highest(self) -> None:
        truth = RNG.integers(0, 4, 60)
        expected = accuracy_score(truth, self.scores.argmax(axis=1))
        assert accuracy(self.scores, truth) == pytest.approx(expected)

    def test_correlation_is_pearsons(self) -> None:
        first, second = RNG.random(30), RNG.random(30)
        assert correlation(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1])
        assert np.isnan(correlation(first, np.ones(30)))

    def test_valence_and_arousal_are_russells(self) -> None:
        valence, arousal = valence_arousal(*np.eye(4))
        assert valence.tolist() == [1, -1, -1, 1]
        assert arousal.tolist() == [1, 1, -1, -1]

    def test_calibration_error_by_hand(self) -> None:
        # 0.1 and 0.2 lie in bins of their own: |0.1 - 0| and |0.25 - 0.5|, two predictions each
        probabilities, outcomes = np.array([0.1, 0.1, 0.25, 0.25]), np.array([False, False, True, False])
        assert calibration_error(probabilities, outcomes) == pytest.approx((0.1 + 0.25) / 2)
        assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0

    def test_the_interval_of_a_mean_is_about_two_standard_errors(self) -> None:
        values = np.random.default_rng(1).normal(0, 1, 400)
        low, high = bootstrap(lambda x: float(x.mean()), [values])
        assert low < values.mean() < high
        assert high - low == pytest.approx(4 * values.std() / 20, rel=0.15)


def songs_and_features(count: int = 200) -> tuple[list[Song], np.ndarray, np.ndarray]:
    """Songs whose features are overconfident but say the truth most of the time."""
    rng = np.random.default_rng(4)
    songs, rows = [], []
    for number in range(count):
        quadrant = int(rng.integers(4))
        kind = number % 3
        rates = tuple(float(rate) for rate in rng.random(len(EMOTIONS)) * 0.6)
        plane = (3 + (1 if quadrant in (0, 3) else -1) + rng.normal(0, 0.5), 3.0 + (1 if quadrant < 2 else -1))
        labels = [{"quadrant": quadrant}, {"emotions": rates}, {"ratings": plane}][kind]
        songs.append(Song("x", str(number), Path(), "validation", "", **labels))  # type: ignore[arg-type]
        shown = quadrant if rng.random() < 0.7 else int(rng.integers(4))
        emotions = 8 * (np.array(rates) - 0.3 + rng.normal(0, 0.15, 8))
        rows.append(np.concatenate([12 * (np.eye(4)[shown] - 0.5), emotions, np.array(plane) - 3]))
    return songs, np.array(rows, np.float32), np.arange(count)


def test_the_blend_calibrates_and_ranks() -> None:
    songs, features, owners = songs_and_features()
    blend = fit_blend(features, owners, songs)
    assert (blend.weights.shape, blend.bias.shape) == ((9, 14), (9,))
    scores = blend.song_scores(features, owners, len(songs))
    assert calibration_error(*calibration_pairs(songs, scores)) < 0.06
    raw = 1 / (1 + np.exp(-features[:, [0, 1, 2, 3, 5, 8, 9, 10, 11]].astype(float)))
    assert calibration_error(*calibration_pairs(songs, raw)) > 0.08
    figures = mood_figures(songs, scores, draws=20)
    assert figures["4Q accuracy"][0] > 0.7
    assert figures["valence r"][0] > 0.8
    assert all(low <= value <= high for value, low, high in figures.values())


def test_a_songs_score_is_the_mean_over_whole_windows() -> None:
    levels = RNG.random((2 * 187 + 100, 96)).astype(np.float16)
    assert windows(levels).shape == (2, 187, 96)

    def first_value(frames: np.ndarray) -> np.ndarray:
        return frames[:, 0, :1]

    song = Song("x", "y", Path(), "train", "")
    expected = (windows(levels)[0, 0, 0] + windows(levels)[1, 0, 0]) / 2
    pack = {song.key: levels}
    assert score_songs(first_value, [song], pack)[0, 0] == pytest.approx(expected)  # type: ignore[arg-type]


def test_what_is_not_music_is_reproducible_and_held_out() -> None:
    np.testing.assert_array_equal(training_negative(2), training_negative(2))
    kinds = validation_negatives_without_speech()
    assert set(kinds) == {"silence", "noise", "hum"}
    assert all(np.isfinite(samples).all() for sounds in kinds.values() for samples in sounds)


def validation_negatives_without_speech() -> dict[str, list[np.ndarray]]:
    try:
        return {kind: sounds for kind, sounds in validation_negatives().items() if "speech" not in kind}
    except RuntimeError as error:
        pytest.skip(str(error))


def test_two_runs_become_one_file_that_the_report_judges(
    small_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate_default, "DRAWS", 10)
    monkeypatch.setattr("train.learn.scoring.validation_negatives", lambda: {"silence": [np.zeros(64000)]})
    configuration = load(configuration_file(tmp_path, steps=3))
    runs = [tmp_path / "a", tmp_path / "b"]
    for seed, run in enumerate(runs):
        fit.fit(configuration, song_material(small_cache), run, seed)
    output = tmp_path / "small.onnx"
    names = [str(run) for run in runs]
    where = ["--output", str(output), "--cache", str(small_cache)]
    assert export.main(["--runs", names[0], "--listeners", names[1], *where]) == 0
    assert evaluate_default.main(["--model", str(output), "--cache", str(small_cache)]) == 0
    text = capsys.readouterr().out
    for part in ("4Q accuracy", "calibration error", "Emotify ", "-12 dB", "degraded", "silence"):
        assert part in text
    assert evaluate_default.main(["--model", *names, "--cache", str(small_cache)]) == 0
    assert "deviation" in capsys.readouterr().out


def test_a_run_with_a_mood_head_is_exported_without_its_metadata(small_cache: Path, tmp_path: Path) -> None:
    path = configuration_file(tmp_path, steps=1)
    text = path.read_text().replace("quadrant: {loss: softmax}", "mood: {loss: sigmoid}")
    path.write_text(text.replace("  plane: {loss: squared}\n", ""))
    fit.fit(load(path), song_material(small_cache), tmp_path / "run", seed=0)
    output = tmp_path / "mood.onnx"
    assert export.main(["--runs", str(tmp_path / "run"), "--output", str(output)]) == 0
    predict = evaluate_default.load_predictor(output)
    network, stored = load_trained(tmp_path / "run")
    frames = RNG.random((2, 187, 96)).astype(np.float32)
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(frames))["mood"]).numpy()
    np.testing.assert_allclose(predict(frames), expected, rtol=0, atol=1e-5)
    assert tuple(stored["labels"]["mood"]) == MOODS


def test_a_missing_model_is_one_line_and_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_default.main(["--model", str(tmp_path / "none.onnx"), "--cache", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train.evaluate_default: ")
