"""Where results go: a full disk, a reader that leaves, a path that cannot be written."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from stream.common.errors import StreamError
from stream.common.output import OutputClosed, is_terminal, open_output
from stream.common.stop import Stop
from stream.sinks.records import CsvSink, JsonLinesSink
from tests.stream.sinks import records

ROOT = Path(__file__).parents[3]

PRINT_RECORDS = """
import sys
from stream.sinks.records import JsonLinesSink
from stream.common.output import OutputClosed
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


@pytest.fixture
def pipe():
    """Both ends of a pipe that holds little, the one to write to as a text file."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as taken, os.fdopen(writer, "w") as given:
        yield taken, given


def fill(sink: JsonLinesSink) -> int:
    """Emit until it fails and return how many went out."""
    for window in range(100_000):
        try:
            sink.emit(records.estimate(window=window))
        except OutputClosed:
            return window
    raise AssertionError("the pipe took everything")


def test_a_reader_that_is_paused_does_not_hold_up_a_stop(pipe):
    _, given = pipe
    stop = Stop()
    asked = threading.Timer(0.3, stop.request)
    asked.start()
    sink = JsonLinesSink(given, stop=stop)
    assert fill(sink) > 0
    assert stop.requested
    with pytest.raises(OutputClosed):
        sink.emit(records.final())
    sink.close()
    asked.join()


def test_a_terminal_that_is_held_does_not_hold_up_a_stop():
    controller, terminal = os.openpty()
    stop = Stop()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "w") as tty:
        sink = JsonLinesSink(tty, stop=stop)
        sink.emit(records.estimate())
        termios.tcflow(tty, termios.TCOOFF)  # as ^S does
        stop.request()
        with pytest.raises(OutputClosed):
            sink.emit(records.final())
        sink.close()


@pytest.mark.parametrize("asked", [False, True])
def test_a_slow_reader_gets_every_line_even_after_a_stop(pipe, asked: bool):
    taken, given = pipe
    stop = Stop()
    if asked:
        stop.request()
    lines = [{"window": window, "track": "x" * (window * 50)} for window in range(200)]
    got = bytearray()

    def read_little_by_little() -> None:
        while piece := taken.read(5000):
            got.extend(piece)

    reader = threading.Thread(target=read_little_by_little)
    reader.start()
    sink = JsonLinesSink(given, stop=stop)
    for line in lines:
        sink.emit(records.estimate(**line))
    sink.close()
    reader.join()
    assert [json.loads(line)["window"] for line in got.splitlines()] == list(range(200))


def test_a_pipe_that_another_program_made_non_blocking_loses_nothing(pipe):
    taken, given = pipe
    os.set_blocking(given.fileno(), False)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(taken.readall()))
    sink = JsonLinesSink(given)
    for window in range(100):
        sink.emit(records.estimate(window=window))
    reader.start()
    for window in range(100, 2000):
        sink.emit(records.estimate(window=window))
    sink.close()
    reader.join()
    assert [json.loads(line)["window"] for line in got[0].splitlines()] == list(range(2000))


def test_a_table_whose_reader_has_gone_says_so_with_the_first_record():
    reader, writer = os.pipe()
    os.close(reader)
    sink = CsvSink(os.fdopen(writer, "w"), records.LABELS)
    with pytest.raises(OutputClosed):
        sink.emit(records.estimate())
    sink.close()


def test_a_socket_whose_reader_has_gone_is_a_quiet_end():
    ours, theirs = socket.socketpair()
    with ours:
        sink = JsonLinesSink(ours.makefile("w"))
        sink.emit(records.estimate())
        theirs.close()
        with pytest.raises(OutputClosed):
            sink.emit(records.estimate())


def test_a_screen_is_drawn_only_on_a_terminal_that_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "w") as tty, (tmp_path / "file").open("w") as file:
        monkeypatch.setenv("TERM", "xterm-256color")
        assert is_terminal(tty)
        assert not is_terminal(file)
        monkeypatch.setenv("TERM", "dumb")
        assert not is_terminal(tty)
