"""Without kafka-python every command of Kafka says in one line what to install, and the others do not need it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stream.command import environment

ROOT = Path(__file__).parents[3]
HIDDEN = """
import importlib.util, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "kafka":
            raise ModuleNotFoundError("No module named 'kafka'", name=name)

sys.meta_path.insert(0, Hidden())
_find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "kafka" else _find_spec(name, package)
"""


@pytest.mark.parametrize(
    "call", ["stream.listen --kafka", "stream.publish --demo", "stream.topics check", "stream.dead_letters list"]
)
def test_a_command_says_what_to_install(call: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDDEN)
    done = subprocess.run(
        [sys.executable, "-m", *call.split()],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(tmp_path)),
        check=False,
        capture_output=True,
        text=True,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("moodstream: Kafka needs a package that is not installed: ")
    assert "kafka-python" in line


def test_only_one_file_reaches_into_kafka_python() -> None:
    """Attributes with an underscore in front are the library's own; each use is explained in workarounds.py."""
    reached: dict[str, list[str]] = {}
    for path in (ROOT / "stream").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                owner = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
                if owner.lstrip("_") in ("producer", "consumer", "client", "admin"):
                    reached.setdefault(path.relative_to(ROOT).as_posix(), []).append(node.attr)
    assert set(reached) == {"stream/kafka/client/workarounds.py"}
