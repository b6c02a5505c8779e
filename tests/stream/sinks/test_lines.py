"""Plain lines: golden text for each record, headings, hostile names."""

from __future__ import annotations

import io

import pytest

from stream.sinks.lines import LinesSink
from tests.stream.sinks import records

GOLDEN = """\
mic
  00:35.9  happy 0.61 ▅  calm 0.30 ▃   running: happy 0.55, calm 0.25
  00:38.8  silence   running: happy 0.55, calm 0.25
  00:41.8  gap: sound was lost   running: happy 0.55, calm 0.25
  00:05.9  happy began (0.72)
  source   overflow: sound was dropped (0.5 s lost)
  final    happy 0.55, calm 0.25  (13 windows, 1 with a gap, 00:41.9)
  final    no mood: nothing scored  (shorter than a window, 2.5 s)  truncated: no more could be decoded
"""


def shown(*emitted, top_k: int | None = None) -> str:
    file = io.StringIO()
    sink = LinesSink(file, top_k)
    for record in emitted:
        sink.emit(record)
    text = file.getvalue()
    sink.close()
    return text


def test_each_type_of_record_has_its_line():
    assert shown(*records.one_of_each(), top_k=2) == GOLDEN


def test_a_heading_whenever_the_stream_or_track_changes():
    text = shown(
        records.estimate(track="one"),
        records.status(),
        records.estimate(track="one"),
        records.estimate(track="two"),
        records.estimate(stream="b.mp3"),
    )
    headings = [line for line in text.splitlines() if not line.startswith(" ")]
    assert headings == ["mic · one", "mic · two", "b.mp3"]


@pytest.mark.parametrize("name", records.HOSTILE)
def test_no_name_writes_more_than_its_line(name: str):
    text = shown(
        records.estimate(stream=name, track=name),
        records.event(stream=name, track=name),
        records.status(stream=name, detail=name),
        records.final(stream=name, track=name, error=name),
    )
    lines = text.split("\n")
    assert len([line for line in lines if line.startswith("  ")]) == 4
    assert all(line.isprintable() for line in lines)


def test_a_terminal_without_blocks_gets_question_marks_not_a_crash():
    raw = io.BytesIO()
    sink = LinesSink(io.TextIOWrapper(raw, encoding="ascii"))
    sink.emit(records.estimate(track="Björk"))
    assert raw.getvalue().splitlines()[1].startswith(b"  00:35.9  happy 0.61 ?")
    sink.close()
