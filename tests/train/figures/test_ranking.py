"""Areas equal scikit-learn's and hand calculation, and depend on nothing but the order of the scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.train.figures.matrices import Case, cases, example
from train.figures import ranking
from train.figures.ranking import SortedSongs

ALL = (ranking.macro_roc_auc, ranking.macro_pr_auc, ranking.micro_roc_auc, ranking.micro_pr_auc)


def test_by_hand() -> None:
    scores, truth = np.array([[0.9], [0.8], [0.7], [0.6]]), np.array([[True], [False], [True], [False]])
    assert ranking.roc_aucs(scores, truth) == pytest.approx([3 / 4])
    assert ranking.pr_aucs(scores, truth) == pytest.approx([(1 + 2 / 3) / 2])


def test_ties_count_half_and_are_one_step() -> None:
    scores, truth = np.array([[0.5], [0.5], [0.5], [0.1]]), np.array([[True], [False], [False], [False]])
    assert ranking.roc_aucs(scores, truth) == pytest.approx([(1 + 0.5 + 0.5) / 3])
    assert ranking.pr_aucs(scores, truth) == pytest.approx([1 / 3])


def test_they_are_scikit_learns() -> None:
    scores, truth = example()
    for average, roc, pr in (("macro", *ALL[:2]), ("micro", *ALL[2:])):
        assert roc(scores, truth) == pytest.approx(roc_auc_score(truth, scores, average=average))
        assert pr(scores, truth) == pytest.approx(average_precision_score(truth, scores, average=average))


def test_a_perfect_ranking_is_1_and_its_reverse_0() -> None:
    _, truth = example()
    assert [measure(truth * 0.1, truth) for measure in ALL] == [1, 1, 1, 1]
    assert ranking.macro_roc_auc(-1.0 * truth, truth) == 0


def test_labels_without_positives_or_negatives_are_left_out_of_the_areas_they_have_not() -> None:
    scores, truth = example(labels=4)
    truth[:, 1], truth[:, 2] = False, True
    roc, pr = ranking.roc_aucs(scores, truth), ranking.pr_aucs(scores, truth)
    assert np.isnan(roc).tolist() == [False, True, True, False]
    assert np.isnan(pr).tolist() == [False, True, False, False]
    assert pr[2] == 1
    assert ranking.macro_roc_auc(scores, truth) == pytest.approx((roc[0] + roc[3]) / 2)
    assert ranking.macro_pr_auc(scores, truth) == pytest.approx((pr[0] + 1 + pr[3]) / 3)
    assert all(np.isnan(measure(scores, np.zeros_like(truth))) for measure in ALL)


@given(cases(), st.randoms(use_true_random=False))
def test_only_the_order_of_scores_matters_and_none_of_songs_or_labels(case: Case, random: object) -> None:
    scores, truth = case
    order = np.random.default_rng(random.randrange(2**32)).permutation(len(scores))  # type: ignore[attr-defined]
    for measure in ALL:
        value = measure(scores, truth)
        assert np.isnan(value) or 0 <= value <= 1
        for same in (measure(np.exp(3 * scores) - 7, truth), measure(scores[order], truth[order])):
            assert same == pytest.approx(value, nan_ok=True)
        assert measure(scores[:, ::-1], truth[:, ::-1]) == pytest.approx(value, nan_ok=True)


@given(cases(), st.integers(0, 2**32 - 1))
def test_sorted_once_the_areas_are_those_of_songs_repeated(case: Case, seed: int) -> None:
    scores, truth = case
    weights = np.random.default_rng(seed).integers(0, 4, len(scores))
    if not weights.sum():
        weights[0] = 1
    again, truth_again = np.repeat(scores, weights, axis=0), np.repeat(truth, weights, axis=0)
    found = SortedSongs(scores, truth).areas(weights.astype(float))
    expected = ranking.micro_roc_auc(again, truth_again), ranking.micro_pr_auc(again, truth_again)
    assert found == pytest.approx(expected, nan_ok=True)
    found = SortedSongs(scores[:, 0], truth[:, 0]).areas(weights.astype(float))
    expected = ranking.roc_aucs(again, truth_again)[0], ranking.pr_aucs(again, truth_again)[0]
    assert found == pytest.approx(expected, nan_ok=True)
