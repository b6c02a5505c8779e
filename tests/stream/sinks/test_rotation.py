"""Records in one part after another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stream.common.errors import StreamError
from stream.common.output import open_output
from stream.common.stop import Stop
from stream.sinks.group import Sink
from stream.sinks.records import JsonLinesSink
from stream.sinks.result_file import Limits, RotatingSink, open_results
from stream.tagging.record import Record
from tests.stream.sinks import records
from tests.stream.sinks.kept import fill, read
from tests.stream.sinks.measured import Clock


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_parts_hold_everything_in_the_order_of_their_names(tmp_path: Path, suffix: str) -> None:
    sent = fill(tmp_path / f"moods{suffix}", Limits(megabytes=0.002))
    parts = sorted(tmp_path.iterdir())
    assert len(parts) > 3 and all(part.suffix == suffix for part in parts)
    rows = [row for part in parts for row in read(part)]
    assert [row["type"] for row in rows] == [record.type for record in sent]
    assert [int(row["window"]) for row in rows if row["type"] == "estimate"] == list(range(40))


def test_a_part_ends_with_the_first_record_after_its_time(tmp_path: Path) -> None:
    clock = Clock()
    opened: list[Path] = []

    class Part:
        def __init__(self) -> None:
            self.records = 0

        def emit(self, record: Record) -> None:
            self.records += 1

        def close(self) -> None:
            """Nothing to close."""

    def open_part(path: Path) -> tuple[Part, Path]:
        opened.append(path)
        return Part(), path

    sink = RotatingSink(tmp_path / "m.jsonl", open_part, Limits(minutes=1), wall=clock, monotonic=clock)
    for clock.now in (1000.0, 1030.0, 1059.9, 1060.0, 1061.0, 1500.0):
        sink.emit(records.estimate())
    assert [path.name for path in opened] == [
        "m-19700101T001640Z-000001.jsonl",
        "m-19700101T001740Z-000002.jsonl",
        "m-19700101T002500Z-000003.jsonl",
    ]


def test_a_run_that_follows_another_within_a_second_sorts_after_it(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(2):
        sink = open_in(tmp_path, clock)
        for _ in range(3):
            sink.emit(records.estimate())
        sink.close()
    parts = sorted(tmp_path.iterdir())
    assert [part.name.rpartition("-")[2] for part in parts] == [f"{number:06d}.jsonl" for number in range(1, 7)]


def open_in(folder: Path, clock: Clock) -> RotatingSink:
    """Lines in parts of one record each, all in one second."""

    def open_part(path: Path) -> tuple[Sink, Path]:
        return JsonLinesSink(open_output(path), stop=Stop()), path

    return RotatingSink(folder / "m.jsonl", open_part, Limits(megabytes=1e-6), wall=clock, monotonic=clock)


class FileState:
    """A part whose end takes as long as the test wants, and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.records, self.may_end, self.ended = 0, threading.Event(), False
        self._failure = failure

    def emit(self, record: Record) -> None:
        self.records += 1

    def close(self) -> None:
        self.may_end.wait(60)
        self.ended = True
        if self._failure is not None:
            raise self._failure


def in_the_second_of(parts: list[FileState], folder: Path) -> RotatingSink:
    """A sink with a record in each of two parts, a minute apart, so that the first is being ended."""
    clock, waiting = Clock(), iter(parts)
    sink = RotatingSink(
        folder / "m.jsonl", lambda path: (next(waiting), path), Limits(minutes=1), wall=clock, monotonic=clock
    )
    sink.emit(records.estimate())
    clock.now += 60
    sink.emit(records.estimate())
    return sink


def test_records_do_not_wait_for_the_end_of_a_part(tmp_path: Path) -> None:
    parts = [FileState(), FileState()]
    sink = in_the_second_of(parts, tmp_path)
    sink.emit(records.estimate())
    assert [part.records for part in parts] == [1, 2] and not parts[0].ended
    for part in parts:
        part.may_end.set()
    sink.close()
    assert all(part.ended for part in parts)


@pytest.mark.parametrize("failure", [StreamError("the disk is full"), OSError(28, "the disk is full")])
def test_a_part_that_cannot_be_ended_is_said(tmp_path: Path, failure: Exception) -> None:
    parts = [FileState(failure), FileState()]
    sink = in_the_second_of(parts, tmp_path)
    for part in parts:
        part.may_end.set()
    with pytest.raises(StreamError, match="the disk is full"):
        sink.close()
    assert parts[1].ended


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_somebody_who_deletes_the_part_that_is_written_costs_nothing_but_it(tmp_path: Path, suffix: str) -> None:
    sink = open_results(tmp_path / f"moods{suffix}", records.LABELS, Limits(megabytes=0.5), Stop())
    sink.emit(records.estimate(window=0))
    for part in tmp_path.iterdir():
        part.unlink()
    for window in range(1, 5):
        sink.emit(records.estimate(window=window))
    sink.close()
    (part,) = tmp_path.iterdir()
    assert [int(row["window"]) for row in read(part)] == [1, 2, 3, 4]
