"""What the publishers of a chaos run send: the sound of every stream, endless and the same for a seed.

    plan = StreamPlan(seed=1, number=3, partitions=6)
    for step in plan.steps(): ...           # Chunk, or Pause: the stream is over for a while
    plan.last(chunk)                        # what ends the stream after any chunk

Everything a publisher may do is in it: sessions that follow each other, ended in order or not; several tracks a
session, with and without a title, with and without their flags; raw PCM and FLAC at several rates; chunks that never
arrive, samples that nobody counted, silence. What is sent twice is the publishers' affair: it must not matter.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from stream.kafka.wire.chunks import Chunk
from stream.kafka.wire.payload import Encoding
from tests.stream.sound import tune

_ENCODINGS: tuple[Encoding, ...] = ("L16", "S16LE", "F32LE", "FLAC")
_RATES = (8000, 16000, 22050, 44100, 48000)
_BASE_SECONDS = 40.0


@dataclasses.dataclass(frozen=True, slots=True)
class Pause:
    """Nothing comes of the stream for so many seconds."""

    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream.

    Attributes:
        seed: of the run.
        number: of the stream.
        partitions: of the input topic.
        pause_seconds: how long a stream that comes and goes is away; 0: none does.
    """

    seed: int
    number: int
    partitions: int
    pause_seconds: float = 0.0

    @property
    def name(self) -> str:
        """Key of its records; with a letter that is not ASCII, and a blank."""
        return f"küche {self.number:02}" if self.number % 5 == 4 else f"mic-{self.number:02}"

    @property
    def partition(self) -> int:
        """Where its records go: every partition has its share."""
        return self.number % self.partitions

    @property
    def encoding(self) -> Encoding:
        """Of its sound."""
        return _ENCODINGS[self.number % len(_ENCODINGS)]

    @property
    def chunk_seconds(self) -> float:
        """Length of its chunks but for a track's last."""
        return (0.25, 0.4, 0.5, 1.0)[self.number // 2 % 4]

    @property
    def loses(self) -> bool:
        """Whether some of its chunks never arrive."""
        return self.number % 3 == 1

    @property
    def pauses(self) -> bool:
        """Whether it is away now and then, for so long that it is forgotten."""
        return self.pause_seconds > 0 and self.number % 6 == 5

    def steps(self) -> Iterator[Chunk | Pause]:
        """Yield what is to be sent, without end."""
        rng = np.random.default_rng([self.seed, self.number])
        count = 0
        while True:
            session = _Session(self, f"{self.seed:x}.{count}", rng)
            yield from session.chunks(in_order=self.pauses or rng.random() < 0.7)
            count += 1
            if self.pauses:
                yield Pause(self.pause_seconds)

    def last(self, chunk: Chunk) -> Chunk:
        """Return the record without sound that ends the stream after a chunk of it."""
        return dataclasses.replace(
            chunk,
            seq=chunk.seq + 1,
            sample=chunk.sample + len(chunk.samples),
            samples=chunk.samples[:0],
            start=False,
            end=True,
            discontinuity=False,
        )


class _Session:
    """One run of a publisher."""

    def __init__(self, plan: StreamPlan, name: str, rng: np.random.Generator) -> None:
        self._plan = plan
        self._name = name
        self._rng = rng
        self._rate = int(rng.choice(_RATES))
        self._channels = int(rng.choice([1, 1, 1, 2]))
        self._seq = 0
        self._sample = int(rng.choice([0, 0, 12_345]))
        self._overlooked = False  # samples are missing that no sequence number says

    def chunks(self, *, in_order: bool) -> Iterator[Chunk]:
        tracks = int(self._rng.integers(1, 5))
        for number in range(tracks):
            titles = (f"Lied {number}: „grün“ & 50 %", f"song {number}", None)
            title = titles[int(self._rng.integers(len(titles)))]
            flagged = title is None or bool(self._rng.random() < 0.8)  # else the title alone says where a track ends
            ends = flagged if number < tracks - 1 else in_order
            yield from self._track(title, starts=flagged, ends=ends)

    def _track(self, title: str | None, *, starts: bool, ends: bool) -> Iterator[Chunk]:
        sound = self._sound(float(self._rng.uniform(2.0, 25.0)))
        size = round(self._plan.chunk_seconds * self._rate)
        begin = 0
        while begin < len(sound):
            samples = sound[begin : begin + size]
            is_last = begin + size >= len(sound)
            chunk = Chunk(
                stream=self._plan.name,
                session=self._name,
                seq=self._seq,
                sample=self._sample,
                samples=samples,
                samplerate=self._rate,
                track=title,
                start=starts and begin == 0,
                end=ends and is_last,
                discontinuity=self._overlooked,
                captured_at=None,
            )
            begin += size
            self._sample += len(samples)
            self._overlooked = False
            chance = self._rng.random() if self._plan.loses else 1.0
            if chance < 0.01 and not chunk.end:  # the publisher's buffer was full: it knows, and says so
                self._overlooked = True
                continue
            self._seq += 1
            if chance < 0.02 and not chunk.end:  # lost on its way
                continue
            yield chunk

    def _sound(self, seconds: float) -> np.ndarray:
        base = _base(self._rate)
        length = min(round(seconds * self._rate), len(base))
        first = int(self._rng.integers(len(base) - length + 1))
        noise = self._rng.standard_normal(length, dtype=np.float32) * np.float32(self._rng.uniform(0.001, 0.03))
        mono = base[first : first + length] * np.float32(self._rng.uniform(0.3, 1.5)) + noise
        if self._rng.random() < 0.1:  # a rest that is silence
            rest = slice(length // 4, length // 4 + 5 * self._rate)
            mono[rest] = 0.0
        return np.stack([mono, 0.5 * mono], axis=1) if self._channels == 2 else mono[:, np.newaxis]


def prepare() -> None:
    """Make what all streams share, which takes a second or two."""
    for rate in _RATES:
        _base(rate)


@functools.lru_cache(maxsize=len(_RATES))
def _base(rate: int) -> np.ndarray:
    """Return music to take the sound of tracks from: making it is what costs time."""
    return tune(_BASE_SECONDS, rate, seed=rate)
