"""``python -m stream``: the microphone where there is one, else the demo; a source that is named is obeyed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pulse import PulseAudio, pulse
from tests.stream.command import environment, listen

__all__ = ["pulse"]


def first_stream(*arguments: str, **changes: str) -> str:
    """Start the command, take its first record and end it; return the record's stream."""
    command = [sys.executable, "-m", "stream", "--output", "jsonl", "--metrics-port", "off", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**changes)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    return str(json.loads(line)["stream"])


def test_without_a_microphone_it_is_the_demo(tmp_path: Path) -> None:
    no_server = {"PULSE_SERVER": f"unix:{tmp_path / 'nothing-here'}"}
    if "no microphone" not in listen("--list-devices", **no_server).stdout:
        pytest.skip("this machine has a microphone of its own, sound server or not")
    assert first_stream(**no_server) == "demo"


def test_with_a_microphone_it_is_that(pulse: PulseAudio) -> None:
    assert first_stream() == "mic"


def test_a_source_that_is_named_is_obeyed(pulse: PulseAudio) -> None:
    assert first_stream("--demo") == "demo"
    assert first_stream(MOODSTREAM_DEMO="true") == "demo"


def test_a_wrong_call_is_told_as_by_the_command_itself() -> None:
    command = [sys.executable, "-m", "stream", "--treshold", "1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--threshold" in done.stderr
