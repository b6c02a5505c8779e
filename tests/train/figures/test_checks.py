"""What no figure can be computed from is refused in one line; calibration's bins."""

from collections.abc import Callable

import numpy as np
import pytest

from train.figures import checks
from train.figures.calibration import Bin, calibration_error, reliability
from train.figures.decisions import decide

GOOD = np.eye(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checks.check_truth([0, 1]), r"truth: has shape \(2,\), needed is \(songs, labels\)"),
        (lambda: checks.check_truth(np.zeros((0, 3))), "truth: is empty"),
        (lambda: checks.check_truth([["a", "b"]]), "truth: holds <U1, needed are numbers"),
        (lambda: checks.check_truth([[0, 2]]), "truth: 2 in row 0, column 1"),
        (lambda: checks.check_truth([[0, np.nan]]), "truth: nan in row 0, column 1"),
        (lambda: checks.check_scores([[0.1]], (2, 2)), r"scores: has shape \(1, 1\), the truth has \(2, 2\)"),
        (lambda: checks.check_scores([[0, 1], [np.inf, 0]], (2, 2)), "scores: inf in row 1, column 0"),
        (lambda: checks.check_scores(GOOD * 1j, (2, 2)), "scores: holds complex128"),
        (lambda: checks.check_decisions(GOOD / 2, (2, 2)), "decisions: 0.5 in row 0, column 0"),
        (lambda: decide(GOOD, [0.5]), r"thresholds: has shape \(1,\), one threshold for each of 2 labels"),
        (lambda: decide(GOOD, [0.5, np.nan]), "thresholds: the threshold of label 1"),
        (lambda: decide(GOOD, ["a", "b"]), "thresholds: holds <U1"),
        (lambda: calibration_error([0.5], [True, False]), "shapes"),
        (lambda: calibration_error([], []), "shapes"),
        (lambda: calibration_error([1.5], [True]), "probabilities: "),
        (lambda: calibration_error([0.5], [3]), "outcomes: "),
    ],
)
def test_it_is_refused_in_one_line(call: Callable[[], object], message: str) -> None:
    with pytest.raises(checks.FigureError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_booleans_and_numbers_are_the_same_truth() -> None:
    for kind in (bool, np.uint8, np.int64, np.float32):
        assert checks.check_truth(GOOD.astype(kind)).tolist() == [[True, False], [False, True]]


def test_the_bins_of_a_reliability_diagram() -> None:
    found = reliability([0.0, 0.05, 0.55, 1.0], [False, True, True, True])
    assert found == [Bin(2, 0.025, 0.5), Bin(1, 0.55, 1.0), Bin(1, 1.0, 1.0)]
    assert calibration_error([0.0, 0.05, 0.55, 1.0], [0, 1, 1, 1]) == pytest.approx((2 * 0.475 + 0.45) / 4)
