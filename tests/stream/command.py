"""Runs the command as a user does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

COMMAND = (sys.executable, "-m", "stream.listen")


def environment(**changes: str) -> dict[str, str]:
    """The test's environment without settings of the user's."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MOODSTREAM_")}
    return {**clean, "PYTHONUNBUFFERED": "1", **changes}


def listen(*arguments: str | Path, stdin: bytes | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run to the end and return exit code, standard output and standard error as text."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        env=environment(**changes),
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start(
    *arguments: str | Path, env: dict[str, str] | None = None, stderr: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start it and let it run."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment(**(env or {})),
    )


def records(text: str, kind: str | None = None) -> list[dict[str, Any]]:
    """The records in the output, of one type if one is named."""
    parsed = [json.loads(line) for line in text.splitlines()]
    return [record for record in parsed if kind in (None, record["type"])]
