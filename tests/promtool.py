"""Prometheus's own opinion of a scrape, of rules and of configurations.

check_metrics(encoder.encode(registry))          # fails the test with what promtool says
promtool("check", "rules", path)
program("prometheus")                            # where it is; without it the test is skipped
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Return the path of a program of Prometheus; without it the test is skipped, in CI it fails."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} (Debian: prometheus) belongs to the tests' real parts"
        pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus)")
    return found


def promtool(*arguments: str | Path, stdin: bytes = b"") -> str:
    """Run promtool, which must find nothing wrong, and return what it says."""
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, check=False, input=stdin, capture_output=True)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def check_metrics(scrape: bytes) -> None:
    """Let ``promtool check metrics`` look at a scrape."""
    assert promtool("check", "metrics", stdin=scrape) == ""
