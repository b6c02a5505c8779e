"""The picture on the screen: what it shows of what is known, and that it fits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from stream.sinks.screen_frame import ASCII, UNICODE, frame
from stream.sinks.screen_state import ScreenState
from stream.tagging.record import Record
from tests.stream.sinks import records, screenshot

LABELS = ["happy", "angry", "sad", "calm", "tense", "tender", "nostalgic", "solemn", "powerful"]


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
    assert before == [f"stream{number:02}" for number in range(20 - len(before), 20)]
    assert len(before) == 19
    assert any(line.endswith("and 1 more stream") for line in drawn(state))
    assert "20 streams" in drawn(state)[-1]
    for number in range(5):
        state.hear(f"stream{number:02}", 2.0, -20.0, now=30.0)
    assert [line.split()[1] for line in drawn(state) if line.startswith("●")] == before


def test_a_few_streams_have_a_card_each_and_more_of_them_a_row_each():
    wall = [1000.0]
    state = ScreenState(records.LABELS, 2.992, wall=lambda: wall[0])
    for number in range(3):
        state.take(records.estimate(stream=f"mic{number}", captured_at=995.0), now=0.0)
    cards = drawn(state)
    assert [line.split()[1] for line in cards if line.startswith("●")] == ["mic0", "mic1", "mic2"]
    assert "13 windows · 00:38.8 · 5 s" in cards[0]
    assert "▎" in cards[1] and "happy" in cards[1]
    wall[0] = 1085.0
    for number in range(3, 40):
        state.take(records.estimate(stream=f"mic{number}", captured_at=1083.0, windows=number), now=20.0)
    rows = {line.split()[1]: line.split()[2:] for line in drawn(state, height=50) if line.startswith("●")}
    assert len(rows) == 40
    assert rows["mic0"] == ["happy", "0.55", "calm", "0.25", "13", "90", "s"]
    assert rows["mic39"] == ["happy", "0.55", "calm", "0.25", "39", "2", "s"]
    assert "leading: happy 40" in drawn(state, height=50)[41]


def test_a_stream_that_another_process_has_now_leaves_the_screen():
    state = ScreenState(records.LABELS, 2.992)
    for name in ("gone", "here", "there"):
        state.take(records.estimate(stream=name), now=0.0)
    for name in ("here", "there"):
        state.take(records.estimate(stream=name, window=13), now=61.0)
    assert [line.split()[1] for line in drawn(state) if line.startswith("●")] == ["here", "there"]


def test_a_stream_of_which_no_more_comes_leaves_the_screen_at_once_and_may_come_back():
    state = ScreenState(records.LABELS, 2.992)

    def shown() -> list[str]:
        return [line.split()[1] for line in drawn(state) if line.startswith("●")]

    for name in ("gone", "here", "there"):
        state.take(records.estimate(stream=name), now=0.0)
    assert state.leave("gone") and shown() == ["here", "there"]
    assert "2 streams" in drawn(state)[-1]
    state.take(records.estimate(stream="gone", window=13), now=3.0)
    assert shown() == ["gone", "here", "there"]
    for name in ("here", "there", "gone"):
        assert state.leave(name)
    assert not state.leave("gone") and not state.leave("never heard of")
    assert "no more of it comes to this process" in drawn(state)[3]


def test_a_track_shows_its_own_time_wherever_it_lies_in_its_stream():
    state = ScreenState(records.LABELS, 2.992, hop_seconds=1.0)
    state.take(records.final(stream="mic", track="one", start_s=10.0, end_s=66.7), now=0.0)
    assert drawn(state)[0].split()[-1] == "00:56.7"
    state.hear("mic", 1.5, -20.0, now=1.0)
    assert drawn(state)[0].split()[-1] == "00:01.5"
    state.take(records.estimate(track="two", window=5, start_s=71.7, end_s=74.692), now=2.0)
    state.take(records.event(track="two", at_s=71.7), now=2.0)
    lines = drawn(state)
    assert lines[0].split()[-1] == "00:07.9"
    assert any(line.split()[:3] == ["00:05.0", "happy", "began"] for line in lines)


def test_a_card_shows_how_far_the_track_is():
    """From Kafka nothing is told of a stream between windows, and it may come in the midst of a track."""
    state = ScreenState(records.LABELS, 2.992)
    for name in ("kitchen", "porch"):
        state.take(records.estimate(stream=name, window=1, start_s=62.992, end_s=65.984, windows=2), now=0.0)
    assert "2 windows · 00:05.9" in drawn(state)[0]


def test_a_stream_that_nobody_tells_of_between_windows_stays_between_two_tracks():
    state = ScreenState(records.LABELS, 2.992)
    for name in ("radio", "mic"):
        state.take(records.estimate(stream=name), now=0.0)
    state.take(records.final(stream="radio"), now=1.0)
    for second, shown in ((4.0, ["mic", "radio"]), (8.0, ["mic"])):
        state.take(records.estimate(stream="mic", window=13), now=second)
        assert [view.name for view in sorted(state.active(), key=lambda view: view.name)] == shown


def test_sound_that_nobody_tells_of_between_windows_counts_as_well():
    state = ScreenState(records.LABELS, 2.992)
    for second in range(1, 11):
        end = 1000.0 + 3.0 * second
        level = -20.0 - second
        state.take(records.estimate(window=second, end_s=end, rms_dbfs=level), now=float(second))
    assert drawn(state)[1].endswith("-30.0 dBFS ")
    assert "3.3× real time" in drawn(state)[-1]


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


def test_of_a_long_path_the_end_is_shown():
    state = ScreenState(records.LABELS, 2.992)
    state.hear("/home/someone/Music/a very long folder name/and another one/song.mp3", 1.0, -20.0, now=0.0)
    assert "● …/song.mp3" in drawn(state, width=60)[0]
    assert "● /home/someone/Music" in drawn(state, width=120)[0]


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
