"""Draws are whole groups and repeat with their seed; intervals are about the figure; the paired test finds what is."""

import numpy as np
import pytest
from hypothesis import given

from tests.train.figures.matrices import Case, cases, example
from train.figures.bootstrap import draws, interval, p_value, without_bias
from train.figures.decisions import NAMES, System, best_f1_thresholds, decide, drawn_figures, mediaeval


def test_a_draw_holds_groups_whole_and_as_many_as_there_are() -> None:
    groups = ["a", "b", "a", "c", "c", "c"]
    for weights in draws(groups, 50, seed=1):
        assert weights[0] == weights[2]
        assert weights[3] == weights[4] == weights[5]
        assert weights[0] + weights[1] + weights[3] == 3
    assert len({tuple(weights) for weights in draws(groups, 50, seed=1)}) > 5
    first, again = (np.array(list(draws(range(9), 5, seed=3))) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@given(cases())
def test_the_figures_of_a_draw_are_those_of_its_songs(case: Case) -> None:
    scores, truth = case
    decisions = scores > 0.25
    drawn = drawn_figures(System(scores, decisions), truth, range(len(truth)), 3, seed=5)
    for row, weights in zip(drawn, draws(range(len(truth)), 3, seed=5), strict=True):
        times = weights.astype(int)
        repeated = (np.repeat(matrix, times, axis=0) for matrix in (scores, truth, decisions))
        assert list(mediaeval(*repeated).values()) == pytest.approx(row.tolist(), nan_ok=True)


def test_the_interval_of_a_rare_label_is_about_its_figure() -> None:
    scores, truth = example(songs=400, labels=3)
    truth &= np.random.default_rng(1).random(truth.shape) < 0.1
    system = System(scores, decide(scores, best_f1_thresholds(scores, truth)))
    figures = list(mediaeval(scores, truth, system.decisions).values())
    drawn = drawn_figures(system, truth, range(400), 300, seed=0)
    for name, figure, column in zip(NAMES, figures, drawn.T, strict=True):
        low, high = interval(without_bias(column, figure))
        assert low < figure < high, name


def test_groups_of_alike_songs_widen_the_interval() -> None:
    scores, truth = example(songs=100, labels=1)
    scores, truth = np.repeat(scores, 4, axis=0), np.repeat(truth, 4, axis=0)
    widths = []
    for groups in (range(400), [song // 4 for song in range(400)]):
        low, high = interval(drawn_figures(System(scores, None), truth, groups, 300, seed=0)[:, 0])
        widths.append(high - low)
    assert widths[1] / widths[0] == pytest.approx(2, rel=0.25)


def test_p_counts_the_draws_beyond_0() -> None:
    assert p_value([1.0] * 99) == pytest.approx(2 / 100)
    assert p_value([-1.0] * 99) == pytest.approx(2 / 100)
    assert p_value([1.0] * 90 + [-1.0] * 9) == pytest.approx(2 * 10 / 100)
    assert p_value([0.0] * 99) == 1
    assert p_value([1.0, np.nan, -1.0]) == 1
    assert np.isnan(p_value([np.nan]))
    assert np.isnan(interval([np.nan])).all()
    assert np.isnan(without_bias([np.nan], 0.5)).all()
