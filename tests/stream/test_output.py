"""Standard streams that are closed, full or left: a line that says so, or a quiet end; never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import models
from tests.stream.command import COMMAND, environment
from tests.stream.files import write
from tests.stream.sound import tune

TALKATIVE = ["--print-config", "--help", "--version", "--list-devices"]

needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The arguments that hear a short song."""
    folder = tmp_path_factory.mktemp("heard")
    model = models.save(folder / "tiny.onnx")
    return ["--file", str(write(folder / "song.wav", tune(4), 16_000)), "--model", str(model)]


def shell(arguments: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell does, with something done to its standard streams."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", *COMMAND, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(),
        timeout=60,
        check=False,
    )


def without_a_reader(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command into a pipe whose reader has gone already."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        return subprocess.run(
            [*COMMAND, *arguments],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            env=environment(),
            timeout=60,
            check=False,
        )


@pytest.mark.parametrize("action", TALKATIVE)
def test_a_reader_that_has_gone_is_a_quiet_end(action: str) -> None:
    done = without_a_reader([action])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("output", ["screen", "jsonl", "csv"])
def test_results_that_nobody_reads_are_a_quiet_end(heard: list[str], output: str) -> None:
    done = without_a_reader([*heard, "--output", output])
    assert (done.returncode, done.stderr) == (0, "")


def test_results_that_nobody_reads_are_still_kept_in_the_file(heard: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    done = without_a_reader([*heard, "--output", "csv", "--output-file", str(kept)])
    assert (done.returncode, done.stderr) == (0, "")
    assert '"type":"final"' in kept.read_text()


@needs_full_device
@pytest.mark.parametrize("action", TALKATIVE)
def test_a_full_disk_is_one_line(action: str) -> None:
    done = shell([action], "> /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("moodstream: cannot write results to standard output: No space left on device")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[action] for action in TALKATIVE] + [["--demo"]], ids=str)
def test_a_closed_standard_output_is_one_line(arguments: list[str]) -> None:
    done = shell(arguments, ">&-")
    assert done.returncode == 1
    assert done.stderr.startswith("moodstream: standard output is closed")
    assert done.stderr.count("\n") == 1


def test_an_error_never_goes_among_the_results() -> None:
    done = shell(["--wrong"], "2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_without_standard_error_the_results_are_the_same(heard: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    missing = str(tmp_path / "missing.wav")
    done = shell([*heard, "--file", missing, "--output", "jsonl", "--output-file", str(kept)], "0>&- 2>&-")
    assert done.returncode == 1
    assert done.stdout == kept.read_text()
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "final"
    assert all(json.loads(line)["schema"] == 1 for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", ["two\nlines.mp3", "\x1b[31mred\x1b[0m.mp3", "\u202ereversed.mp3"])
def test_no_file_name_reaches_the_terminal_as_more_than_text(name: str, heard: list[str]) -> None:
    for arguments in (["--config", name], ["--demo", name], ["--file", name, "--model", heard[-1]]):
        done = shell(arguments, "")
        assert done.returncode in (1, 2)
        assert done.stderr.count("\n") == 1
        assert done.stderr.rstrip("\n").isprintable()
