"""The plan of the code: who may import whom (setup.cfg), and rooms that a reader can take in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = ("stream", "model", "train", "docker")


def product_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *PRODUCT], cwd=ROOT, check=True, capture_output=True, text=True)
    paths = [ROOT / line for line in listed.stdout.splitlines() if line.endswith(".py")]
    return [path for path in paths if path.is_file() and path.stat().st_size]


def test_every_import_goes_down_and_none_in_a_circle() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kept, 0 broken" in done.stdout


def test_no_file_is_too_long_to_read_and_no_folder_too_full() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): path.read_text().count("\n") for path in product_files()}
    assert {name: length for name, length in lengths.items() if length > 600} == {}
    folders = Counter(str(Path(name).parent) for name in lengths)
    assert {folder: count for folder, count in folders.items() if count > 15} == {}


def test_no_text_names_a_file_that_is_gone() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    there = set(tracked.stdout.splitlines())
    gone = []
    for name in there:
        if name.endswith((".py", ".md")) and name.startswith((*PRODUCT, "docs", "README", "ARCHITECTURE")):
            for path in re.findall(r"\b((?:stream|model|train|docker|tests)/[\w/]+\.py)\b", (ROOT / name).read_text()):
                gone += [f"{name}: {path}"] * (path not in there)
    assert gone == []
