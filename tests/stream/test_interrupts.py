"""Ctrl-C and SIGTERM at any moment: a quiet end with the exit code that says so."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests import models
from tests.stream.command import COMMAND, environment
from tests.stream.files import write
from tests.stream.sound import tune

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A pipe with a name: whoever opens it to read waits there, and whoever opens it to write waits for that."""
    path = tmp_path / "waiting"
    os.mkfifo(path)
    return path


@contextlib.contextmanager
def started(arguments: list[str], stdout: int | IO[bytes], **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the command, and let none outlive its test."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(**changes),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for its end and return exit code and standard error."""
    assert process.stderr is not None
    process.wait(timeout=30)
    return process.returncode, process.stderr.read().decode()


def interrupted(arguments: list[str], waiting: Path, signum: int, **changes: str) -> tuple[int, str]:
    """Run the command until it waits at the pipe, send the signal, and return exit code and standard error."""
    with started(arguments, subprocess.DEVNULL, **changes) as process, waiting.open("wb"):
        await_sleep(process)
        process.send_signal(signum)
        return ended(process)


def await_sleep(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process that has opened the pipe waits for what comes from it.

    Python looks for signals between its steps: one that came after the opening and before the reading would be heard
    only when something has been read.
    """
    state = Path(f"/proc/{process.pid}/stat")
    while state.exists() and process.poll() is None and state.read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.001)  # between two questions to a program that cannot call back


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments that hear more than a paused reader takes."""
    folder = tmp_path_factory.mktemp("album")
    song = write(folder / "song.wav", tune(60, 8000), 8000)
    return ["--file", *[str(song)] * 20, "--model", str(models.save(folder / "tiny.onnx"))]


@pytest.mark.parametrize(("signum", "code"), SIGNALS)
@pytest.mark.parametrize(
    ("module", "action"),
    [
        ("pythonjsonlogger", "--help"),
        ("yaml", "--print-config"),
        ("soxr", "--demo"),
        ("sounddevice", "--list-devices"),
        ("av", "--benchmark"),
    ],
)
def test_while_it_starts(module: str, action: str, signum: int, code: int, waiting: Path) -> None:
    # A module of that name that is found first, and takes its time.
    (waiting.parent / f"{module}.py").write_text(f"open({str(waiting)!r}).read()")
    assert interrupted([action], waiting, signum, PYTHONPATH=str(waiting.parent)) == (code, "")


@pytest.mark.parametrize(("signum", "code"), SIGNALS)
def test_while_it_reads_its_settings(signum: int, code: int, waiting: Path) -> None:
    assert interrupted(["--demo", "--config", str(waiting)], waiting, signum) == (code, "")


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="this system has no pipes of a chosen size")
@pytest.mark.parametrize(("signum", "code"), SIGNALS)
@pytest.mark.parametrize("output", ["screen", "jsonl"])
def test_while_the_reader_of_its_results_is_paused(output: str, signum: int, code: int, album: list[str]) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "wb") as results:
        fcntl.fcntl(results, fcntl.F_SETPIPE_SZ, 4096)  # a few records fill it
        with started([*album, "--output", output], results) as process:
            assert select.select([reader], [], [], 30)[0]
            process.send_signal(signum)
            assert ended(process) == (code, "")


@pytest.mark.parametrize(("signum", "code"), SIGNALS)
def test_a_paused_reader_does_not_cost_the_file_its_records(
    signum: int, code: int, album: list[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.jsonl"
    with started([*album, "--output", "jsonl", "--output-file", str(kept)], subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"{"
        process.send_signal(signum)
        assert ended(process) == (code, "")
    assert json.loads(kept.read_text().splitlines()[-1])["type"] == "final"
