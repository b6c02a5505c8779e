"""Memory per stream is bounded, whatever is fed."""

from __future__ import annotations

import dataclasses
import gc
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from model.contract import Model
from stream.tagging.audio import AudioChunk
from stream.tagging.session import Session, SessionOptions
from tests.stream.sound import tune

RATE = 8000
Feed = Callable[[int], AudioChunk]


def steady(index: int) -> AudioChunk:
    return AudioChunk("s", SOUND, RATE, index * len(SOUND))


def with_gaps(index: int) -> AudioChunk:
    return AudioChunk("s", SOUND, RATE, index * 3 * len(SOUND) + index % 7)


def new_tracks(index: int) -> AudioChunk:
    return dataclasses.replace(steady(index), track=f"song {index}")


def damaged(index: int) -> AudioChunk:
    sound = SOUND.copy()
    sound[:: 300 + index % 50] = np.nan
    return dataclasses.replace(steady(index), samples=sound)


def songs_and_silence(index: int) -> AudioChunk:
    return steady(index) if index % 2 else dataclasses.replace(steady(index), samples=np.zeros_like(SOUND))


SOUND = tune(5, RATE)[:, None]


def grown(session: Session, feed: Feed, indices: Iterator[int], count: int) -> int:
    for _ in range(count):
        session.feed(feed(next(indices)))
    gc.collect()  # NumPy's sliding windows leave cycles behind
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("feed", [steady, with_gaps, new_tracks, damaged, songs_and_silence])
def test_a_stream_does_not_grow(tiny_model: Model, feed: Feed) -> None:
    session = Session("s", tiny_model, SessionOptions(hop_frames=94), live=True)
    indices = iter(range(10**6))
    tracemalloc.start()
    try:
        settled = grown(session, feed, indices, 20)
        later = grown(session, feed, indices, 60)
    finally:
        tracemalloc.stop()
    held = SOUND.nbytes  # a window, half a resampler's filter and a partial block may be held or not
    assert later - settled < 2 * held


@pytest.mark.parametrize("every", [1, 2, 3])
def test_sound_that_is_damaged_through_and_through_is_worked_through(tiny_model: Model, every: int) -> None:
    session = Session("s", tiny_model)
    sound = SOUND.copy()
    sound[::every] = np.nan
    records = session.feed(dataclasses.replace(steady(0), samples=sound)) + session.flush()
    assert [record.type for record in records if record.type != "status"] == ["estimate", "final"]


def test_a_chunk_of_any_length_is_worked_through_in_pieces(tiny_model: Model) -> None:
    minutes = np.tile(SOUND, (120, 1))  # ten minutes in one chunk
    session = Session("s", tiny_model)
    tracemalloc.start()
    try:
        records = session.feed(AudioChunk("s", minutes, RATE, 0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(records) >= 200
    frames = 10 * 60 * 62.5 * 96 * 4  # what all mel frames together would take beside their float64 spectra
    assert peak < 4 * minutes.nbytes + frames
