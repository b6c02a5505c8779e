"""Chunks of sound become chunks for Kafka: one length, one track each, and what was lost is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from stream.common.errors import StreamError
from stream.kafka.publish.packer import Packer
from stream.kafka.wire.chunks import Chunk
from stream.tagging.audio import AudioChunk
from tests.stream.sound import chunks, tune

RATE = 16_000


def packed(items: Iterable[AudioChunk], *, hold: bool = True, finite: bool = True, seconds: float = 1.0) -> list[Chunk]:
    packer = Packer("stream", seconds, hold=hold, finite=finite)
    return [piece for item in items for piece in packer.feed(item)] + packer.close()


def sound(pieces: Sequence[Chunk]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in pieces])


def flags(pieces: Sequence[Chunk]) -> list[str]:
    names = ("start", "end", "discontinuity")
    return ["".join(name[0] for name in names if getattr(piece, name)) for piece in pieces]


@pytest.mark.parametrize("seconds", [0.25, 0.7, 1.0])
@pytest.mark.parametrize("size", [160, 4_000, 100_000])
def test_all_samples_come_in_chunks_of_one_length(seconds: float, size: int) -> None:
    samples = tune(5.3)[:, None]
    pieces = packed(chunks(samples, size=size), seconds=seconds)
    assert np.array_equal(sound(pieces), samples)
    assert {len(piece.samples) for piece in pieces[:-1]} == {round(seconds * RATE)}
    assert [piece.sample for piece in pieces] == [i * round(seconds * RATE) for i in range(len(pieces))]
    assert flags(pieces) == ["s", *[""] * (len(pieces) - 2), "e"]
    assert len({piece.session for piece in pieces}) == 1


def test_a_live_stream_waits_for_nothing_and_ends_with_an_empty_chunk() -> None:
    packer = Packer("stream", 1.0, hold=False, finite=True)
    made = [len(packer.feed(chunk)) for chunk in chunks(tune(2.0), size=RATE)]
    assert made == [1, 1]
    (last,) = packer.close()
    assert (len(last.samples), last.sample, last.end, last.start) == (0, 2 * RATE, True, False)
    assert packer.close() == []


def test_what_was_captured_when_is_known_of_each_last_sample() -> None:
    items = [
        AudioChunk("stream", tune(1.5)[:, None], RATE, 0, captured_at=1001.5),
        AudioChunk("stream", tune(1.5)[:, None], RATE, 24_000, captured_at=1003.0),
    ]
    pieces = packed(items, hold=False)
    assert [piece.captured_at for piece in pieces] == [1001.0, 1002.0, 1003.0, 1003.0]


@pytest.mark.parametrize("hold", [True, False])
def test_a_chunk_belongs_to_one_track(hold: bool) -> None:
    items = [
        AudioChunk("stream", tune(1.5)[:, None], RATE, 0, track="A", starts_track=True),
        AudioChunk("stream", tune(0.5)[:, None], RATE, 24_000, track="B", starts_track=True),
        AudioChunk("stream", tune(1.0)[:, None], RATE, 32_000, track="B", starts_track=True, ends_track=True),
        AudioChunk("stream", tune(0.1)[:, None], RATE, 48_000),
    ]
    pieces = packed(items, hold=hold)
    assert [piece.track for piece in pieces if len(piece.samples)] == ["A", "A", "B", "B", None]
    assert np.array_equal(sound(pieces), np.concatenate([item.samples for item in items]))
    ends = [(piece.track, piece.sample + len(piece.samples)) for piece in pieces if piece.end]
    assert ends == [("A", 24_000), ("B", 32_000), ("B", 48_000), (None, 49_600)]
    assert [piece.sample for piece in pieces if piece.start] == [0, 24_000, 32_000, 48_000]


def test_lost_sound_is_a_jump_and_said() -> None:
    items = [
        AudioChunk("stream", tune(1.5)[:, None], RATE, 0),
        AudioChunk("stream", tune(1.0)[:, None], RATE, 32_000, discontinuity=True),
        AudioChunk("stream", tune(1.0)[:, None], RATE, 48_000, discontinuity=True),
    ]
    pieces = packed(items)
    assert [(piece.sample, len(piece.samples)) for piece in pieces] == [
        (0, 16_000),
        (16_000, 8_000),
        (32_000, 16_000),
        (48_000, 16_000),
    ]
    assert flags(pieces) == ["s", "", "d", "ed"]


def test_what_is_no_number_is_lost_sound_unless_it_travels_in_floats() -> None:
    samples = tune(2.0)[:, None].copy()
    samples[8_000], samples[8_010] = np.nan, np.inf
    pieces = packed(chunks(samples, size=RATE))
    assert [(piece.sample, len(piece.samples)) for piece in pieces] == [(0, 8_000), (8_011, 16_000), (24_011, 7_989)]
    assert flags(pieces) == ["s", "d", "e"]
    assert np.array_equal(sound(pieces), np.delete(samples, np.s_[8_000:8_011], axis=0))
    floats = packed(chunks(samples, size=RATE), finite=False)
    assert flags(floats) == ["s", "e"]
    assert np.array_equal(sound(floats), samples, equal_nan=True)


def test_a_stream_without_sound_is_no_stream() -> None:
    nothing = np.full((RATE, 1), np.nan, dtype=np.float32)
    assert packed([AudioChunk("stream", nothing, RATE, 0)], hold=False) == []
    assert packed([]) == []


def test_sound_that_changes_its_form_is_refused() -> None:
    packer = Packer("stream", 1.0, hold=True, finite=True)
    packer.feed(AudioChunk("stream", tune(1.0)[:, None], RATE, 0))
    with pytest.raises(StreamError, match="16000 Hz and 1 channels to 8000 Hz"):
        packer.feed(AudioChunk("stream", tune(1.0)[:, None], 8_000, RATE))
