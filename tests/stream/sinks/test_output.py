"""Where results go: a full disk, a reader that leaves, a path that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import StreamError
from stream.sinks.csv import CsvSink
from stream.sinks.jsonl import JsonLinesSink
from stream.sinks.output import OutputClosed, is_terminal, open_output
from tests.stream.sinks import records

ROOT = Path(__file__).parents[3]

PRINT_RECORDS = """
import sys
from stream.sinks.jsonl import JsonLinesSink
from stream.sinks.output import OutputClosed
from tests.stream.sinks.records import estimate
sink = JsonLinesSink(sys.stdout)
try:
    for window in range(100_000):
        sink.emit(estimate(window=window))
except OutputClosed:
    sink.close()
    raise SystemExit(7)
"""


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; the full device is tested without")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"this system does not let root mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_file_is_replaced_and_closed(tmp_path: Path):
    path = tmp_path / "result.jsonl"
    path.write_text("old\n" * 1000)
    sink = JsonLinesSink(open_output(path))
    sink.emit(records.estimate(track="Björk"))
    assert json.loads(path.read_text())["track"] == "Björk"
    sink.close()
    sink.close()


@pytest.mark.parametrize("path", ["missing/result.jsonl", ".", "nul\0byte"])
def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path, path: str):
    with pytest.raises(StreamError, match=r"cannot write results to .*: .*; give --output-file") as caught:
        open_output(f"{tmp_path}/{path}")
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_one_line_and_stays_failed():
    sink = JsonLinesSink(open_output("/dev/full"))
    for _ in range(2):
        with pytest.raises(StreamError, match="/dev/full: No space left on device; 0 lines written"):
            sink.emit(records.estimate())
    sink.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_table_whose_header_does_not_fit_leaves_nothing_open():
    with pytest.raises(StreamError, match="No space left"):
        CsvSink(open_output("/dev/full"), records.LABELS)


def test_a_disk_that_fills_up_keeps_whole_lines(small_disk: Path):
    path = small_disk / "result.jsonl"
    sink = JsonLinesSink(open_output(path))
    emitted = 0
    with pytest.raises(StreamError, match="No space left on device") as caught:
        for window in range(10_000):
            sink.emit(records.estimate(window=window))
            emitted += 1
    sink.close()
    windows = [json.loads(line)["window"] for line in path.read_text().splitlines()]
    assert windows == list(range(emitted))
    assert f"{emitted} lines written, what came after is lost" in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_standard_output_on_a_full_disk_says_so():
    program = PRINT_RECORDS.replace("OutputClosed:", "Exception as error:\n    print(error, file=sys.stderr)")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr.startswith("cannot write results to standard output: No space left on device")
    assert done.stderr.count("\n") == 1
    assert done.returncode == 7


def test_a_reader_that_leaves_is_a_quiet_end():
    process = subprocess.Popen(
        [sys.executable, "-c", PRINT_RECORDS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    with process, process.stdout, process.stderr:
        assert json.loads(process.stdout.readline())["window"] == 0
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 7


def test_a_closed_pipe_stays_closed():
    reader, writer = os.pipe()
    sink = JsonLinesSink(os.fdopen(writer, "w"))
    sink.emit(records.estimate())
    os.close(reader)
    for _ in range(2):
        with pytest.raises(OutputClosed):
            sink.emit(records.estimate())
    sink.close()


def test_a_screen_is_drawn_only_on_a_terminal_that_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "w") as tty, (tmp_path / "file").open("w") as file:
        monkeypatch.setenv("TERM", "xterm-256color")
        assert is_terminal(tty)
        assert not is_terminal(file)
        monkeypatch.setenv("TERM", "dumb")
        assert not is_terminal(tty)
