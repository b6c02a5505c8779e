"""What a window costs on this machine, with this model: `python -m stream.listen --benchmark [--model FILE]`.

    run(Path("model/default.onnx"), as_json=False, out=sys.stdout)

The cost is processor time, so that what else the machine does meanwhile hardly changes it, and the stages take turns, a
window each. The command imports this module when it is asked for.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from model.contract import Model, ModelError, load
from stream.common.errors import StreamError
from stream.tagging.record import SCHEMA
from stream.workload import memory_per_stream, workloads

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
