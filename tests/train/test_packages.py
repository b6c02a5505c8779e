"""A training command where a package of training is not installed says in one line what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.parametrize(
    ("command", "package"), [("fit", "torch"), ("experiment", "torch"), ("export", "torch"), ("prepare", "tqdm")]
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, command: str, package: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(package=package))
    path = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    call = [sys.executable, "-m", f"train.{command}", "--help"]
    result = subprocess.run(call, env=path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"train.{command} needs the package {package}: pip install 'moodstream[train]'")
    assert result.stdout == ""
