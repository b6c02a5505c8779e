"""What the benchmark measures: each stage's work for one window, done again and again on the demo's sound.

    for name, work in workloads(model).items():
        work()                             # decodes, resamples, ..., scores one window's worth of sound
    memory_per_stream(model)               # in bytes

Sound is fed in quarters of a second, as live sound comes.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from model.contract import Model
from model.mel import MelStream
from model.resample import Resampler, downmix
from stream.demo.playlist import PIECES
from stream.sources.decode import Decoder
from stream.tagging.audio import AudioChunk
from stream.tagging.session import Session

_SAMPLERATE = 44_100
_CHUNKS = 12  # a window comes in so many
_SETTLING_SESSIONS = 32
_MOST_SETTLING = 640
_SPARE_BYTES = 16 * 2**20
_SESSIONS = 96

Chunk = NDArray[np.float32]
Work = Callable[[], object]
"""Does a stage's work for one window; it goes round and round in the sound."""


def workloads(model: Model) -> dict[str, Work]:
    """Return the stages by name: each alone on what the one before it makes, and the session, all but decoding."""
    frontend = model.info.frontend
    window_s = frontend.window_samples / frontend.samplerate
    sound = _demo_sound()
    chunks = _cut(sound, window_s)
    resampler, mel = Resampler(_SAMPLERATE, frontend.samplerate), MelStream(frontend)
    resampled = [[resampler.feed(downmix(chunk)) for chunk in window] for window in chunks]
    frames = np.concatenate([mel.feed(samples) for window in resampled for samples in window])
    count = len(frames) // frontend.patch
    patches = frames[: count * frontend.patch].reshape(count, 1, frontend.patch, frontend.n_mels)
    to_resample, to_analyse, to_score = itertools.cycle(chunks), itertools.cycle(resampled), itertools.cycle(patches)
    stream, to_hear = _Stream(model), itertools.cycle(chunks)
    return {
        "decode_mp3": _decoding(_mp3(sound), window_s),
        "decode_opus": _decoding(PIECES[0].path.read_bytes(), window_s),
        "resample": lambda: [resampler.feed(downmix(chunk)) for chunk in next(to_resample)],
        "mel": lambda: [mel.feed(samples) for samples in next(to_analyse)],
        "inference": lambda: model.predict(next(to_score)),
        "session": lambda: stream.hear(next(to_hear)),
    }


def memory_per_stream(model: Model) -> int | None:
    """Return what resident memory one more stream takes, well under way; None where the system does not tell."""
    frontend = model.info.frontend
    first, second, *_ = _cut(_demo_sound(), frontend.window_samples / frontend.samplerate)

    def streams(count: int) -> list[_Stream]:
        made = [_Stream(model) for _ in range(count)]
        for stream in made:
            stream.hear(first + second[:2])
        return made

    start = before = _resident_bytes()
    if start is None or before is None:
        return None
    settled: list[_Stream] = []
    # What the allocator has to spare is used up first, or the streams would seem to take nothing.
    while before - start < _SPARE_BYTES and len(settled) < _MOST_SETTLING:
        settled += streams(_SETTLING_SESSIONS)
        before = _resident_bytes() or start
    settled += streams(_SESSIONS)
    after = _resident_bytes()
    assert after is not None  # it told before
    return max(0, after - before) // _SESSIONS


class _Stream:
    """A session and its place in its stream."""

    def __init__(self, model: Model) -> None:
        self._session = Session("benchmark", model, live=True)
        self._position = 0

    def hear(self, chunks: list[Chunk]) -> None:
        for samples in chunks:
            self._session.feed(AudioChunk("benchmark", samples, _SAMPLERATE, self._position))
            self._position += len(samples)


def _demo_sound() -> Chunk:
    """Return the demo's first piece at 44.1 kHz, shape (n, 2)."""
    with Decoder(io.BytesIO(PIECES[0].path.read_bytes())) as decoder:
        sound = np.concatenate([block.samples for block in decoder])
        assert decoder.form is not None  # sound has come
        at_rate: Chunk = soxr.resample(sound, decoder.form.samplerate, _SAMPLERATE)
    return at_rate


def _cut(sound: Chunk, window_s: float) -> list[list[Chunk]]:
    """Cut a sound into windows' worths and those into chunks; what is left over at the end is dropped."""
    size = window_s * _SAMPLERATE / _CHUNKS
    edges = np.round(np.arange(int(len(sound) / size) // _CHUNKS * _CHUNKS + 1) * size).astype(int)
    pieces = [sound[begin:end] for begin, end in itertools.pairwise(edges.tolist())]
    return [pieces[begin : begin + _CHUNKS] for begin in range(0, len(pieces), _CHUNKS)]


def _mp3(sound: Chunk) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=_SAMPLERATE, layout="stereo", bit_rate=192_000)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
        frame.sample_rate = _SAMPLERATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _decoding(data: bytes, window_s: float) -> Work:
    def blocks() -> Iterator[float]:
        while True:
            with Decoder(io.BytesIO(data)) as decoder:
                for block in decoder:
                    assert decoder.form is not None  # a block has come
                    yield len(block.samples) / decoder.form.samplerate

    endless = blocks()
    surplus = 0.0

    def decode() -> None:
        nonlocal surplus
        while surplus < window_s:
            surplus += next(endless)
        surplus -= window_s

    return decode


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
