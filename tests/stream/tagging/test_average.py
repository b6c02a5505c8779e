"""Running averages against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.tagging.average import ExponentialAverage, Latest, Mean

windows = st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=50)


@given(windows)
def test_the_mean_is_numpys(values: list[list[float]]) -> None:
    average = Mean()
    for index, value in enumerate(values):
        average.add(np.float32(value), 3.0 * index)
    assert average.count == len(values)
    np.testing.assert_allclose(average.value(), np.mean(np.float32(values), axis=0, dtype=np.float64), atol=1e-12)


@given(windows, st.floats(0.1, 100), st.lists(st.floats(0, 10), min_size=50, max_size=50))
def test_the_exponential_average_weighs_by_age(values: list[list[float]], half_life: float, steps: list[float]) -> None:
    times = np.cumsum(steps)[: len(values)]
    average = ExponentialAverage(half_life)
    for value, at in zip(values, times, strict=True):
        average.add(np.array(value), at)
    weights = 0.5 ** ((times[-1] - times) / half_life)
    np.testing.assert_allclose(average.value(), np.average(values, axis=0, weights=weights), atol=1e-9)


@given(windows)
def test_no_average_is_the_last_window(values: list[list[float]]) -> None:
    average = Latest()
    for value in values:
        average.add(np.array(value), 0.0)
    np.testing.assert_array_equal(average.value(), values[-1])


@pytest.mark.parametrize("average", [Mean(), ExponentialAverage(1.0), Latest()])
def test_before_the_first_window_there_is_none(average: Mean) -> None:
    assert average.value() is None
    assert average.count == 0


@pytest.mark.parametrize("half_life", [0.0, -1.0, float("nan")])
def test_a_half_life_is_positive(half_life: float) -> None:
    with pytest.raises(ValueError, match="half-life"):
        ExponentialAverage(half_life)
