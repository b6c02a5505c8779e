"""A command that hears what the test feeds it on standard input, and whose records and log are read as they come.

with Fed(tmp_path, "--model", path) as fed:
    fed.hear(sound)                        # mono, 16 kHz
    fed.await_estimates(2)
    fed.await_said("a new model is taken")
    records = fed.end()                    # closes standard input; exit code 0
"""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from tests.stream.command import COMMAND, environment, records

RATE = 16_000
_PATIENCE = 60.0
_LOOK_SECONDS = 0.05
_RAW = ("--stdin", "--samplerate", str(RATE), "--channels", "1", "--format", "s16le")


class Fed:
    """A running ``stream.listen --stdin``; what it writes goes into files of the folder."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.log, self.output = folder / "fed.log", folder / "fed.jsonl"
        with self.log.open("wb") as log, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*COMMAND, *_RAW, "--output", "jsonl", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=log,
                env=environment(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        assert "Traceback" not in self.said, self.said

    @property
    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records so far."""
        return records(self.output.read_text().rpartition("\n")[0])

    @property
    def estimates(self) -> list[dict[str, Any]]:
        """The estimates so far."""
        return [record for record in self.records if record["type"] == "estimate"]

    def hear(self, sound: np.ndarray) -> None:
        """Feed it mono samples, shape (n,), from -1 to 1."""
        assert self.process.stdin is not None
        self.process.stdin.write(np.round(sound * 32767).astype("<i2").tobytes())
        self.process.stdin.flush()

    def await_estimates(self, count: int) -> None:
        """Wait until so many windows are out."""
        self._wait(lambda: len(self.estimates) >= count, f"{count} estimates")

    def await_said(self, text: str, times: int = 1) -> None:
        """Wait until its log says something so many times."""
        self._wait(lambda: self.said.count(text) >= times, f"{text!r} {times} times")

    def await_metric(self, line: str) -> None:
        """Wait until its metrics have this line."""
        self._wait(lambda: line in self.metrics().splitlines(), line)

    def metrics(self) -> str:
        """Its metrics, as text."""
        self.await_said("metrics and status at http")
        url = self.said.partition("metrics and status at ")[2].split()[0]
        with urllib.request.urlopen(f"{url}metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def end(self) -> list[dict[str, Any]]:
        """Close standard input, wait for the end, and return all records."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(_PATIENCE) == 0, self.said
        return self.records

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            assert self.process.poll() is None, f"it ended before {what}\n{self.said}"
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so after {_PATIENCE:g} s: {what}\n{self.said}")
            time.sleep(_LOOK_SECONDS)  # between two questions to a program that cannot call back
