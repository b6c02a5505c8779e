"""The file of the model in use, put back after it was bad or gone: that all is well again is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.stream import swaps


def test_the_model_in_use_put_back_after_trouble_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    good = path.read_bytes()
    caplog.set_level("INFO")
    swaps.no_onnx(path)
    watched.look()
    path.write_bytes(good)
    watched.look(3)
    path.unlink()
    watched.look()
    path.write_bytes(good)
    watched.look(3)
    os.utime(path)  # nothing was wrong: nothing is to be said
    watched.look(3)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "WARNING", "INFO"]
    assert all("holds what is in use: first 1" in caplog.messages[index] for index in (1, 3))
