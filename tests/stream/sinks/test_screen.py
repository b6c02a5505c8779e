"""The live screen on a terminal: when it draws, what reaches the terminal, and what it leaves behind."""

from __future__ import annotations

import io
import os
import re
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console

from stream.common.output import OutputClosed
from stream.sinks.screen import ScreenSink
from stream.tagging.record import Record
from tests.stream.sinks import records

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A screen on a terminal of the given size whose output can be read."""

    def __init__(self, width: int = 80, height: int = 24, top_k: int | None = None) -> None:
        self.clock = Clock()
        self.file = io.StringIO()
        self.console = Console(file=self.file, force_terminal=True, width=width, height=height, color_system="256")
        self.sink = ScreenSink(records.LABELS, top_k=top_k, console=self.console, clock=self.clock)

    def written(self) -> str:
        """Return what was written since the last call."""
        text = self.file.getvalue()
        self.file.seek(0)
        self.file.truncate()
        return text

    def after(self, *emitted: Record) -> str:
        """Return what is drawn after these records, without colours."""
        for record in emitted:
            self.sink.emit(record)
        self.written()
        self.clock.now += 1
        self.sink.progress("mic", 40.0, -20.0)
        return CONTROL.sub(" ", self.written())


@pytest.mark.parametrize("name", records.HOSTILE)
def test_no_name_reaches_the_terminal_as_more_than_text(name: str):
    screen = Screen()
    for record in (
        records.estimate(stream=name, track=name),
        records.status(stream=name, detail=name),
        records.event(stream=name, track=name),
        records.final(stream=name, track=name, error=name),
    ):
        screen.sink.emit(record)
        screen.clock.now += 1
        screen.sink.progress(name, 1.0, -20.0)
    screen.sink.close()
    text = screen.written()
    assert not [char for char in CONTROL.sub("", text) if not char.isprintable()]
    if "markup" in name:
        assert "[bold]markup[/bold]" in text


def test_it_is_drawn_eight_times_a_second_at_most():
    screen = Screen()
    draws = 0
    for _ in range(1000):
        screen.clock.now += 0.01
        screen.sink.progress("mic", screen.clock.now, -20.0)
        draws += bool(screen.written())
    assert 60 <= draws <= 80
    screen.sink.close()


def test_news_of_the_source_are_drawn_at_once():
    screen = Screen()
    screen.sink.progress("mic", 1.0, -20.0)
    screen.written()
    screen.sink.emit(records.status(status="down", detail="unplugged"))
    assert "unplugged" in screen.written()
    screen.sink.close()


def test_the_only_track_leaves_its_bars():
    screen = Screen()
    screen.sink.emit(records.estimate())
    screen.sink.emit(records.final(track="Weightless", error="truncated: the end is missing"))
    screen.written()
    screen.sink.close()
    lines = CONTROL.sub("\n", screen.written()).split("\n")
    left = [line.strip() for line in lines if line.strip()]
    assert "mic · Weightless" in left
    assert "13 windows, 1 with a gap, 00:41.9" in left
    for name in ("happy", "calm", "sad"):
        assert name in left
    assert left[-1] == "truncated: the end is missing"
    screen.sink.close()
    assert screen.written() == ""


def test_each_of_several_tracks_leaves_a_line():
    screen = Screen()
    screen.sink.emit(records.final(stream="a.mp3"))
    screen.sink.emit(records.final(stream="b.mp3", running=None, windows=0))
    screen.sink.emit(records.final(stream="c.mp3"))
    screen.sink.close()
    text = CONTROL.sub(" ", screen.written())
    assert [text.count(name) for name in ("a.mp3", "b.mp3", "c.mp3")] >= [1, 1, 1]
    assert "no mood: nothing scored" in text
    assert text.rstrip().endswith("3 tracks · 00:00.0 of sound")


def test_a_finished_track_moves_up_when_the_next_begins():
    screen = Screen()
    shown = screen.after(records.estimate(track="one"), records.final(track="one"))
    assert "mic · one" in shown
    assert "listening…" in shown
    screen.sink.close()


def test_the_next_track_does_not_bear_the_name_of_the_last():
    screen = Screen()
    screen.sink.emit(records.estimate(track="Market Day"))
    assert "Market Day" not in screen.after(records.final(track="Market Day")).rpartition("mic")[2]
    assert "Iron Teeth" in screen.after(records.estimate(track="Iron Teeth"))
    screen.sink.close()


def test_closing_gives_the_terminal_back():
    out, err = sys.stdout, sys.stderr
    screen = Screen()
    screen.sink.progress("mic", 1.0, -20.0)
    assert "\x1b[?25l" in screen.file.getvalue()
    screen.sink.close()
    assert screen.file.getvalue().rindex("\x1b[?25h") > screen.file.getvalue().rindex("\x1b[?25l")
    assert (sys.stdout, sys.stderr) == (out, err)


def test_a_key_echoed_while_it_is_drawn_does_not_start_a_new_line():
    screen = Screen()
    screen.sink.emit(records.estimate())
    assert screen.written().endswith("\r")
    screen.sink.close()


def test_a_log_that_goes_to_a_file_stays_there(capfd: pytest.CaptureFixture[str]):
    screen = Screen()
    screen.sink.progress("mic", 1.0, -20.0)
    sys.stderr.write("a warning\n")
    screen.sink.close()
    assert capfd.readouterr().err == "a warning\n"
    assert "a warning" not in screen.written()


def test_it_is_drawn_without_a_standard_error_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", None)
    screen = Screen()
    screen.sink.emit(records.estimate())
    screen.sink.close()
    assert "happy" in screen.written()


def test_a_terminal_that_has_gone_is_a_quiet_end():
    out = sys.stdout
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as tty:
        console = Console(file=tty, force_terminal=True, width=80, height=24)
        sink = ScreenSink(records.LABELS, console=console)
        os.close(controller)
        with pytest.raises(OutputClosed):
            sink.emit(records.status())
        sink.emit(records.status())
        sink.close()
        assert sys.stdout is out


def test_a_smaller_terminal_is_drawn_afresh():
    screen = Screen(width=100)
    screen.sink.emit(records.estimate())
    screen.console.size = (50, 20)
    screen.written()
    screen.clock.now += 1
    screen.sink.progress("mic", 40.0, -20.0)
    cleared, shown = screen.written().split("\x1b[2J")
    assert "happy" in shown and "happy" not in cleared
    assert max(cell_len(row) for row in CONTROL.sub("\n", shown).split("\n")) <= 50
    screen.sink.close()


COLOUR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|38;|9[0-7])m?")  # of 8, 16 or 256: rich keeps what it wrote first


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch):
    coloured = Screen()
    coloured.sink.emit(records.estimate())
    assert COLOUR.search(coloured.written())
    coloured.sink.close()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen()
    plain.sink.emit(records.estimate())
    assert not COLOUR.search(plain.written())
    plain.sink.close()


def test_a_terminal_without_unicode_gets_ascii():
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    sink = ScreenSink(records.LABELS, console=Console(file=file, force_terminal=True, width=80, height=24))
    sink.emit(records.estimate())
    sink.emit(records.final())
    sink.close()
    assert b"happy" in raw.getvalue()
    assert raw.getvalue().isascii()
