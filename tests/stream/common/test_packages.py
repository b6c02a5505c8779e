"""The command that a missing package's message names installs what the extra of setup.cfg would."""

from __future__ import annotations

import configparser
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stream.common.errors import StreamError, missing, need_kafka
from stream.sinks.parquet import need_pyarrow
from stream.sources.devices import fresh_sounddevice


@pytest.mark.parametrize(
    ("module", "extra", "need"),
    [
        ("kafka", "kafka", need_kafka),
        ("pyarrow", "parquet", need_pyarrow),
        ("sounddevice", "mic", fresh_sounddevice),
    ],
)
def test_what_is_to_be_installed_is_what_the_extra_names(
    module: str, extra: str, need: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[3] / "setup.cfg")
    required = sorted(setup["options.extras_require"][extra].split())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StreamError) as caught:
        need()
    named = sorted(shlex.split(str(caught.value))[shlex.split(str(caught.value)).index("install") + 1 :])
    assert len(named) == len(required)
    for package, requirement in zip(named, required, strict=True):
        assert requirement == package or (requirement.startswith(f"{package}>=") and "<" not in requirement)


def test_the_command_is_that_of_the_interpreter_which_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/my music/.venv/bin/python")
    command = "'/my music/.venv/bin/python' -m pip install one 'two<3'"
    assert str(missing("this", "one", "two<3")) == f"this needs a package that is not installed: {command}"
