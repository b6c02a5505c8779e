"""Splits hold their shares, keep artists apart where they promise it, and are the same for the same seed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.data.manifest import SPLITS, Entry, Manifest
from train.data.splits import default_how, heard_artists, split
from train.data.table import AnnotationError


def songs(artists: list[str | None], splits: list[str | None] | None = None) -> Manifest:
    entries = tuple(
        Entry(str(i), Path(f"{i}.mp3"), {"artist": artist} if artist else {}, splits[i] if splits else None)
        for i, artist in enumerate(artists)
    )
    return Manifest("mine", entries, ("happy",), np.ones((len(artists), 1), np.float32))


def shares(manifest: Manifest) -> Counter[str | None]:
    return Counter(entry.split for entry in manifest.entries)


MANY = [f"artist {i % 50 * i % 37}" for i in range(1000)]


@pytest.mark.parametrize("seed", range(5))
def test_no_artist_is_in_two_splits(seed: int) -> None:
    result = split(songs(list(MANY)), "artist", seed)
    of: dict[str | None, set[str | None]] = {}
    for entry in result.entries:
        of.setdefault(entry.artist, set()).add(entry.split)
    assert all(len(found) == 1 for found in of.values())
    assert heard_artists(result)[1] == 0
    assert abs(shares(result)["train"] - 800) <= 40


def test_a_random_split_is_by_song_and_hears_test_artists() -> None:
    result = split(songs(list(MANY)), "random", 0)
    assert shares(result) == {"train": 800, "validation": 100, "test": 100}
    artists, heard = heard_artists(result)
    assert artists == heard > 10


def test_a_seed_is_a_split() -> None:
    first, again, other = (split(songs(list(MANY)), "artist", seed) for seed in (1, 1, 2))
    assert first.entries == again.entries
    assert first.entries != other.entries


def test_songs_of_unknown_artists_serve_training_only() -> None:
    result = split(songs([*MANY, *[None] * 100]), "artist", 0)
    assert {entry.split for entry in result.entries if not entry.artist} == {"train"}


def test_variants_of_a_piece_stay_together() -> None:
    entries = tuple(Entry(str(i), Path("x"), {"group": f"g{i // 4}"}) for i in range(200))
    result = split(Manifest("mine", entries, ("happy",), np.ones((200, 1), np.float32)), "random", 3)
    assert all(len({e.split for e in result.entries[i : i + 4]}) == 1 for i in range(0, 200, 4))


@given(st.lists(st.integers(1, 20), min_size=3, max_size=8), st.integers(0, 5), st.integers(0, 99))
def test_three_artists_are_enough_for_three_splits(sizes: list[int], unknown: int, seed: int) -> None:
    names: list[str | None] = [f"artist {i}" for i, size in enumerate(sizes) for _ in range(size)]
    result = split(songs([*names, *[None] * unknown]), "artist", seed)
    parts = [{e.artist for e in result.entries if e.split == name and e.artist} for name in SPLITS]
    assert all(parts[1:])
    assert sum(map(len, parts)) == len(set(names))
    assert shares(result)["train"] > 0


@pytest.mark.parametrize("count", [3, 4])
def test_the_smallest_artists_are_held_back_where_each_is_more_than_a_tenth(count: int) -> None:
    names: list[str | None] = [f"artist {i}" for i in range(count) for _ in range(20 + 10 * (i > 1))]
    held = [e.artist for seed in range(20) for e in split(songs(names), "artist", seed).entries if e.split != "train"]
    assert set(held) == {"artist 0", "artist 1"}


def test_a_given_split_leaves_out_songs_without_one() -> None:
    result = split(songs(["a", "b", "c"], ["train", None, "validation"]), "given")
    assert [entry.id for entry in result.entries] == ["0", "2"]


@pytest.mark.parametrize(
    ("artists", "splits", "how", "message"),
    [
        (["a", "b"], ["train", "train"], "given", "no song of mine is in the split validation"),
        (["a", "b"], None, "given", "comes without a split"),
        (["a"] * 20, None, "artist", "too few artists"),
        (["a", "b"], None, "random", "no song of mine is in the split"),
    ],
)
def test_an_empty_split_is_one_line(
    artists: list[str | None], splits: list[str | None] | None, how: str, message: str
) -> None:
    with pytest.raises(AnnotationError, match=message):
        split(songs(artists, splits), how)


def test_how_to_split_when_nobody_says() -> None:
    given = ["train", "train", "validation", "test"]
    assert default_how(songs(["a", "b", "c", "d"], given)) == "artist"
    assert default_how(songs(["a", "b", "c", "d"], given), own=True) == "given"
    assert default_how(songs(["a"] * 4, given)) == "given"
    assert default_how(songs(["a", "b", "c", "d"])) == "artist"
    assert default_how(songs([None] * 9), own=True) == "random"
    assert default_how(songs(["a", "b", None, "a"]), own=True) == "random"


@given(
    st.lists(st.tuples(st.sampled_from([None, "a", "b", "c", "d"]), st.sampled_from([None, *SPLITS])), max_size=40),
    st.booleans(),
)
def test_what_is_chosen_when_nobody_says_can_be_done(rows: list[tuple[str | None, str | None]], own: bool) -> None:
    # Enough songs for a drawn split, and one of each split for a given one, whatever the others are.
    rows += [(None, name if any(given for _, given in rows) else None) for name in SPLITS]
    manifest = songs([artist for artist, _ in rows], [given for _, given in rows])
    assert {entry.split for entry in split(manifest, default_how(manifest, own)).entries} == set(SPLITS)
