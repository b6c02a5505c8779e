"""How far two networks are apart is measured as it is said."""

from pathlib import Path

import numpy as np
import pytest

from model.contract import ModelError, load
from model.export import compare, greatest_difference
from tests import models

WINDOWS = np.random.default_rng(2).uniform(0, 4, (5, 187, 96)).astype(np.float32)


def test_greatest_and_mean_difference_and_the_leading_label() -> None:
    first = np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.2]], np.float32)
    second = np.array([[0.1, 0.8], [0.4, 0.6], [0.5, 0.2]], np.float32)
    found = compare(
        lambda batch: first[batch[:, 0, 0].astype(int)],
        lambda batch: second[batch[:, 0, 0].astype(int)],
        [np.array([[[0]], [[1]]], np.float32), np.zeros((0, 1, 1), np.float32), np.array([[[2]]], np.float32)],
    )
    assert (found.windows, found.leading) == (3, pytest.approx(2 / 3))
    assert (found.greatest, found.mean) == (pytest.approx(0.2), pytest.approx(0.5 / 6))


def test_what_is_no_number_does_not_pass_for_equal() -> None:
    found = compare(
        lambda batch: np.full((len(batch), 2), np.nan, np.float32), lambda batch: batch[:, 0, :2], [WINDOWS]
    )
    assert np.isnan(found.greatest)


def test_a_file_equals_itself_and_not_another(tmp_path: Path) -> None:
    path = models.save(tmp_path / "one.onnx")
    other = models.save(tmp_path / "other.onnx", models.tiny_network(gain=0.9))
    assert greatest_difference(load(path).predict, path, [WINDOWS]) == 0
    apart = np.abs(load(path).predict(WINDOWS) - load(other).predict(WINDOWS)).max()
    assert greatest_difference(load(path).predict, other, [WINDOWS[:2], WINDOWS[2:]]) == apart > 0.01


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    path = models.save(tmp_path / "one.onnx")
    with pytest.raises(ValueError, match="no windows"):
        greatest_difference(load(path).predict, path, [])
    with pytest.raises(ModelError, match="no model file"):
        greatest_difference(load(path).predict, tmp_path / "none.onnx", [WINDOWS])
