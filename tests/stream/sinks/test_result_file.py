"""Records in files: of three kinds, in one piece or in parts, and what a killed process leaves."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from stream.errors import StreamError
from stream.record import Record
from stream.sinks import parquet
from stream.sinks.csv import columns
from stream.sinks.jsonl import to_line
from stream.sinks.result_file import open_results
from stream.sinks.rotation import Limits, RotatingSink
from stream.stop import Stop
from tests import models
from tests.stream.command import listen
from tests.stream.fed import Fed
from tests.stream.files import write
from tests.stream.sinks import records
from tests.stream.sinks.measured import Clock
from tests.stream.sound import tune

HALF_MEGABYTE = Limits(megabytes=0.5)


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a file as flat rows of texts, numbers and None."""
    match path.suffix:
        case ".parquet":
            rows = pyarrow.parquet.read_table(path).to_pylist()
            return [{**row, "time": f"{row['time']:%Y-%m-%dT%H:%M:%S}"} for row in rows]
        case ".csv":
            with path.open(newline="") as file:
                return [{**row, "time": row["time"][:19]} for row in csv.DictReader(file)]
        case _:
            lines = path.read_text().splitlines()
            return [{**row, "time": row["time"][:19]} for row in map(json.loads, lines)]


def fill(path: Path, limits: Limits = Limits(), count: int = 40) -> list[Record]:
    sink = open_results(path, records.LABELS, limits, Stop())
    sent = [record for number in range(count) for record in (records.estimate(window=number), records.event())]
    for record in sent:
        sink.emit(record)
    sink.close()
    sink.close()
    return sent


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_file_holds_every_record(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moods{suffix}"
    sent = fill(path)
    rows = read(path)
    assert [row["type"] for row in rows] == [record.type for record in sent]
    assert [int(row["window"]) for row in rows if row["type"] == "estimate"] == list(range(40))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # no journal is left


def test_parquet_has_the_columns_and_numbers_of_the_records(tmp_path: Path) -> None:
    path = tmp_path / "moods.parquet"
    sink = open_results(path, records.LABELS, Limits(), Stop())
    for record in records.one_of_each():
        sink.emit(record)
    sink.emit(records.estimate(mood={"bright": 0.7}, running={"bright": 0.7}, windows=1))  # a model of other moods
    sink.close()
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == columns([*records.LABELS, "bright"])
    rows = table.to_pylist()
    first = next(row for row in rows if row["type"] == "estimate")
    wanted = records.estimate()
    assert (first["mood.happy"], first["running.sad"], first["window"]) == (0.61, 0.09, 12)
    assert first["time"] == datetime.fromisoformat(records.TIME)
    assert first["model.sha256"] == wanted.model.sha256 and first["mood.bright"] is None
    assert (rows[-1]["mood.bright"], rows[-1]["mood.happy"]) == (0.7, None)


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


class Held:
    """A part whose end takes as long as the test wants, and may fail."""

    def __init__(self, failure: StreamError | None = None) -> None:
        self.records, self.may_end, self.ended = 0, threading.Event(), False
        self._failure = failure

    def emit(self, record: Record) -> None:
        self.records += 1

    def close(self) -> None:
        self.may_end.wait(60)
        self.ended = True
        if self._failure is not None:
            raise self._failure


def test_records_do_not_wait_for_the_end_of_a_part(tmp_path: Path) -> None:
    clock, parts = Clock(), [Held(), Held()]
    waiting = iter(parts)
    sink = RotatingSink(
        tmp_path / "m.jsonl", lambda path: (next(waiting), path), Limits(minutes=1), wall=clock, monotonic=clock
    )
    sink.emit(records.estimate())
    clock.now += 60
    sink.emit(records.estimate())
    sink.emit(records.estimate())
    assert [part.records for part in parts] == [1, 2] and not parts[0].ended
    for part in parts:
        part.may_end.set()
    sink.close()
    assert all(part.ended for part in parts)


def test_a_part_that_cannot_be_ended_is_said(tmp_path: Path) -> None:
    clock, parts = Clock(), [Held(StreamError("the disk is full")), Held()]
    waiting = iter(parts)
    sink = RotatingSink(
        tmp_path / "m.jsonl", lambda path: (next(waiting), path), Limits(minutes=1), wall=clock, monotonic=clock
    )
    sink.emit(records.estimate())
    clock.now += 60
    sink.emit(records.estimate())
    for part in parts:
        part.may_end.set()
    with pytest.raises(StreamError, match="the disk is full"):
        sink.close()
    assert parts[1].ended


def test_a_killed_run_loses_nothing_that_was_out(tmp_path: Path) -> None:
    """Every finished part can be read, and the journal of the last becomes one at the next start."""
    path, model = tmp_path / "moods.parquet", models.save(tmp_path / "m.onnx")
    arguments = ("--model", model, "--output-file", path, "--rotate-mb", "0.003", "--hop-seconds", "0.5")
    with Fed(tmp_path, *arguments) as fed:
        fed.hear(tune(20))
        fed.await_estimates(30)
        fed.process.kill()
        fed.process.wait()
        out = fed.records  # the same records went to standard output, perhaps one more or less
    finished = sorted(tmp_path.glob("moods-*Z-*.parquet"))
    assert len(finished) > 2
    kept = [row["window"] for part in finished for row in read(part) if row["type"] == "estimate"]
    assert kept == list(range(len(kept)))
    song = write(tmp_path / "song.wav", tune(4), 16_000)
    done = listen("--file", song, "--model", model, "--output", "jsonl", "--output-file", path, "--rotate-mb", "1")
    assert done.returncode == 0 and "records of a run that was cut off are in" in done.stderr
    assert not list(tmp_path.glob("*.parquet.jsonl"))
    parts = sorted(tmp_path.glob("moods-*Z-*.parquet"))
    rows = [row for part in parts for row in read(part)]
    windows = [row["window"] for row in rows if row["type"] == "estimate" and row["stream"] == "stdin"]
    seen = len([record for record in out if record["type"] == "estimate"])
    assert windows == list(range(len(windows))) and abs(len(windows) - seen) <= 1
    assert [row["stream"] for row in read(parts[-1])] == [str(song)] * len(read(parts[-1]))


def test_a_journal_that_was_cut_in_a_line_gives_all_the_others(tmp_path: Path) -> None:
    path = tmp_path / "moods.parquet"
    journal = path.with_name("moods.parquet.jsonl")
    text = "".join(f"{to_line(records.estimate(window=number))}\n" for number in range(5))
    journal.write_text(text[:-40])
    parquet.recover(path)
    (recovered,) = tmp_path.glob("moods-recovered-*.parquet")
    assert [row["window"] for row in read(recovered)] == [0, 1, 2, 3]
    assert not journal.exists()


def test_the_journal_of_a_process_with_a_longer_name_is_left_to_it(tmp_path: Path) -> None:
    other = parquet.ParquetSink(tmp_path / "moods-kitchen.parquet")
    other.emit(records.estimate())
    parquet.recover(tmp_path / "moods.parquet")
    other.emit(records.estimate())
    other.close()
    assert len(read(tmp_path / "moods-kitchen.parquet")) == 2


def test_a_folder_in_the_place_of_a_journal_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "moods.parquet.jsonl").mkdir()
    with pytest.raises(StreamError, match=r"moods\.parquet\.jsonl: Is a directory"):
        open_results(tmp_path / "moods.parquet", records.LABELS, Limits(), Stop())


def test_what_does_not_go_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="cannot write results to"):
        open_results(tmp_path / "none" / "moods.parquet", records.LABELS, HALF_MEGABYTE, Stop())
    done = listen("--demo", "--rotate-mb", "5")
    assert done.returncode == 2 and "--rotate-mb needs --output-file" in done.stderr
    hidden = "import sys; sys.modules['pyarrow'] = None; from stream.listen import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hidden, "--demo", "--metrics-port", "off", "--output-file", tmp_path / "a.parquet"]
    without = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert without.returncode == 1
    assert without.stderr.splitlines()[-1].endswith("pip install 'moodstream[parquet]'"), without.stderr
