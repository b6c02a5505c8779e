"""Sound files for tests, written by PyAV.

write(tmp_path / "a.mp3", music(seconds=6), 44100, "libmp3lame")
samples, rate = decode(path)      # the whole at once, straight from PyAV
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np

from stream.tagging.audio import AudioChunk, SourceItem, SourceStatus, StreamEnd

CODECS = {
    "a.mp3": ("libmp3lame", 44100),
    "a.flac": ("flac", 44100),
    "a.opus": ("libopus", 48000),
    "a.m4a": ("aac", 44100),
    "a.wav": ("pcm_s16le", 44100),
    "a.aiff": ("pcm_s16be", 44100),
    "a.mka": ("libopus", 48000),
    "a.aac": ("aac", 44100),
}
"""A file name for each kind, with its encoder and sample rate."""


def music(seconds: float = 3.0, rate: int = 44100, channels: int = 2, seed: int = 0) -> np.ndarray:
    """Return something that no codec can guess, shape (n, channels): a chord under noise, other in every channel."""
    rng = np.random.default_rng(seed)
    at = np.arange(int(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hz * at) for hz in (220.0, 277.2, 329.6))
    noise = rng.standard_normal((len(at), channels))
    return (0.1 * chord[:, None] * np.linspace(1.0, 0.5, channels) + 0.02 * noise).astype(np.float32)


def write(target: Any, samples: np.ndarray, rate: int, codec: str, **options: Any) -> None:
    """Encode samples of shape (n, channels) into a path or a file object."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    bit_rate = options.pop("bit_rate", None)
    codec_options = options.pop("codec_options", None)
    with av.open(target if hasattr(target, "write") else str(target), "w", **options) as container:
        stream = container.add_stream(codec, rate=rate, options=codec_options or {})
        stream.layout = layout
        if bit_rate:
            stream.bit_rate = bit_rate
        for begin in range(0, len(samples), 1024):
            piece = np.ascontiguousarray(samples[begin : begin + 1024].T)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
            frame.sample_rate = rate
            frame.pts = begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_kind(directory: Path, name: str, seconds: float = 6.0) -> Path:
    """Write one of ``CODECS`` and return its path."""
    codec, rate = CODECS[name]
    options = {"options": {"movflags": "+faststart"}} if name.endswith("m4a") else {}
    write(directory / name, music(seconds, rate), rate, codec, **options)
    return directory / name


def decode(path: Path) -> tuple[np.ndarray, int]:
    """Return a whole file's samples, shape (n, channels), float32, and its rate, as PyAV gives them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    channels = frames[0].layout.nb_channels
    pieces = []
    for frame in frames:
        piece = frame.to_ndarray()
        piece = piece.T if frame.format.is_planar else piece.reshape(-1, channels)
        full_scale = 1.0 if piece.dtype.kind == "f" else float(2 ** (8 * piece.itemsize - 1))
        pieces.append((piece / full_scale).astype(np.float32))
    return np.concatenate(pieces), frames[0].sample_rate


def chunks_of(items: Iterable[SourceItem]) -> list[AudioChunk]:
    """Return the chunks among items."""
    return [item for item in items if isinstance(item, AudioChunk)]


def samples_of(items: Iterable[SourceItem]) -> np.ndarray:
    """Return the sound of all chunks, shape (n, channels)."""
    return np.concatenate([chunk.samples for chunk in chunks_of(items)])


def statuses_of(items: Iterable[SourceItem]) -> list[SourceStatus]:
    """Return the news among items."""
    return [item for item in items if isinstance(item, SourceStatus)]


def end_of(items: list[SourceItem]) -> StreamEnd:
    """Return the end, which must be the last item and the only one."""
    ends = [item for item in items if isinstance(item, StreamEnd)]
    assert ends == [items[-1]]
    return ends[0]
