"""A recorded session becomes one picture and one table, whatever kind of file it is in."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.common.colours import MOOD_COLOURS
from stream.common.errors import StreamError
from stream.evening.evening import Evening, leaders
from stream.evening.reader import read
from tests import models
from tests.stream.command import environment, listen
from tests.stream.files import write
from tests.stream.sinks import records
from tests.stream.sound import tune

BEGAN = datetime.fromisoformat("2026-01-01T20:00:00+00:00")
HOP = 3.0


def report(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream.report", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(COLUMNS="160", **env), check=False, timeout=120
    )


def evening(path: Path, speed: float = 1.0, stream: str = "mic") -> Path:
    """Twenty windows: happy leads, then calm; two of silence, one gap; an event; a final with a hostile title."""
    rows: list[dict[str, Any]] = []
    for index in range(20):
        end = HOP * (index + 1)
        time = (BEGAN + timedelta(seconds=end / speed)).isoformat(timespec="milliseconds")
        status = {8: "silence", 9: "silence", 15: "gap"}.get(index, "ok")
        moods = {"happy": 0.9, "calm": 0.2} if index < 12 else {"happy": 0.3, "calm": 0.6}
        scored = moods if status == "ok" else None
        fields = {"start_s": end - HOP, "end_s": end, "status": status, "mood": scored, "running": moods, "time": time}
        rows.append(records.estimate(stream=stream, window=index, **fields).to_json())
        if index == 4:
            rows.append(records.event(stream=stream, at_s=6.0, time=time).to_json())
        if index == 12:
            rows.append(records.event(stream=stream, at_s=36.0, phase="ended", time=time).to_json())
    last = {"start_s": 0.0, "end_s": 60.0, "time": rows[-1]["time"], "running": {"happy": 0.7, "calm": 0.3}}
    rows.append(records.final(stream=stream, track="A $5 [red]song\x1b[31m 日本", windows=17, **last).to_json())
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_shares_means_silence_gaps_events_and_finals_are_those_of_the_records(tmp_path: Path) -> None:
    found = Evening.of(read([evening(tmp_path / "e.jsonl")]).rows)
    assert found.is_live and found.names == ["mic"]
    assert found.shares() == pytest.approx({"happy": 10 / 17, "calm": 7 / 17})
    assert found.means() == pytest.approx({"happy": (10 * 0.9 + 7 * 0.3) / 17, "calm": (10 * 0.2 + 7 * 0.6) / 17})
    assert (found.seconds("silence"), found.seconds("gap"), found.length) == (6.0, 3.0, 60.0)
    assert [(each.mood, each.begin, each.end) for each in found.lasting] == [("happy", 6.0, 36.0)]
    assert [(each.windows, each.begin, each.end) for each in found.tracks] == [(17, 0.0, 60.0)]


def test_all_three_kinds_and_their_parts_say_the_same(tmp_path: Path) -> None:
    song, model = write(tmp_path / "song.wav", tune(30), 16_000), models.save(tmp_path / "m.onnx")
    seen = []
    for suffix in ("jsonl", "csv", "parquet"):
        folder = tmp_path / suffix
        folder.mkdir()
        done = listen(
            *("--file", song, "--model", model, "--output-file", folder / f"m.{suffix}", "--rotate-mb", "0.002"),
            *("--threshold", "0.5", "--min-duration", "0"),
        )
        assert done.returncode == 0, done.stderr
        parts = sorted(folder.iterdir(), reverse=True)  # in any order
        assert len(parts) > 2
        recording = read(parts)
        assert recording.bad == 0
        found = Evening.of(recording.rows)
        means = {mood: round(mean, 6) for mood, mean in found.means().items()}
        finals = [(each.name, each.windows, each.model) for each in found.tracks]
        seen.append((len(found.windows), means, found.shares(), len(found.lasting), finals, found.is_live))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == 10 and seen[0][4] == [(str(song), 10, "tiny")]


def test_files_that_were_heard_fast_follow_each_other(tmp_path: Path) -> None:
    paths = [evening(tmp_path / f"{name}.jsonl", speed=50.0, stream=name) for name in ("a", "b")]
    found = Evening.of(read(paths).rows)
    assert not found.is_live and found.names == ["a", "b"]
    assert (len(found.windows), found.length) == (40, 120.0)
    assert [(each.begin, each.end) for each in found.tracks] == [(0.0, 60.0), (60.0, 120.0)]
    assert Evening.of(read(paths).rows, "b").length == 60.0


def test_tracks_and_events_of_files_do_not_overlap_and_the_axis_holds_all_of_them(tmp_path: Path) -> None:
    """Four songs of 14 s have 4 windows of 3 s each, and 2 s in none."""
    rows: list[dict[str, Any]] = []
    for number, name in enumerate("abcd"):
        time = (BEGAN + timedelta(seconds=number)).isoformat()
        for index in range(4):
            span = {"start_s": HOP * index, "end_s": HOP * (index + 1)}
            rows.append(records.estimate(stream=name, window=index, time=time, **span).to_json())
        rows.append(records.event(stream=name, at_s=0.0, time=time).to_json())
        rows.append(records.event(stream=name, at_s=14.0, phase="ended", time=time).to_json())
        rows.append(records.final(stream=name, start_s=0.0, end_s=14.0, windows=4, time=time).to_json())
    path = tmp_path / "album.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = Evening.of(read([path]).rows)
    spans = [(0.0, 14.0), (14.0, 28.0), (28.0, 42.0), (42.0, 56.0)]
    assert not found.is_live and found.length == 56.0
    assert [(each.begin, each.end) for each in found.tracks] == spans
    assert [(each.begin, each.end) for each in found.lasting] == spans
    assert [each.begin for each in found.windows[::4]] == [begin for begin, _ in spans]
    assert "00:56.0 long" in report(path, "--no-picture").stdout


@pytest.mark.parametrize("later", [timedelta(seconds=2), timedelta(days=1)])
def test_a_file_that_was_heard_twice_is_twice_on_the_axis(tmp_path: Path, later: timedelta) -> None:
    first = evening(tmp_path / "a.jsonl", speed=50.0)
    rows = [json.loads(line) for line in first.read_text().splitlines()]
    again = [row | {"time": (datetime.fromisoformat(row["time"]) + later).isoformat()} for row in rows]
    (tmp_path / "b.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in again))
    found = Evening.of(read([first, tmp_path / "b.jsonl"]).rows)
    assert not found.is_live and found.length == 120.0
    assert [(each.begin, each.end) for each in found.tracks] == [(0.0, 60.0), (60.0, 120.0)]
    assert [(each.begin, each.end) for each in found.lasting] == [(6.0, 36.0), (66.0, 96.0)]


def test_of_a_track_that_had_begun_before_the_recording_there_is_the_rest(tmp_path: Path) -> None:
    path = evening(tmp_path / "e.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[10:]))  # the second part of a rotated file
    found = Evening.of(read([path]).rows)
    assert [(each.begin, each.end) for each in found.tracks] == [(0.0, found.length)]
    assert "-" not in report(path, "--no-picture").stdout.splitlines()[-1]


def test_no_mood_leads_where_there_is_none(tmp_path: Path) -> None:
    """A tone: the model hears no mood, and the first of its list is not the leader for that."""
    path, none = tmp_path / "e.jsonl", {"happy": 0.0, "sad": 0.001}
    rows = [
        records.estimate(mood=none, running=none, start_s=0.0, end_s=3.0).to_json(),
        records.estimate(mood=none, running=none, start_s=3.0, end_s=6.0).to_json(),
        records.final(running=none, start_s=0.0, end_s=6.0).to_json(),
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = Evening.of(read([path]).rows)
    assert found.shares() == {} and list(leaders(found)) == []
    done = report(path, TZ="UTC")
    assert done.returncode == 0, done.stderr
    assert "100 %" not in done.stdout and done.stdout.splitlines()[-2].rstrip().endswith("no mood")
    mixed = [*rows, records.estimate(start_s=6.0, end_s=9.0).to_json()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in mixed))
    assert Evening.of(read([path]).rows).shares() == pytest.approx({"happy": 1 / 3})


def test_of_live_streams_the_longest_is_shown_and_the_others_are_named(tmp_path: Path) -> None:
    other = evening(tmp_path / "radio.jsonl", stream="radio")
    other.write_text("".join(other.read_text().splitlines(keepends=True)[:8]))
    done = report(evening(tmp_path / "e.jsonl"), other, "--no-picture")
    assert done.returncode == 0 and "not in it, see --stream: radio" in done.stdout
    assert "7 windows" in report(tmp_path / "e.jsonl", other, "--no-picture", "--stream", "radio").stdout


def test_the_command_draws_a_picture_with_the_moods_colours_and_prints_a_table(tmp_path: Path) -> None:
    path = evening(tmp_path / "e.jsonl")
    with path.open("a") as file:
        file.write('{"schema":1,"type":"estimate","str')  # a killed process
    done = report(path, TZ="UTC")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "20 windows" in done.stdout and "1 line skipped that is no record" in done.stdout
    assert "59 %" in done.stdout and "A $5 [red]song" in done.stdout and "\x1b" not in done.stdout
    with av.open(str(tmp_path / "e.png")) as picture:
        pixels = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    assert pixels.shape[0] > 500 and pixels.shape[1] > 1000
    ribbon = {tuple(colour) for colour in pixels[: pixels.shape[0] // 4].reshape(-1, 3)[::7].tolist()}
    assert {tuple(bytes.fromhex(MOOD_COLOURS[mood][1:])) for mood in ("happy", "calm")} <= ribbon  # they lead in turn


def test_the_same_recording_is_the_same_svg(tmp_path: Path) -> None:
    path = evening(tmp_path / "e.jsonl")
    for name in ("one.svg", "two.svg"):
        done = report(path, "--picture", tmp_path / name, TZ="UTC")
        assert done.returncode == 0, done.stderr
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert text.startswith("<?xml")


def test_what_cannot_be_read_or_written_is_one_line(tmp_path: Path) -> None:
    good = evening(tmp_path / "e.jsonl")
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "not.parquet").write_text("no parquet")
    (tmp_path / "noise.csv").write_bytes(np.random.default_rng(0).bytes(5000))
    short = tmp_path / "short.jsonl"
    short.write_text(f"{json.dumps(records.final().to_json())}\n")
    for arguments, reason in (
        ((tmp_path / "none.jsonl",), "cannot be read: No such file"),
        ((tmp_path / "empty.jsonl",), "there is no record in"),
        ((tmp_path / "not.parquet",), "is no Parquet file"),
        ((tmp_path / "noise.csv",), ""),
        ((tmp_path,), "cannot be read: Is a directory"),
        ((short,), "shorter than one"),
        ((good, "--stream", "radio"), "there is no stream 'radio'"),
        ((good, "--picture", tmp_path / "e.docx"), "end its name in .png or .svg"),
        ((good, "--picture", tmp_path / "none" / "e.png"), "cannot write"),
    ):
        done = report(*arguments)
        assert done.returncode == 1, done.stdout
        assert reason in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert report().returncode == 2


ESTIMATE, FINAL, EVENT = (make().to_json() for make in (records.estimate, records.final, records.event))


@pytest.mark.parametrize(
    "line",
    [
        *("[]", "3", '"x"', "null", '{"type":"estimate"}', '{"type":[],"stream":"a"}', "{", "\ud800"),
        *(json.dumps(ESTIMATE | {"end_s": value}) for value in (math.inf, math.nan, 1e300, 10**400, 35.904, -1.0)),
        *(json.dumps(ESTIMATE | {"time": time}) for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")),
        *(json.dumps(ESTIMATE | {name: {"a": 1}}) for name in ("status", "track", "time", "start_s")),
        *(json.dumps(ESTIMATE | {"mood": moods}) for moods in ([1], {"happy": math.nan}, {"happy": None})),
        *(json.dumps(FINAL | {"windows": value}) for value in (math.inf, None)),
        *(json.dumps(EVENT | {"mood_name": value}) for value in (None, ["happy"])),
    ],
)
def test_lines_that_are_no_records_are_skipped_and_counted(tmp_path: Path, line: str) -> None:
    path = evening(tmp_path / "e.jsonl")
    with path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogatepass") + b"\n")
    recording = read([path])
    assert (recording.bad, len(recording.rows)) == (1, 23)


@pytest.mark.parametrize("model", ["x", 5, ["x"], None])
def test_a_record_whose_model_has_no_name_is_one_still(tmp_path: Path, model: Any) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text("".join(f"{json.dumps(row | {'model': model})}\n" for row in (ESTIMATE, FINAL)))
    assert report(path).returncode == 0


def test_a_long_session_is_read_into_little_memory(tmp_path: Path) -> None:
    """A week of one stream, 200,000 records, must fit: a row takes 0.9 KB, where all of it would take 3.8."""
    path, moods = tmp_path / "e.jsonl", {f"mood {number}": number / 10 + 0.01 for number in range(9)}
    rows = (records.estimate(window=index, mood=moods, running=moods).to_json() for index in range(1000))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    tracemalloc.start()
    try:
        recording = read([path])
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(recording.rows) == 1000
    assert kept < 1_000_000 and peak < 1_100_000


def test_a_picture_that_was_there_is_replaced_and_that_is_said(tmp_path: Path) -> None:
    path, picture = evening(tmp_path / "e.jsonl"), tmp_path / "e.png"
    assert report(path).stdout.splitlines()[-1] == f"the picture is {picture}"
    picture.write_text("another one")
    assert report(path).stdout.splitlines()[-1] == f"the picture is {picture}, in place of the one that was there"
    assert picture.read_bytes().startswith(b"\x89PNG")


def report_without(package: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    hidden = f"import sys; sys.modules[{package!r}] = None; from stream.report import main; sys.exit(main())"
    command = [sys.executable, "-c", hidden, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)


def test_without_matplotlib_there_is_a_table_and_the_command_that_installs_it(tmp_path: Path) -> None:
    path = evening(tmp_path / "e.jsonl")
    done = report_without("matplotlib", path)
    assert done.returncode == 1 and "20 windows" in done.stdout
    assert done.stderr == (
        "moodstream: the picture needs a package that is not installed: "
        f"{shlex.quote(sys.executable)} -m pip install matplotlib\n"
    )
    without = report_without("matplotlib", path, "--no-picture")
    assert (without.returncode, without.stderr) == (0, "") and "20 windows" in without.stdout


def test_what_is_wrong_with_a_file_is_said_before_what_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(bytes(500))
    good = evening(tmp_path / "e.jsonl")
    for package, arguments, reason in (
        ("matplotlib", (tmp_path / "none.jsonl",), "cannot be read: No such file"),
        ("matplotlib", (".",), "cannot be read: Is a directory"),
        ("matplotlib", (tmp_path / "song.mp3",), "there is no record in"),
        ("matplotlib", (good, "--picture", "e.docx"), "end its name in .png or .svg"),
        ("pyarrow", (tmp_path / "none.parquet",), "cannot be read: No such file"),
    ):
        done = report_without(package, *arguments)
        assert done.returncode == 1 and done.stdout == ""
        assert reason in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_stream_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="there are 'mic'"):
        Evening.of(read([evening(tmp_path / "e.jsonl")]).rows, "radio")
