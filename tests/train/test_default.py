"""The one command that makes the default model: its stages are commands that exist, and a failed one stops it."""

import importlib
import sys
from pathlib import Path

import pytest

from train import default


def test_it_prints_its_stages_in_order_without_running_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert default.main(["--music", "songs", "--cache", str(cache), "--steps-only"]) == 0
    lines = capsys.readouterr().out.splitlines()
    modules = [line.split()[2] for line in lines]
    trained = len(default.MEMBER_SEEDS) + len(default.LISTENER_SEEDS)
    assert modules == ["train.prepare", *["train.fit"] * trained, "train.export", *["train.evaluate_default"] * 2]
    assert all(f"--output runs/{name}" in lines[row] for row, name in ((1, "default/seed0"), (-4, "listeners/seed4")))
    assert all(f"runs/listeners/seed{seed}" in lines[-3] for seed in default.LISTENER_SEEDS)
    assert all(callable(importlib.import_module(module).main) for module in modules)
    assert not cache.exists()


def test_a_stage_that_fails_stops_the_chain(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert default.main(["--music", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 1
    err = capfd.readouterr().err
    assert err.count("$ python -m train.prepare") == 1
    assert "$ python -m train.fit" not in err


def test_commands_of_a_stage_run_side_by_side_and_all_count() -> None:
    good, bad = [sys.executable, "-c", ""], [sys.executable, "-c", "raise SystemExit(3)"]
    assert default.run_stage([good, good], jobs=2)
    assert not default.run_stage([bad, good], jobs=2)
