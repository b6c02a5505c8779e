"""Prometheus's own opinion of a scrape.

check_metrics(generate_latest(registry))          # fails the test with what promtool says
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def check_metrics(scrape: bytes) -> None:
    """Let ``promtool check metrics`` look at a scrape; in CI it must be there."""
    promtool = shutil.which("promtool") or shutil.which("promtool", path=str(Path(sys.executable).parent))
    if promtool is None:
        assert os.environ.get("CI") != "true", "promtool (Debian: prometheus) belongs to the tests' real parts"
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    checked = subprocess.run([promtool, "check", "metrics"], check=False, input=scrape, capture_output=True)
    assert checked.returncode == 0, checked.stderr.decode()
    assert checked.stdout + checked.stderr == b""
