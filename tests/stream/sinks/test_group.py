"""Several sinks as one: order, threads, and one that fails among others that go on."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest
from rich.console import Console

from stream.common.errors import StreamError
from stream.common.output import OutputClosed, open_output
from stream.sinks.group import Sink, SinkGroup
from stream.sinks.records import JsonLinesSink
from stream.sinks.screen import ScreenSink
from stream.tagging.record import Record
from tests.stream.sinks import records

needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


class Kept(Sink):
    """A sink that keeps what it gets, and notices two threads inside it at once."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.closed = 0
        self.inside = threading.Lock()

    def emit(self, record: Record) -> None:
        assert self.inside.acquire(blocking=False), "two threads at once"
        self.records.append(record)
        self.inside.release()

    def close(self) -> None:
        self.closed += 1


class Defective(Kept):
    """A sink with a defect in its close."""

    def close(self) -> None:
        raise RuntimeError("a defect")


def test_every_sink_gets_every_record_from_any_thread(tmp_path: Path):
    kept, path = Kept(), tmp_path / "result.jsonl"
    group = SinkGroup([JsonLinesSink(open_output(path)), kept])
    start = threading.Barrier(4)

    def work(stream: str) -> None:
        start.wait()
        for window in range(200):
            group.emit(records.estimate(stream=stream, window=window))

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == len(kept.records) == 800
    for number in range(4):
        assert [line["window"] for line in lines if line["stream"] == str(number)] == list(range(200))
    assert kept.closed == 1


@needs_full_device
def test_a_full_disk_is_said_once_and_the_others_go_on():
    before, after = Kept(), Kept()
    group = SinkGroup([before, JsonLinesSink(open_output("/dev/full")), after])
    with pytest.raises(StreamError, match="No space left"):
        group.emit(records.estimate())
    group.emit(records.final())
    group.close()
    group.close()
    for kept in (before, after):
        assert [record.type for record in kept.records] == ["estimate", "final"]
        assert kept.closed == 1


@needs_full_device
def test_an_error_is_said_before_a_quiet_end():
    reader, writer = os.pipe()
    os.close(reader)
    group = SinkGroup([JsonLinesSink(os.fdopen(writer, "w")), JsonLinesSink(open_output("/dev/full"))])
    with pytest.raises(StreamError, match="No space left"):
        group.emit(records.estimate())
    group.close()


def test_a_reader_that_left_is_a_quiet_end_and_the_others_go_on():
    reader, writer = os.pipe()
    os.close(reader)
    kept = Kept()
    group = SinkGroup([JsonLinesSink(os.fdopen(writer, "w")), kept])
    with pytest.raises(OutputClosed):
        group.emit(records.estimate())
    group.emit(records.final())
    assert len(kept.records) == 2
    group.close()


def test_a_defect_in_one_close_leaves_no_other_open():
    kept, file = Kept(), io.StringIO()
    group = SinkGroup([Defective(), kept, JsonLinesSink(file)])
    with pytest.raises(RuntimeError, match="a defect"):
        group.close()
    assert kept.closed == 1
    assert file.closed


def test_progress_reaches_only_the_sinks_that_show_it():
    class Screen(Kept):
        def progress(self, stream: str, heard_s: float, level_dbfs: float) -> None:
            heard.append((stream, heard_s, level_dbfs))

    heard: list[tuple[str, float, float]] = []
    group = SinkGroup([Kept(), Screen()])
    group.progress("mic", 1.3, -20.0)
    assert heard == [("mic", 1.3, -20.0)]


def test_a_screen_whose_terminal_has_gone_is_left_out_and_the_others_go_on():
    controller, terminal = os.openpty()
    kept = Kept()
    with os.fdopen(terminal, "w") as tty:
        screen = ScreenSink(records.LABELS, console=Console(file=tty, force_terminal=True, width=80, height=24))
        group = SinkGroup([screen, kept])
        os.close(controller)
        with pytest.raises(OutputClosed):
            group.progress("mic", 1.3, -20.0)
        group.progress("mic", 1.4, -20.0)
        group.emit(records.final())
        assert not group.empty
        group.close()
    assert len(kept.records) == 1


def test_a_group_whose_only_terminal_has_gone_is_empty():
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as tty:
        screen = ScreenSink(records.LABELS, console=Console(file=tty, force_terminal=True, width=80, height=24))
        group = SinkGroup([screen])
        os.close(controller)
        with pytest.raises(OutputClosed):
            group.progress("mic", 1.3, -20.0)
        assert group.empty
