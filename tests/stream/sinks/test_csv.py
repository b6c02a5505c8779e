"""CSV: one table that any reader takes, with nothing lost and no formula in it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from stream.sinks.records import CsvSink, columns, restored, to_line
from tests.stream.sinks import records


def written(*emitted) -> tuple[str, list[dict[str, str]]]:
    file = io.StringIO(newline="")
    sink = CsvSink(file, records.LABELS)
    for record in emitted:
        sink.emit(record)
    text = file.getvalue()
    sink.close()
    return text, list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_header_and_an_estimate():
    text, _ = written(records.estimate())
    assert text == (
        "schema,type,stream,track,time,status,window,start_sample,start_s,end_s,rms_dbfs,"
        "mood.happy,mood.sad,mood.calm,running.happy,running.sad,running.calm,"
        "windows,silent_windows,gap_windows,event,mood_name,at_s,probability,detail,lost_s,error,inference_ms,"
        "model.name,model.version,model.sha256\n"
        "1,estimate,mic,,2026-01-01T00:00:38.916Z,ok,12,574464,35.904,38.896,-23.1,"
        "0.61,0.07,0.3,0.55,0.09,0.25,13,,,,,,,,,,4.2,demo,1.0," + records.MODEL.sha256 + "\n"
    )


def test_an_empty_result_is_a_header():
    text, rows = written()
    assert rows == []
    assert text == ",".join(columns(records.LABELS)) + "\n"


def test_every_field_of_every_record_has_its_cell():
    emitted = records.one_of_each()
    _, rows = written(*emitted)
    assert len(rows) == len(emitted)
    for record, row in zip(emitted, rows, strict=True):
        expected: dict[str, str] = {}
        for name, value in record.to_json().items():
            cells = {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
            expected |= {cell: str(item) for cell, item in cells.items() if item is not None}
        assert {name: cell for name, cell in row.items() if cell} == expected


@pytest.mark.parametrize(
    "name", ["two  spaces ", "family 👨\u200d👩\u200d👧", "\u202eesrever", "no\u00a0break", "日本語  の曲名"]
)
def test_a_name_is_the_one_that_json_lines_have(name: str):
    record = records.estimate(stream=name, track=name)
    _, (row,) = written(record)
    fields = json.loads(to_line(record))
    assert (row["stream"], row["track"]) == (fields["stream"], fields["track"]) == (name, name)


@pytest.mark.parametrize("control", ["\x1b", "\n", "\r", "\t", "\0", "\x85", "\u2028", "\u2029"])
def test_what_would_control_a_terminal_or_break_a_line_is_replaced(control: str):
    _, (row,) = written(records.estimate(track=f"a  {control}b"))
    assert row["track"] == "a  \N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "name", [*records.HOSTILE, "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\N{FULLWIDTH EQUALS SIGN}1"]
)
def test_no_name_breaks_a_row_or_becomes_a_formula(name: str):
    text, rows = written(records.estimate(stream=name, track=name), records.estimate())
    assert text.count("\n") == 3
    assert len(rows) == 2
    assert not rows[0]["track"].strip().startswith(("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}"))
    assert "\x1b" not in text


def test_a_negative_level_stays_a_number():
    _, rows = written(records.estimate())
    assert float(rows[0]["rms_dbfs"]) == -23.1


def test_a_final_of_other_moods_is_a_row_without_them(caplog: pytest.LogCaptureFixture):
    """A track that a process with another model began, and that ended before its next window."""
    _, (row, after) = written(records.final(running={"happy": 0.2, "angry": 0.9}, windows=7), records.final())
    assert (row["type"], row["windows"], row["model.name"]) == ("final", "7", records.MODEL.name)
    assert {name: cell for name, cell in row.items() if cell and name.startswith(("mood.", "running."))} == {}
    assert after["running.happy"] == "0.55"
    assert [each.getMessage() for each in caplog.records] == [
        "mic: a record has other moods than the table, their cells stay empty"
    ]


@pytest.mark.parametrize("text", [*records.HOSTILE[4:6], "'n Sync", "'", "plain", "  -1"])
def test_a_cell_that_is_read_back_is_the_text_that_was_written(text: str):
    out = io.StringIO()
    CsvSink(out, records.LABELS).emit(records.estimate(stream=text))
    _, row = csv.reader(io.StringIO(out.getvalue()))
    assert restored(row[2]) == text
