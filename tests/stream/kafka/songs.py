"""Songs as files of many kinds, real ones or made ones: for comparing what Kafka says of them with what a file says.

songs = make(folder, real=music)        # or None for made ones
songs[0].path, songs[0].encoding, songs[0].is_rounded
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import numpy as np
import soxr

from tests.stream.files import write
from tests.stream.sound import tune

SECONDS = 30.0
_MADE_SECONDS = 7.0


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file, and how it is to be sent: encoding and seconds a chunk."""

    encoding: str
    chunk_seconds: str
    suffix: str
    samplerate: int
    channels: int
    codec: str


KINDS = (
    Kind("flac", "0.25", "wav", 44_100, 2, "pcm_s16le"),
    Kind("flac", "0.25", "flac", 22_050, 1, "flac"),
    Kind("flac", "0.25", "mp3", 44_100, 2, "libmp3lame"),
    Kind("s16le", "0.37", "wav", 8_000, 1, "pcm_s16le"),
    Kind("s16le", "0.37", "flac", 96_000, 2, "flac"),
    Kind("l16", "1.0", "wav", 48_000, 2, "pcm_s16le"),
    Kind("l16", "1.0", "opus", 48_000, 1, "libopus"),
    Kind("f32le", "0.25", "mp3", 44_100, 2, "libmp3lame"),
    Kind("f32le", "0.25", "opus", 48_000, 2, "libopus"),
    Kind("f32le", "0.25", "wav", 96_000, 1, "pcm_f32le"),
)
"""Those of one encoding have one chunk length and lie in one folder."""


@dataclasses.dataclass(frozen=True, slots=True)
class Song:
    """A file, and how it is to be sent."""

    path: Path
    kind: Kind

    @property
    def is_rounded(self) -> bool:
        """Its samples are no 16-bit numbers, and it is sent in 16 bits: so it is not the same sound any more."""
        return self.kind.encoding != "f32le" and self.kind.codec in ("libmp3lame", "libopus")


def make(folder: Path, real: Path | None) -> list[Song]:
    """Write a song of each kind, in a folder for each encoding: real music if there is some, else made."""
    sources = [] if real is None else _choose(real, len(KINDS))
    songs = []
    for number, kind in enumerate(KINDS):
        here = folder / kind.encoding
        here.mkdir(parents=True, exist_ok=True)
        if sources:
            samples = _read(sources[number], kind.samplerate)
        else:
            samples = tune(_MADE_SECONDS + number / 3, kind.samplerate, seed=number)
        # Two channels that are not the same, as a mistake between them would not show.
        channels = np.stack([samples * (1 - 0.3 * channel) for channel in range(kind.channels)], axis=1)
        path = here / f"{number} a song.{kind.suffix}"
        songs.append(Song(write(path, channels, kind.samplerate, codec=kind.codec, bit_rate=_bit_rate(kind)), kind))
    return songs


def _choose(music: Path, count: int) -> list[Path]:
    found = [sorted((music / name).glob("*.opus")) for name in ("4q", "emotify")]
    assert all(found), f"{music} has no folders 4q and emotify with songs"
    return [found[number % 2][number * len(found[number % 2]) // count] for number in range(count)]


def _read(path: Path, samplerate: int) -> np.ndarray:
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].rate
        blocks = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    return soxr.resample(np.concatenate(blocks)[: round(SECONDS * rate)].astype(np.float32), rate, samplerate)


def _bit_rate(kind: Kind) -> int:
    return {"libmp3lame": 192_000, "libopus": 128_000}.get(kind.codec, 0)
