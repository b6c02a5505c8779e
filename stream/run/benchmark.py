"""What a window costs on this machine, with this model: `python -m stream.listen --benchmark [--model FILE]`.

    run(Path("model/default.onnx"), as_json=False, out=sys.stdout)

The cost is processor time, so that what else the machine does meanwhile hardly changes it, and the stages take turns, a
window each. The command imports this module when it is asked for.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import io
import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from model.contract import Model, ModelError, load
from model.mel import MelStream
from model.resample import Resampler, downmix
from stream.common.errors import StreamError
from stream.sources.decode import Decoder
from stream.sources.demo import PIECES
from stream.tagging.audio import AudioChunk
from stream.tagging.record import SCHEMA
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


_WARM_UP = 5
_ROUNDS = 100
_MIN_ROUNDS = 10
_SECONDS = 10.0

STAGES = {
    "decode_mp3": "decode MP3 (44.1 kHz stereo, 192 kb/s)",
    "decode_opus": "decode Opus (48 kHz stereo, 80 kb/s)",
    "resample": "downmix and resample to the model's rate",
    "mel": "mel frames",
    "inference": "inference",
    "session": "session: all of it but decoding",
}
"""What is measured, and how it is called in the table."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What a stage takes for one window, in milliseconds of processor time."""

    median_ms: float
    p95_ms: float


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What was measured.

    Attributes:
        model: name, version and SHA-256 of the model.
        window_s: length of a window, in seconds.
        windows: how many windows each stage was measured on.
        stages: cost of each of ``STAGES``.
        memory_bytes: resident memory that one more stream takes; None where the system does not tell.
    """

    model: dict[str, str]
    window_s: float
    windows: int
    stages: dict[str, Cost]
    memory_bytes: int | None

    @property
    def windows_per_second(self) -> float:
        """Windows that one core scores in a second, decoding left out."""
        return 1000.0 / self.stages["session"].median_ms

    @property
    def times_real_time(self) -> float:
        """How much faster than it plays sound is scored on one core: as many live streams can it carry."""
        return self.windows_per_second * self.window_s

    @property
    def live_share(self) -> float:
        """Share of a core that one live stream takes, the sound card's driver and the screen left out."""
        return 1.0 / self.times_real_time

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return {
            "schema": SCHEMA,
            "type": "benchmark",
            "model": self.model,
            "machine": {
                "processor": _processor(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "onnxruntime": importlib.metadata.version("onnxruntime"),
            },
            "threads": 1,
            "window_s": self.window_s,
            "windows": self.windows,
            "stages": {
                name: {"median_ms": round(cost.median_ms, 4), "p95_ms": round(cost.p95_ms, 4)}
                for name, cost in self.stages.items()
            },
            "windows_per_second_per_core": round(self.windows_per_second, 2),
            "times_real_time": round(self.times_real_time, 2),
            "live_streams_per_core": int(self.times_real_time),
            "live_stream_cpu_share": round(self.live_share, 6),
            "memory_per_stream_bytes": self.memory_bytes,
        }

    def to_text(self) -> str:
        """Return the figures as a table for people."""
        memory = "not told by this system" if self.memory_bytes is None else f"{self.memory_bytes / 1024:.0f} KiB"
        lines = [
            f"{self.model['name']} {self.model['version']} on {_processor()}, {os.cpu_count()} cores, one thread used",
            f"One window is {self.window_s:.3f} s of sound; {self.windows} were measured.",
            "",
            f"{'what one window costs':42}{'median ms':>10}{'p95 ms':>10}{'of a core':>11}",
            *(
                f"{STAGES[name]:42}{cost.median_ms:10.2f}{cost.p95_ms:10.2f}"
                f"{cost.median_ms / 10.0 / self.window_s:9.2f} %"
                for name, cost in self.stages.items()
            ),
            "",
            f"{'windows per second and core':42}{self.windows_per_second:10.0f}",
            f"{'times real time, on one core':42}{self.times_real_time:10.0f}",
            f"{'live streams per core':42}{int(self.times_real_time):10d}",
            f"{'one live stream, of a core':42}{100.0 * self.live_share:10.2f} %",
            f"{'memory per stream':42}{memory:>14}",
        ]
        return "\n".join(lines) + "\n"


def run(model_path: Path, *, as_json: bool, out: TextIO) -> None:
    """Measure a model on this machine and write the figures.

    Args:
        model_path: the ONNX file.
        as_json: one JSON object on a line, rather than a table.
        out: where to write to.

    Raises:
        StreamError: the model cannot be used.
    """
    try:
        model = load(model_path)
    except ModelError as error:
        raise StreamError(str(error)) from None
    report = measure(model)
    out.write(json.dumps(report.to_json()) + "\n" if as_json else report.to_text())
    out.flush()


def measure(model: Model) -> Report:
    """Measure a model on this machine, which takes some ten seconds at most."""
    frontend = model.info.frontend
    memory = memory_per_stream(model)
    work = workloads(model)
    costs: dict[str, list[float]] = {name: [] for name in STAGES}
    began = time.monotonic()
    for number in range(_WARM_UP + _ROUNDS):
        if number >= _WARM_UP + _MIN_ROUNDS and time.monotonic() - began > _SECONDS:
            break
        for name in STAGES:
            before = time.process_time()
            work[name]()
            if number >= _WARM_UP:
                costs[name].append(1000.0 * (time.process_time() - before))
    return Report(
        model={"name": model.info.name, "version": model.info.version, "sha256": model.info.sha256},
        window_s=frontend.window_samples / frontend.samplerate,
        windows=len(costs["session"]),
        stages={name: Cost(*np.percentile(values, (50, 95)).tolist()) for name, values in costs.items()},
        memory_bytes=memory,
    )


def _processor() -> str:
    """Return the processor's name, or its architecture where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
