"""Silence parts songs: every sample comes out once, and boundaries do not depend on chunks."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.tagging.silence import Boundary, SilenceSplitter

RATE = 1000  # blocks of 20 samples


def split(signal: np.ndarray, cuts: list[int], reset_after: float = 0.1) -> list[np.ndarray | Boundary]:
    splitter = SilenceSplitter(RATE, -60.0, reset_after)
    at = [0, *sorted(cuts), len(signal)]
    pieces = [piece for a, b in itertools.pairwise(at) for piece in splitter.feed(signal[a:b])]
    return [*pieces, splitter.flush()]


def boundaries(pieces: list[np.ndarray | Boundary]) -> list[tuple[Boundary, int]]:
    found, position = [], 0
    for piece in pieces:
        if isinstance(piece, Boundary):
            found.append((piece, position))
        else:
            position += len(piece)
    return found


signals = st.lists(
    st.tuples(st.sampled_from([0.0, 1e-4, 0.0009, 0.002, 0.5]), st.integers(1, 150)), min_size=1, max_size=12
).map(lambda parts: np.concatenate([np.full(n, level, np.float32) for level, n in parts]))


@given(signals, st.data())
def test_every_sample_comes_out_once_and_any_cut_gives_the_same_boundaries(
    signal: np.ndarray, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(signal)), max_size=8))
    pieces = split(signal, cuts)
    np.testing.assert_array_equal(np.concatenate([p for p in pieces if not isinstance(p, Boundary)]), signal)
    assert boundaries(pieces) == boundaries(split(signal, []))


@given(signals, st.data())
def test_starts_and_ends_alternate(signal: np.ndarray, data: st.DataObject) -> None:
    kinds = [boundary for boundary, _ in boundaries(split(signal, []))]
    assert kinds == [Boundary.START, Boundary.END] * (len(kinds) // 2) + [Boundary.START] * (len(kinds) % 2)


def test_a_track_begins_with_its_first_loud_sample() -> None:
    for lead in range(100, 200):
        signal = np.concatenate([np.zeros(lead, np.float32), np.full(300, 0.3, np.float32)])
        assert boundaries(split(signal, [])) == [(Boundary.START, lead)]


def test_a_track_ends_when_it_has_been_silent_for_long_enough() -> None:
    signal = np.concatenate([np.full(200, 0.3, np.float32), np.zeros(300, np.float32)])
    assert boundaries(split(signal, [], reset_after=0.1)) == [(Boundary.START, 0), (Boundary.END, 300)]
    assert boundaries(split(signal, [], reset_after=0.4)) == [(Boundary.START, 0)]
