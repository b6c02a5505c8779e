"""The live screen: what it shows, that it fits, and what it leaves behind."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from stream.record import Record
from stream.sinks import screenshot
from stream.sinks.output import OutputClosed
from stream.sinks.screen import ScreenSink
from stream.sinks.screen_frame import ASCII, UNICODE, frame
from stream.sinks.screen_state import ScreenState
from tests.stream.sinks import records

LABELS = ["happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful"]
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


def drawn(state: ScreenState, width: int = 80, height: int = 24, top_k: int | None = None) -> list[str]:
    return frame(state, width, height, top_k, UNICODE).plain.split("\n")


def moods(**values: float) -> dict[str, float]:
    return dict.fromkeys(LABELS, 0.0) | values


def test_the_way_to_the_first_score_is_counted():
    state = ScreenState(LABELS, 2.992)
    state.hear("mic", 1.3, -23.1, now=0.0)
    lines = drawn(state)
    assert lines[0].startswith("● mic")
    assert lines[1].endswith("-23.1 dBFS ")
    assert "listening… 1.3 of 3.0 s" in lines[3]
    assert [line.split()[0] for line in lines[4:13]] == LABELS


def test_a_window_is_shown_with_average_and_now():
    state = ScreenState(records.LABELS, 2.992)
    state.hear("mic", 38.9, -23.1, now=0.0)
    state.take(records.estimate(track="Weightless", feature_ms=1.9), now=2.0)
    lines = drawn(state)
    assert lines[0].split() == ["●", "mic", "·", "Weightless", "00:38.8"]
    assert [(line.split()[0], line.split()[2:]) for line in lines[4:7]] == [
        ("happy", ["0.55", "0.61"]),
        ("calm", ["0.25", "0.30"]),
        ("sad", ["0.09", "0.07"]),
    ]
    bar = lines[4].split()[1]
    assert bar.count("━") / len(bar) == pytest.approx(0.55, abs=0.03)
    assert bar.index("●") / len(bar) == pytest.approx(0.61, abs=0.03)
    assert re.split(r"  +", lines[-1].strip()) == ["19× real time · 6.1 ms a window", "demo 1.0"]


@pytest.mark.parametrize(("status", "said"), [("silence", "silence"), ("gap", "gap: sound was lost")])
def test_a_window_without_a_mood_says_why(status: str, said: str):
    state = ScreenState(records.LABELS, 2.992)
    state.take(records.estimate(status=status, mood=None), now=0.0)
    lines = drawn(state)
    assert said in lines[3]
    assert lines[4].split()[-1] == "0.55"


def test_rows_change_places_only_for_a_clear_difference():
    state = ScreenState(LABELS, 2.992)

    def order(running: dict[str, float]) -> list[str]:
        state.take(records.estimate(mood=running, running=running), now=0.0)
        return [line.split()[0] for line in drawn(state)[4:7]]

    assert order(moods(calm=0.5, sad=0.4, happy=0.3)) == ["calm", "sad", "happy"]
    assert order(moods(calm=0.45, sad=0.46, happy=0.3)) == ["calm", "sad", "happy"]
    assert order(moods(calm=0.45, sad=0.46, happy=0.6)) == ["happy", "calm", "sad"]


def test_only_the_highest_moods_where_asked():
    state = ScreenState(records.LABELS, 2.992)
    state.take(records.estimate(), now=0.0)
    assert [line.split()[0] for line in drawn(state, top_k=2)[4:] if "0." in line] == ["happy", "calm"]


def test_a_source_that_is_down_says_so_until_sound_comes_again():
    state = ScreenState(records.LABELS, 2.992)
    state.take(records.estimate(), now=0.0)
    state.take(records.status(status="down", detail="unplugged"), now=0.0)
    assert "source down: unplugged" in drawn(state)[0]
    assert "dBFS" not in drawn(state)[1]
    state.hear("mic", 41.0, -20.0, now=5.0)
    assert "source down" not in drawn(state)[0]
    assert any("00:38.8" in line and "source down: unplugged, 0.5 s lost" in line for line in drawn(state))


def test_the_last_news_are_kept_and_the_oldest_go():
    state = ScreenState(records.LABELS, 2.992)
    for second in range(100):
        state.take(records.event(at_s=float(second)), now=0.0)
    began = [line for line in drawn(state, height=60) if "happy began" in line]
    assert [line.split()[0] for line in began] == [f"01:{second}.0" for second in range(34, 40)]


def test_many_streams_show_a_few_that_stay_and_count_the_rest():
    state = ScreenState(records.LABELS, 2.992)
    for number in range(20):
        state.hear(f"stream{number:02}", 1.0, -20.0, now=float(number))
    before = [line.split()[1] for line in drawn(state) if line.startswith("●")]
    assert before == [f"stream{number}" for number in range(20 - len(before), 20)]
    assert any(f"and {20 - len(before)} more streams" in line for line in drawn(state))
    assert "20 streams" in drawn(state)[-1]
    for number in range(5):
        state.hear(f"stream{number:02}", 2.0, -20.0, now=30.0)
    assert [line.split()[1] for line in drawn(state) if line.startswith("●")] == before


def test_streams_without_end_are_not_kept():
    state = ScreenState(records.LABELS, 2.992)
    for number in range(5000):
        state.take(records.final(stream=str(number)), now=0.0)
    assert len(state.views()) <= 256


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(20, 200),
    height=st.integers(4, 60),
    labels=st.lists(st.text(min_size=1), min_size=1, max_size=60, unique=True),
    streams=st.lists(st.one_of(st.sampled_from(records.HOSTILE), st.text()), min_size=1, max_size=12, unique=True),
    value=st.floats(0, 1),
    glyphs=st.sampled_from([UNICODE, ASCII]),
)
def test_the_picture_fits_whatever_it_shows(width, height, labels, streams, value, glyphs):
    state = ScreenState(labels, 2.992)
    for number, name in enumerate(streams):
        running = dict.fromkeys(labels, value)
        state.take(records.status(stream=name, detail=name), now=0.0)
        state.hear(name, 3.0, -300.0 * value, now=0.0)
        if number % 3:
            state.take(records.estimate(stream=name, track=name, mood=running, running=running), now=0.0)
        if number % 3 == 2:
            state.take(records.final(stream=name, track=name, running=running), now=2.0)
    lines = frame(state, width, height, None, glyphs).plain.split("\n")
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width


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


def test_closing_gives_the_terminal_back():
    out, err = sys.stdout, sys.stderr
    screen = Screen()
    screen.sink.progress("mic", 1.0, -20.0)
    assert "\x1b[?25l" in screen.file.getvalue()
    screen.sink.close()
    assert screen.file.getvalue().rindex("\x1b[?25h") > screen.file.getvalue().rindex("\x1b[?25l")
    assert (sys.stdout, sys.stderr) == (out, err)


def test_of_a_long_path_the_end_is_shown():
    state = ScreenState(records.LABELS, 2.992)
    state.hear("/home/someone/Music/a very long folder name/and another one/song.mp3", 1.0, -20.0, now=0.0)
    assert "● …/song.mp3" in drawn(state, width=60)[0]
    assert "● /home/someone/Music" in drawn(state, width=120)[0]


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


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch):
    coloured = Screen()
    coloured.sink.emit(records.estimate())
    assert re.search(r"\x1b\[[0-9;]*38;5;", coloured.written())
    coloured.sink.close()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Screen()
    plain.sink.emit(records.estimate())
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|38;|9[0-7])m?", plain.written())
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


def test_a_picture_is_made_from_the_records_of_a_run(tmp_path: Path):
    run, picture = tmp_path / "run.jsonl", tmp_path / "screen.svg"
    run.write_text("".join(json.dumps(record.to_json()) + "\n" for record in records.one_of_each()))
    screenshot.main([str(run), str(picture)])
    text = picture.read_text().replace("&#160;", " ")
    assert text.startswith("<svg")
    assert "happy" in text and "-23.1 dBFS" in text


@pytest.mark.parametrize("record", records.one_of_each(), ids=lambda record: record.type)
def test_a_record_reads_back_as_it_was(record: Record):
    assert screenshot.parse(record.to_json()) == record
