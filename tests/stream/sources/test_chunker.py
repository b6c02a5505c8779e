from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.common.retry import Backoff
from stream.sources.chunker import Chunker
from stream.sources.decode import Block
from stream.tagging.audio import AudioChunk, SourceStatus

_cuts = st.lists(st.integers(0, 500), max_size=20)


@given(sizes=_cuts)
def test_blocks_of_any_size_become_chunks_of_one(sizes):
    sound = np.arange(sum(sizes) * 2, dtype=np.float32).reshape(-1, 2)
    chunker = Chunker("a", seconds=0.1)
    chunks = []
    begin = 0
    for size in sizes:
        chunks += chunker.feed(sound[begin : begin + size], 1000)
        begin += size
        assert chunker.held < 100
    chunks += chunker.flush()
    assert all(len(chunk.samples) == 100 for chunk in chunks[:-1])
    assert [chunk.first_sample for chunk in chunks] == list(range(0, len(sound), 100))
    if chunks:
        np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), sound)


@given(before=st.integers(0, 250), lost=st.integers(0, 1000))
def test_what_was_lost_is_a_jump_that_is_flagged(before, lost):
    chunker = Chunker("a", seconds=0.1)
    chunks = chunker.feed(np.zeros((before, 1), np.float32), 1000) + chunker.lose(lost)
    assert sum(len(chunk.samples) for chunk in chunks) == before
    (after,) = chunker.feed(np.zeros((100, 1), np.float32), 1000)
    assert after.first_sample == before + lost
    assert after.discontinuity
    assert not any(chunk.discontinuity for chunk in chunks)


@pytest.mark.parametrize(("lost", "words"), [(300, "0.3 s of sound are missing"), (0, ": sound is missing")])
def test_damage_becomes_a_warning_between_the_sound_before_and_after_it(lost, words):
    chunker = Chunker("a", seconds=0.1)
    sound = np.zeros((1250, 1), np.float32)
    before = chunker.take(Block(sound), 1000)
    last, warning, after = chunker.take(Block(sound[:100], lost=lost, damaged=True), 1000)
    assert not any(isinstance(item, SourceStatus) for item in before)
    assert isinstance(last, AudioChunk)
    assert isinstance(warning, SourceStatus)
    assert isinstance(after, AudioChunk)
    assert (warning.kind, warning.lost_seconds) == ("warning", lost / 1000)
    assert f"{words} at 1.2 s" in warning.detail
    assert (after.first_sample, after.discontinuity) == (1250 + lost, True)


def test_a_track_begins_at_the_very_sample():
    chunker = Chunker("a", seconds=0.1)
    sound = np.arange(250, dtype=np.float32).reshape(-1, 1)
    first = chunker.begin_track("one") + chunker.feed(sound[:130], 1000)
    second = chunker.begin_track("two") + chunker.feed(sound[130:], 1000)
    found = [(chunk.first_sample, chunk.track, chunk.starts_track) for chunk in first + second]
    assert found == [(0, "one", True), (100, "one", False), (130, "two", True)]


def test_waits_grow_to_a_bound_and_start_again():
    backoff = Backoff(first=1.0, longest=8.0)
    bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(bound / 2 <= backoff.next() <= bound for bound in bounds)
    backoff.reset()
    assert backoff.next() <= 1.0
    assert len({Backoff().next() for _ in range(10)}) > 1
