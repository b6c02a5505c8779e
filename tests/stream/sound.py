"""Sound for tests, and ways to cut it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from stream.tagging.audio import AudioChunk
from stream.tagging.record import Estimate, Event, Final, Record
from stream.tagging.session import Session


def tune(seconds: float, samplerate: int = 16000, *, seed: int = 0, level: float = 0.2) -> np.ndarray:
    """Notes of changing pitch and timbre with some noise: mono, shape (n,), float32, never silent."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * samplerate)) / samplerate
    pitch = 220 * 2 ** (np.floor(3 * np.sin(0.7 * t + seed) + 3) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / samplerate
    sound = sum(np.sin(n * phase) / n for n in (1, 2, 3, 5)) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.5 * t))
    return (level * (0.5 * sound + 0.05 * rng.normal(size=len(t)))).astype(np.float32)


def chunks(
    samples: np.ndarray, samplerate: int = 16000, *, size: int = 1600, stream: str = "test", first: int = 0
) -> Iterator[AudioChunk]:
    """Cut samples of shape (n,) or (n, channels) into chunks of one size."""
    samples = samples[:, None] if samples.ndim == 1 else samples
    for begin in range(0, len(samples), size):
        yield AudioChunk(stream, samples[begin : begin + size], samplerate, first + begin)


def listen(session: Session, items: Iterable[AudioChunk], *, error: str | None = None) -> list[Record]:
    """Feed all and flush."""
    records = [record for chunk in items for record in session.feed(chunk)]
    return records + session.flush(error)


def estimates(records: Iterable[Record]) -> list[Estimate]:
    return [record for record in records if isinstance(record, Estimate)]


def finals(records: Iterable[Record]) -> list[Final]:
    return [record for record in records if isinstance(record, Final)]


def events(records: Iterable[Record]) -> list[Event]:
    return [record for record in records if isinstance(record, Event)]
