"""JSON lines: golden lines of every type, and lines that any reader takes."""

from __future__ import annotations

import io
import json
import math

import pytest

from stream.sinks.records import JsonLinesSink, to_line
from tests.stream.sinks import records

GOLDEN = """\
{"schema":1,"type":"estimate","stream":"mic","track":null,"window":12,"start_sample":574464,"start_s":35.904,\
"end_s":38.896,"time":"2026-01-01T00:00:38.916Z","status":"ok","rms_dbfs":-23.1,\
"mood":{"happy":0.61,"sad":0.07,"calm":0.3},"running":{"happy":0.55,"sad":0.09,"calm":0.25},"windows":13,\
"model":{"name":"demo","version":"1.0","sha256":"SHA"},"inference_ms":4.2}
{"schema":1,"type":"event","stream":"mic","track":null,"event":"began","mood_name":"happy","at_s":5.984,\
"probability":0.72,"time":"2026-01-01T00:00:38.916Z"}
{"schema":1,"type":"status","stream":"mic","track":null,"time":"2026-01-01T00:00:38.916Z","status":"overflow",\
"detail":"sound was dropped","lost_s":0.5}
{"schema":1,"type":"final","stream":"mic","track":null,"start_sample":0,"start_s":0.0,"end_s":41.9,\
"time":"2026-01-01T00:00:38.916Z","status":"ok","rms_dbfs":-22.0,"mood":null,\
"running":{"happy":0.55,"sad":0.09,"calm":0.25},"windows":13,"silent_windows":0,"gap_windows":1,\
"model":{"name":"demo","version":"1.0","sha256":"SHA"},"error":null}
""".replace("SHA", records.MODEL.sha256)


class Watched(io.StringIO):
    """Remembers what had been written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed: list[str] = []

    def flush(self) -> None:
        self.flushed.append(self.getvalue())


def test_each_type_of_record_has_its_line():
    file = io.StringIO()
    sink = JsonLinesSink(file)
    for record in (records.estimate(), records.event(), records.status(), records.final()):
        sink.emit(record)
    assert file.getvalue() == GOLDEN


def test_each_line_is_flushed_before_emit_returns():
    file = Watched()
    sink = JsonLinesSink(file)
    for count in (1, 2, 3):
        sink.emit(records.estimate())
        assert file.flushed[-1].count("\n") == count


@pytest.mark.parametrize("name", records.HOSTILE)
def test_any_name_is_one_line_of_ascii_that_reads_back(name: str):
    line = to_line(records.estimate(stream=name, track=name))
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["track"] == name.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_json_cannot_hold_is_refused(number: float):
    with pytest.raises(ValueError, match="JSON"):
        to_line(records.estimate(rms_dbfs=number))


def test_closing_twice_is_safe_and_closes_the_file():
    file = io.StringIO()
    sink = JsonLinesSink(file)
    sink.close()
    sink.close()
    assert file.closed
