"""Thresholds are MediaEval's, decisions strict; precision, recall and F equal scikit-learn's, 0 for 0/0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support

from tests.train.figures.matrices import Case, cases, example
from train.figures.decisions import best_f1_thresholds, decide, tally
from train.figures.ranking import accuracy, is_exclusive


def test_the_threshold_is_the_score_with_the_best_f_and_decisions_are_above_it() -> None:
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.5]])
    truth = np.array([[True], [True], [False], [True], [False]])
    # F of the songs at or above: 0.9 1/2, 0.8 4/5, 0.7 2/3, 0.6 6/7, 0.5 3/4
    assert best_f1_thresholds(scores, truth) == pytest.approx([0.6])
    decisions = decide(scores, best_f1_thresholds(scores, truth))
    assert decisions[:, 0].tolist() == [True, True, True, False, False]
    assert [value.tolist() for value in tally(decisions, truth).by_label()] == [[pytest.approx(2 / 3)]] * 3


def test_a_perfect_classifier_with_two_scores_is_decided_for_nothing() -> None:
    _, truth = example()
    scores = truth.astype(float)
    thresholds = best_f1_thresholds(scores, truth)
    assert (thresholds == 1).all()
    assert not decide(scores, thresholds).any()
    assert tally(truth, truth).macro() == tally(truth, truth).micro() == (1, 1, 1)


def test_of_equal_f_the_lowest_threshold_is_taken() -> None:
    # F is 2/3 for the best song alone and for the first four
    scores, truth = np.array([[0.4], [0.3], [0.2], [0.1]]), np.array([[True], [False], [False], [True]])
    assert best_f1_thresholds(scores, truth) == pytest.approx([0.1])


def test_a_label_without_positives_is_decided_for_no_song() -> None:
    scores, truth = example(labels=2)
    truth[:, 1] = False
    decisions = decide(scores, best_f1_thresholds(scores, truth))
    assert decisions.any(axis=0).tolist() == [True, False]
    assert tally(decisions, truth).by_label().f_score[1] == 0


@given(cases())
def test_thresholds_are_those_of_the_official_script_where_it_has_some(case: Case) -> None:
    scores, truth = case
    found = best_f1_thresholds(scores, truth)
    for label in np.flatnonzero(truth.any(axis=0)):
        precision, recall, thresholds = precision_recall_curve(truth[:, label], scores[:, label])
        with np.errstate(invalid="ignore"):
            f_score = np.nan_to_num(2 * precision * recall / (precision + recall))
        assert found[label] == thresholds[np.argmax(f_score)]


@given(hnp.arrays(np.bool_, (7, 3)), hnp.arrays(np.bool_, (7, 3)))
def test_precision_recall_and_f_are_scikit_learns(decisions: np.ndarray, truth: np.ndarray) -> None:
    counted = tally(decisions, truth)
    for average, ours in (("macro", counted.macro()), ("micro", counted.micro()), (None, counted.by_label())):
        theirs = precision_recall_fscore_support(truth, decisions, average=average, zero_division=0)[:3]
        np.testing.assert_allclose(ours, theirs)
        assert ((np.array(ours) >= 0) & (np.array(ours) <= 1)).all()


def test_accuracy_asks_for_one_label_a_song() -> None:
    assert is_exclusive(np.eye(3, dtype=bool))
    assert not is_exclusive(np.ones((3, 1), bool))
    assert not is_exclusive(np.array([[True, True], [True, False]]))
    scores = np.array([[0.5, 0.5], [0.1, 0.2], [0.3, 0.2]])
    assert accuracy(scores, [0, 1, 1]) == pytest.approx(2 / 3)
    for classes in ([0, 1], [0, 1, 2], [0, -1, 1], [0.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="classes: "):
            accuracy(scores, classes)
