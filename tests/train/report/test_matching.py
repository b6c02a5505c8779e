"""A model is judged by the annotations that its labels are names of: the manifest's labels, or its metadata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.data.manifest import Entry, Manifest
from train.report.matching import MatchError, match

ROWS = (
    {"artist": "Ann", "language": "de", "year": "1999"},
    {"artist": "Béla", "language": "en", "year": "2004"},
    {"artist": "happy", "language": "fr", "year": "2012"},
    {"artist": "Ann"},
)


def songs(labels: tuple[str, ...] = ("happy", "sad"), rows: tuple[dict[str, str], ...] = ROWS) -> Manifest:
    entries = tuple(Entry(f"s{i}", Path(f"{i}.mp3"), known, "test") for i, known in enumerate(rows))
    return Manifest("mine", entries, labels, np.full((len(rows), len(labels)), 0.25, np.float32), positive_rate=0.2)


def test_moods_are_judged_by_labels_even_if_an_artist_is_called_so() -> None:
    matching = match(("happy", "sad", "calm"), songs())
    assert matching.labels == ("happy", "sad")
    assert matching.manifest.positives().all()


@pytest.mark.parametrize("labels", [(), ("happy", "sad")])
def test_artists_are_judged_by_artists(labels: tuple[str, ...]) -> None:
    matching = match(("Cleo", "Béla", "happy", "Ann"), songs(labels))
    assert matching.labels == ("Béla", "happy", "Ann")  # nobody can say how well Cleo is known
    np.testing.assert_array_equal(matching.manifest.rates, [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert matching.remarks[0].startswith("the labels are the songs' artist")
    assert "only the model has Cleo: not judged" in matching.remarks


def test_another_language_and_an_unknown_one_are_no_annotation() -> None:
    rates = match(("en", "de"), songs()).manifest.rates
    np.testing.assert_array_equal(rates, np.array([[0, 1], [1, 0], [np.nan] * 2, [np.nan] * 2], np.float32))


def test_years_are_judged_by_their_buckets() -> None:
    matching = match(("to 1999", "2000-2004", "2005-2009", "2010-2014"), songs())
    assert matching.labels == ("to 1999", "2000-2004", "2010-2014")
    np.testing.assert_array_equal(matching.manifest.rates[:3], np.eye(3))
    assert np.isnan(matching.manifest.rates[3]).all()


def test_a_manifest_without_labels_says_so() -> None:
    with pytest.raises(MatchError, match="the model knows happy, sad; the manifest has no labels"):
        match(("happy", "sad"), songs((), ({"artist": "Ann"},)))
