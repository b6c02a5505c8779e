"""Songs' scores through the stream: ``python -m stream.listen --file …``, as a user would run it.

    with candidate.onnx_file() as model:
        for path, outcome in score_streaming(model, candidate, paths, jobs=2): ...

The live side runs in a process of its own, so that nothing of it is imported here (stream and train never meet) and
what is judged is the product: its decoder, its chunks, its session, its records. A song's score is the running mean of
its final record. Windows follow each other without overlap, and only silence of less than −120 dBFS is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from model.frontend import FrontEnd
from train.report.candidate import Candidate
from train.report.score import ALL_SILENT, SILENCE_DBFS, Outcome, Score, too_short

_FILES, _LETTERS = 500, 60_000
"""Most files, and letters in their names, of one process: a command line has a greatest length."""


class StreamingError(Exception):
    """The live side could not be run; the message is one line."""


def score_streaming(
    model: Path, candidate: Candidate, paths: Sequence[Path], jobs: int
) -> Iterator[tuple[Path, Outcome]]:
    """Yield each file's outcome as it comes, ``jobs`` files side by side.

    Args:
        model: the ONNX file.
        candidate: the same model.
        paths: of the files, all different.
        jobs: how many at a time.

    Raises:
        StreamingError: the live side ended before it had heard them all.
    """
    there = []
    for path in paths:
        if not path.is_file():
            yield path, "a folder, not a file" if path.is_dir() else "no such file"
        elif path.suffix == ".npy":
            yield path, "ready-made mels, which cannot be streamed: --path offline judges them"
        else:
            there.append(path)
    for batch in _batches(there):
        yield from _listen(model, candidate, batch, jobs)


def _batches(paths: Sequence[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    letters = 0
    for path in paths:
        if batch and (len(batch) == _FILES or letters > _LETTERS):
            yield batch
            batch, letters = [], 0
        batch.append(path)
        letters += len(str(path.absolute()))
    if batch:
        yield batch


def _listen(model: Path, candidate: Candidate, paths: Sequence[Path], jobs: int) -> Iterator[tuple[Path, Outcome]]:
    # Absolute, so that no name looks like an option; the live side calls each stream by the path it was given.
    waiting = {str(path.absolute()): path for path in paths}
    # A stop that reaches the live side makes it write the finals of the songs it was in the midst of. They would be the
    # last ones, at most one a job: so many are held back until it has ended well.
    held: deque[tuple[Path, Outcome]] = deque()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _command(model, candidate.frontend, list(waiting), jobs),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("MOODSTREAM_")},
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        try:
            assert process.stdout is not None  # it is a pipe
            for line in process.stdout:
                if b'"type":"final"' in line:
                    record = json.loads(line)
                    held.append((waiting.pop(record["stream"]), _outcome(record, candidate)))
                if len(held) > jobs:
                    yield held.popleft()
            status = process.wait()
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        messages = _messages(log)
    if status not in (0, 1):
        said = f": {messages[-1]}" if messages else ""
        raise StreamingError(f"stream.listen ended with status {status}{said}")
    yield from held
    for stream, path in waiting.items():
        yield path, _reason(messages, stream)


def _command(model: Path, frontend: FrontEnd, streams: Sequence[str], jobs: int) -> list[str]:
    hop = frontend.window_samples / frontend.samplerate
    return [
        *(sys.executable, "-m", "stream.listen", "--model", str(model.absolute())),
        *("--hop-seconds", repr(hop), "--average", "mean", "--min-rms", repr(SILENCE_DBFS)),
        *("--output", "jsonl", "--log-format", "json", "--log-level", "error", "--jobs", str(min(jobs, 256))),
        *("--file", *streams),
    ]


def _outcome(record: dict[str, Any], candidate: Candidate) -> Outcome:
    if record["error"] is not None:
        return f"not heard to its end: {record['error']}"
    if record["status"] == "gap":
        return f"damaged: {record['gap_windows']} windows with sound missing"
    if record["running"] is None:
        if record["silent_windows"]:
            return ALL_SILENT
        frontend = candidate.frontend
        return too_short(record["end_s"] - record["start_s"], frontend.window_samples / frontend.samplerate)
    means = np.clip([record["running"][label] for label in candidate.labels], 0.0, 1.0)
    return Score(tuple(means.tolist()), record["windows"])


def _messages(log: IO[bytes]) -> list[str]:
    """Return what the live side logged: a JSON object a line, or a plain line where it failed before that."""
    log.seek(0)
    found = []
    for line in log.read().decode("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = line
        found.append(" ".join(str(entry.get("message", line) if isinstance(entry, dict) else entry).split()))
    return [line for line in found if line]


def _reason(messages: Sequence[str], stream: str) -> str:
    """Return the message about one file, without its path; of files whose names begin alike, the message of this."""
    about = [message for message in messages if stream in message]
    if not about:
        return "the live side had no record of it"
    message = min(about, key=len)
    return message.removeprefix(stream).lstrip(": ") or message
