"""A training command where a package of training is not installed says in one line what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def without(packages: set[str], folder: Path, *call: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command where some packages are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCKER.format(packages=packages))
    path = {"PYTHONPATH": f"{folder}:{Path.cwd()}"}
    command = [sys.executable, "-m", *map(str, call)]
    return subprocess.run(command, env=path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("command", "package"),
    [
        *[("fit", "torch"), ("experiment", "torch"), ("export", "torch"), ("evaluate_default", "torch")],
        *[("prepare", "tqdm"), ("quantise", "scikit-learn")],
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, command: str, package: str) -> None:
    result = without({package.replace("scikit-learn", "sklearn")}, tmp_path, f"train.{command}", "--help")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"train.{command} needs the package {package}: pip install 'moodstream[train]'")
    assert result.stdout == ""


def test_what_an_annotation_file_holds_is_said_without_torch(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("path,happy\n" + "".join(f"{n}.mp3,0.{n}\n" for n in range(1, 10)))
    training = {"jinja2", "matplotlib", "onnxscript", "pyarrow", "tensorboard", "torch"}
    call = ("train.prepare", "--dataset", "csv", "--annotations", tmp_path / "songs.csv", "--dry-run")
    result = without(training, tmp_path, *call)
    assert result.returncode == 0, result.stderr
    assert "9" in result.stdout.splitlines()[0]
