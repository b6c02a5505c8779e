"""Artists and years as targets: the most frequent artists, five-year buckets, masks where nothing is known."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data.manifest import Entry, Manifest
from train.data.metadata import YearBuckets, artist_targets, spelt_differently, top_artists


def songs(*metadata: dict[str, str]) -> Manifest:
    entries = tuple(Entry(str(i), Path("x"), known) for i, known in enumerate(metadata))
    return Manifest("mine", entries, ("happy",), np.ones((len(metadata), 1), np.float32))


def test_top_artists_and_their_targets() -> None:
    manifest = songs({"artist": "b"}, {"artist": "c"}, {"artist": "b"}, {"artist": "a"}, {})
    top = top_artists(manifest, 2)
    assert top == ("b", "a")
    expected = [[1, 0], [0, 0], [1, 0], [0, 1], [np.nan, np.nan]]
    np.testing.assert_array_equal(artist_targets(manifest, top), np.array(expected, np.float32))


def test_nine_buckets_of_five_years_end_with_the_newest_song() -> None:
    manifest = songs({"year": "2012"}, {"year": "1955"}, {}, {"year": "2009"})
    buckets = YearBuckets.of(manifest)
    assert buckets is not None
    assert buckets.names[:2] == ("to 1974", "1975-1979")
    assert buckets.names[-1] == "2010-2014"
    assert len(buckets.names) == 9
    targets = buckets.targets(manifest)
    assert [np.flatnonzero(row == 1).tolist() for row in targets] == [[8], [0], [], [7]]
    assert np.isnan(targets[2]).all()
    assert buckets.index(2030) == 8


def test_without_years_there_are_no_buckets() -> None:
    assert YearBuckets.of(songs({}, {"artist": "a"})) is None


@given(st.integers(1960, 2090), st.integers(1, 15))
def test_buckets_are_known_by_their_names(newest: int, count: int) -> None:
    buckets = YearBuckets.of(songs({"year": str(newest)}), count)
    assert buckets is not None
    # Alone, "to 1984" may be anything.
    assert YearBuckets.named(buckets.names) == (buckets if count > 1 else None)
    assert YearBuckets.named(buckets.names[::-1]) is None


def test_other_names_are_no_buckets() -> None:
    assert [YearBuckets.named(names) for names in ((), ("happy", "sad"), ("1984", "1985"))] == [None] * 3


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        ({"Björk", "Bjork", "Abba"}, [("Bjork", "Björk")]),
        ({"The Beatles", "the  beatles", "TheBeatles"}, [("The Beatles", "TheBeatles", "the  beatles")]),
        ({"AC/DC", "ACDC"}, [("AC/DC", "ACDC")]),
        ({"Björk", "Bjo\u0308rk"}, [("Bjo\u0308rk", "Björk")]),
        ({"Abba", "Abbe", "!!!", "???"}, []),
        ({"Сплин", "сплин"}, [("Сплин", "сплин")]),
    ],
)
def test_names_spelt_differently(names: set[str], groups: list[tuple[str, ...]]) -> None:
    assert spelt_differently(names) == groups
