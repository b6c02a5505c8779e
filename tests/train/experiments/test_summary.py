"""Tables of experiments: what is not annotated does not count, pairs are of the same songs, intervals are honest."""

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.metrics import average_precision_score, roc_auc_score

from train.experiments import cell
from train.experiments.plan import Plan, Row
from train.experiments.summary import Estimate, cell_figures, coverage, summarise

RNG = np.random.default_rng(0)


def scored(truth: np.ndarray, scores: np.ndarray, first: int = 0) -> cell.Tested:
    names = np.array([f"s{first + i}" for i in range(len(truth))])
    labels = np.array([f"l{i}" for i in range(truth.shape[1])])
    return cell.Tested(names, np.array([""] * len(truth)), labels, truth, scores, steps=1, validation=0.5)


def test_a_label_is_judged_on_the_songs_that_are_annotated_with_it() -> None:
    truth = (RNG.random((60, 3)) < 0.4).astype(float)
    scores = np.clip(truth * 0.3 + RNG.random((60, 3)) * 0.7, 0, 1)
    truth[:30, 0] = np.nan
    truth[40:, 1] = np.nan
    figures = cell_figures(scored(truth, scores))
    known = [~np.isnan(truth[:, label]) for label in range(3)]
    areas = [average_precision_score(truth[k, i], scores[k, i]) for i, k in enumerate(known)]
    assert figures["PR-AUC-macro"] == pytest.approx(np.mean(areas))
    pairs = ~np.isnan(truth)
    assert figures["ROC-AUC-micro"] == pytest.approx(roc_auc_score(truth[pairs], scores[pairs]))


def test_a_perfect_scorer_is_perfect_whatever_is_unknown() -> None:
    truth = (RNG.random((40, 2)) < 0.5).astype(float)
    scores = truth * 0.8 + 0.1
    truth[::2, 1] = np.nan
    figures = cell_figures(scored(truth, scores))
    assert figures["PR-AUC-macro"] == figures["ROC-AUC-macro"] == figures["PR-AUC-micro"] == 1.0


def test_differences_are_taken_on_the_same_songs_only() -> None:
    truth, scores = (RNG.random((20, 2)) < 0.5).astype(float), RNG.random((20, 2))
    plan = Plan("x", (Row("a", None), Row("b", None, against="a")), ("PR-AUC-macro",))
    cells = {("given", "a"): [scored(truth, scores)], ("given", "b"): [scored(truth, scores, first=5)]}
    with pytest.raises(ValueError, match="different songs"):
        summarise(plan, [0], cells)


def test_what_no_figure_counts_is_said_for_each_split() -> None:
    whole = (RNG.random((20, 3)) < 0.5).astype(float)
    whole[0] = 1
    lacking = whole.copy()
    lacking[:, 1] = 0
    lacking[:4] = np.nan
    less = lacking.copy()
    less[5] = np.nan
    plan = Plan("x", (Row("a", None), Row("b", None), Row("c", None)), ("PR-AUC-macro",))
    cells = {("random", name): [scored(truth, truth) for truth in truths] for name, truths in
             {"a": (lacking, less), "b": (lacking, less), "c": (whole, whole)}.items()}  # fmt: skip
    cells |= {("given", name): [scored(whole, whole), scored(lacking, lacking)] for name in ("a", "b", "c")}
    assert coverage(plan, cells) == [
        "split random (a; b): 1 of 3 labels have no test song: left out of the macro figures; "
        "15 to 16 of 20 test songs are annotated and judged",
        "split given: 0 to 1 of 3 labels have no test song: left out of the macro figures; "
        "16 to 20 of 20 test songs are annotated and judged",
    ]
    assert coverage(plan, {("given", name): [scored(whole, whole)] for name in ("a", "b", "c")}) == []


def test_an_interval_is_students_and_allows_for_shared_songs() -> None:
    values = [0.50, 0.54, 0.61]
    plain, shared = Estimate.of(values), Estimate.of(values, shared=0.125)
    low, high = student.interval(0.95, 2, np.mean(values), np.std(values, ddof=1) / np.sqrt(3))
    assert (plain.low, plain.high) == pytest.approx((low, high))
    assert (shared.high - shared.low) / (plain.high - plain.low) == pytest.approx(np.sqrt((1 / 3 + 0.125) * 3))
    assert np.isnan(Estimate.of([0.5]).low)
