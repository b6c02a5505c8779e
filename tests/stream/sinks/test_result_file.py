"""Records in files: of three kinds, in one piece or in parts, and what a killed process leaves."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow.parquet
import pytest

from stream.common.errors import StreamError
from stream.common.stop import Stop
from stream.sinks import parquet
from stream.sinks.records import columns, to_line
from stream.sinks.result_file import Limits, open_results
from tests import models
from tests.stream.command import COMMAND, environment, listen
from tests.stream.fed import Fed
from tests.stream.files import write
from tests.stream.sinks import records
from tests.stream.sinks.kept import fill, read
from tests.stream.sound import tune


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


def test_the_journal_of_a_run_may_be_deleted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = open_results(tmp_path / "moods.parquet", records.LABELS, Limits(), Stop())
    sink.emit(records.estimate())
    (tmp_path / "moods.parquet.jsonl").unlink()
    sink.close()
    assert [each.getMessage().partition(" has gone, ")[2] for each in caplog.records] == ["and what was in it is lost"]
    assert list(tmp_path.iterdir()) == []


def test_a_parquet_file_that_cannot_be_made_is_one_line_and_the_journal_stays(tmp_path: Path) -> None:
    journal = tmp_path / "moods.parquet.jsonl"
    sink = open_results(tmp_path / "moods.parquet", records.LABELS, Limits(), Stop())
    sink.emit(records.estimate())
    journal.rename(tmp_path / "aside")
    journal.mkdir()  # it cannot be read
    with pytest.raises(StreamError, match=r"cannot write results to .*: Is a directory; they are in .*\.jsonl$"):
        sink.close()
    journal.rmdir()
    (tmp_path / "aside").rename(journal)
    (tmp_path / "moods-recovered-20200101T000000Z.parquet").mkdir()
    os.utime(journal, (1577836800, 1577836800))
    with pytest.raises(StreamError, match="Is a directory; they are in"):
        open_results(tmp_path / "moods.parquet", records.LABELS, Limits(), Stop())
    assert json.loads(journal.read_text())["window"] == 12


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_what_a_run_wrote_is_not_wiped_out_by_the_next_ones(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moods{suffix}"
    sent = fill(path)
    for _ in range(3):  # as a restarter does when the source is not there
        open_results(path, records.LABELS, Limits(), Stop()).close()
    assert len(list(tmp_path.iterdir())) == 2
    fill(path, count=1)
    (kept,) = [each for each in tmp_path.iterdir() if each != path]
    assert re.fullmatch(rf"moods-until-\d{{8}}T\d{{6}}Z{suffix}", kept.name)
    assert (len(read(kept)), len(read(path))) == (len(sent), 2)


def test_files_of_the_same_second_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "moods.jsonl"
    for count in (1, 2, 3):
        fill(path, count=count)
        os.utime(path, (1577836800, 1577836800))
    fill(path, count=4)
    names = [f"moods-until-20200101T000000Z{number}.jsonl" for number in ("", "-2", "-3")]
    assert [len(read(tmp_path / name)) for name in names] == [2, 4, 6]


def test_a_link_stays_and_what_it_leads_to_is_kept(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "moods.jsonl"
    link.symlink_to(tmp_path / "disk" / "moods.jsonl")
    fill(link, count=1)
    fill(link, count=2)
    assert link.is_symlink() and len(read(link)) == 4
    assert sorted(len(read(each)) for each in (tmp_path / "disk").iterdir()) == [2, 4]


def test_what_a_shell_redirected_is_not_renamed(tmp_path: Path) -> None:
    out, model = tmp_path / "out.jsonl", models.save(tmp_path / "m.onnx")
    song = write(tmp_path / "song.wav", tune(4), 16_000)
    out.write_text("old\n")
    with out.open("a") as appended:
        command = [*COMMAND, "--file", song, "--model", model, "--output", "csv", "--output-file", "/dev/stdout"]
        subprocess.run(command, stdout=appended, env=environment(), check=True, timeout=60)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m.onnx", "out.jsonl", "song.wav"]


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
        open_results(tmp_path / "none" / "moods.parquet", records.LABELS, Limits(megabytes=0.5), Stop())
    done = listen("--demo", "--rotate-mb", "5")
    assert done.returncode == 2 and "--rotate-mb needs --output-file" in done.stderr
    hidden = "import sys; sys.modules['pyarrow'] = None; from stream.listen import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hidden, "--demo", "--metrics-port", "off", "--output-file", tmp_path / "a.parquet"]
    without = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert without.returncode == 1
    install = f"not installed: {shlex.quote(sys.executable)} -m pip install pyarrow"
    assert without.stderr.splitlines()[-1].endswith(install), without.stderr
