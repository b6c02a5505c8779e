"""A model file that is replaced while the command runs is taken at a window's boundary; one that is no use is not."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.contract import DEFAULT_MODEL, Model, ModelError, load
from stream.models.watch import FileState, ModelFile, ModelWatch
from stream.tagging.model_in_use import ModelInUse, same_frontend, same_labels
from stream.tagging.session import Session
from tests.stream import swaps
from tests.stream.command import COMMAND, environment
from tests.stream.fed import Fed
from tests.stream.sound import chunks, estimates, listen, tune

SECOND = 16_000
_PATIENCE_SECONDS = 60.0


def test_a_running_stream_takes_a_new_file_and_loses_and_doubles_no_window(tmp_path: Path) -> None:
    path, sound = swaps.first(tmp_path / "m.onnx"), tune(27)
    alone: dict[str, Model] = {}
    for make in (swaps.first, swaps.second, swaps.of_other_moods):
        model = load(make(tmp_path / f"{make.__name__}.onnx"))
        alone[model.info.sha256] = model
    with Fed(tmp_path, "--model", path, "--metrics-port", "0") as fed:
        fed.hear(sound[: 10 * SECOND])
        fed.await_estimates(3)
        (tmp_path / "second.onnx").replace(path)
        fed.await_said("running averages go on")
        fed.hear(sound[10 * SECOND : 19 * SECOND])
        fed.await_estimates(6)
        path.write_bytes((tmp_path / "of_other_moods.onnx").read_bytes())  # the same inode
        fed.await_said("running averages begin anew")
        fed.hear(sound[19 * SECOND :])
        fed.await_estimates(9)
        text = fed.metrics()
        records = fed.end()
    got = [record for record in records if record["type"] == "estimate"]
    assert [each["window"] for each in got] == list(range(9))
    shas = list(alone)
    assert [shas.index(each["model"]["sha256"]) for each in got] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [each["windows"] for each in got] == [1, 2, 3, 4, 5, 6, 1, 2, 3]
    sent = np.round(sound * 32767).astype(np.float32) / 32768
    for index, (sha, model) in enumerate(alone.items()):
        expected = estimates(listen(Session("s", model), chunks(sent)))
        for each in got[3 * index : 3 * index + 3]:
            assert each["model"]["sha256"] == sha
            assert each["mood"] == pytest.approx(expected[each["window"]].mood, abs=1e-5)
    final = records[-1]
    assert (final["type"], final["windows"], final["model"]["name"]) == ("final", 3, "others")
    assert final["running"].keys() == set(swaps.OTHERS)
    assert 'moodstream_model_swaps_total{result="taken"} 2.0' in text
    assert f'moodstream_model_info{{name="others",sha256="{shas[2]}",version="1"}} 1.0' in text
    assert 'name="second"' not in text and 'mood="happy"' not in text


def test_a_bad_file_leaves_the_old_one_in_place_and_is_said_once(tmp_path: Path) -> None:
    path, sound = swaps.first(tmp_path / "m.onnx"), tune(10)
    old = load(path).info.sha256
    with Fed(tmp_path, "--model", path, "--metrics-port", "0") as fed:
        fed.hear(sound[: 4 * SECOND])
        fed.await_estimates(1)
        for count, make in enumerate((swaps.truncated, swaps.of_another_front_end, swaps.no_onnx), start=1):
            make(path)
            fed.await_said(") is refused", times=count)
            os.utime(path)  # the same content, as if it were new
        fed.hear(sound[4 * SECOND : 7 * SECOND])
        fed.await_estimates(2)
        text = fed.metrics()
        swaps.second(path)
        fed.await_said("a new model is taken")
        fed.hear(sound[7 * SECOND :])
        records = [record for record in fed.end() if record["type"] == "estimate"]
        refusals = [line for line in fed.said.splitlines() if ") is refused" in line]
    assert [each["model"]["sha256"] == old for each in records] == [True, True, False]
    assert len(refusals) == 3
    assert "is not an ONNX file" in refusals[0]
    assert "n_mels is 64 in the file and 96 here" in refusals[1]
    assert all(f"first 1 (sha256 {old[:12]}) goes on" in line for line in refusals)
    assert 'moodstream_model_swaps_total{result="refused"} 3.0' in text
    assert 'moodstream_model_swaps_total{result="taken"} 0.0' in text
    assert f'sha256="{old}"' in text


def test_sighup_asks_for_the_file_and_ends_nothing(tmp_path: Path) -> None:
    with Fed(tmp_path) as fed:  # the built-in model, which is not watched
        fed.hear(tune(4))
        fed.await_estimates(1)
        fed.process.send_signal(signal.SIGHUP)
        fed.await_said(f"{DEFAULT_MODEL} holds what is in use")
        fed.hear(tune(4))
        assert [record["type"] for record in fed.end()].count("estimate") == 2


@pytest.mark.skipif(sys.platform != "linux", reason="the terminal is Linux's")
def test_a_terminal_that_is_closed_ends_what_runs_in_it(tmp_path: Path) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    child, terminal = pty.fork()
    if child == 0:
        try:
            os.execve(
                sys.executable, [*COMMAND, "--demo", "--model", str(path), "--metrics-port", "off"], environment()
            )
        finally:
            os._exit(99)
    shown = b""
    while b"demo" not in shown:  # the screen is there: the command runs
        shown += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_a_file_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    whole = swaps.second(tmp_path / "new.onnx").read_bytes()
    for end in range(100, len(whole), 300):
        path.write_bytes(whole[:end])
        watched.look(1)
    path.write_bytes(whole)
    watched.look(1)
    assert (watched.name, watched.seen.refusals) == ("first", 0)
    watched.look(1)
    assert (watched.name, watched.seen.names) == ("second", ["second"])


def test_a_bad_file_is_not_read_again_until_its_content_is_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    bad = swaps.truncated(tmp_path / "bad.onnx").read_bytes()
    for content in (bad, swaps.first(tmp_path / "same.onnx").read_bytes(), bad, bad):
        path.unlink()
        path.write_bytes(content)
        watched.look(3)
    assert (watched.name, watched.seen.refusals, watched.seen.names) == ("first", 1, [])
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    said = caplog.text
    watched.watch.answer()  # somebody asks: then it is read and said again
    assert watched.seen.refusals == 2 and caplog.text.removeprefix(said).count("is not an ONNX file") == 1


def test_it_is_told_for_as_long_as_a_bad_file_lies_there(tmp_path: Path) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    told: list[tuple[bool | None, bool | None]] = []

    def look(make: Callable[[Path], Path] | None) -> None:
        if make is not None:
            make(path)
        watched.look(3)
        told.append((watched.seen.present, watched.seen.lies_refused))

    for make in (None, swaps.truncated, None, swaps.first, swaps.truncated, swaps.second):
        look(make)
    path.unlink()
    look(None)
    watched.watch.answer()
    look(None)
    look(swaps.no_onnx)
    there, refused, gone = (True, False), (True, True), (False, False)
    assert told == [there, refused, refused, there, refused, there, gone, gone, refused]


def test_what_need_not_be_the_files_fault_is_not_held_against_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    with monkeypatch.context() as short:

        def too_little(_: Path) -> Model:
            raise MemoryError

        short.setattr("stream.models.watch.load", too_little)
        swaps.second(path)
        watched.look(3)
    assert (watched.name, watched.seen.refusals, watched.seen.lies_refused) == ("first", 1, True)
    assert "unexpected MemoryError" in caplog.text
    watched.watch.answer()
    assert (watched.name, watched.seen.refusals, watched.seen.lies_refused) == ("second", 1, False)
    swaps.first(path)
    watched.look()
    swaps.second(path)
    watched.look()
    assert watched.name == "second"


def test_a_model_that_was_refused_once_is_taken_again_after_somebody_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    with monkeypatch.context() as broken:

        def no_longer(_: Path) -> Model:
            raise ModelError("it cannot be read now")

        broken.setattr("stream.models.watch.load", no_longer)
        swaps.second(path)
        watched.look()
    watched.look(3)
    assert watched.name == "first"
    for make in (swaps.second, swaps.first, swaps.second):
        make(path)
        watched.watch.answer()
    assert watched.name == "second"
    swaps.first(path)
    watched.look()
    swaps.second(path)
    watched.look()
    assert watched.name == "second"


@pytest.mark.parametrize(
    "make",
    [
        *(swaps.truncated, swaps.of_another_front_end, swaps.no_onnx, swaps.folder_without_a_model),
        *(swaps.pipe_without_a_writer, swaps.device_without_an_end),
    ],
)
def test_each_bad_file_is_one_line_and_a_good_one_is_taken_after_it(
    make: Callable[[Path], Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    make(path)
    watched.look(4)
    assert (watched.name, watched.seen.refusals, len(caplog.records)) == ("first", 1, 1)
    assert "\n" not in caplog.records[0].getMessage() and str(path) in caplog.text
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    swaps.second(path)
    watched.look()
    assert watched.name == "second"


def test_a_file_that_has_gone_is_said_once_and_taken_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path)
    path.unlink()
    watched.look(4)
    assert (watched.name, [record.levelname for record in caplog.records]) == ("first", ["WARNING"])
    swaps.second(path)
    watched.look()
    assert watched.name == "second"


def test_a_file_replaced_while_the_program_starts_is_not_missed(tmp_path: Path) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    file = ModelFile(path)
    held, in_use, seen = FileState.by(file), ModelInUse(load(path)), swaps.Seen()
    swaps.second(path)
    watch = ModelWatch(file, held, in_use, [seen], lambda: False)
    watch.look()
    watch.look()
    assert in_use.current.info.name == "second"


def test_columns_that_are_written_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    watched = swaps.Watched(path, same_frontend, same_labels)
    swaps.of_other_moods(path)
    watched.look()
    assert watched.name == "first" and "are not the columns of the CSV table" in caplog.text
    swaps.second(path)
    watched.look()
    assert watched.name == "second"


def test_a_model_in_two_files_is_another_when_one_of_them_is(tmp_path: Path) -> None:
    path = swaps.first(tmp_path / "m.onnx")
    file = ModelFile(path)
    before = (file.stamp(), file.digest())
    path.with_suffix(".json").write_text("{}")
    assert file.stamp() != before[0] and file.digest() != before[1]
    folder = ModelFile(tmp_path)
    before = (folder.stamp(), folder.digest())
    swaps.second(tmp_path / "z.onnx")
    assert folder.stamp() != before[0] and folder.digest() != before[1]


def test_sessions_score_on_while_a_large_model_is_read(tmp_path: Path) -> None:
    """A window is never waited for by the one who reads: both run side by side."""
    path = swaps.first(tmp_path / "m.onnx")
    file = ModelFile(path)
    held, in_use, seen = FileState.by(file), ModelInUse(load(path)), swaps.Seen()
    watch = ModelWatch(file, held, in_use, [seen], lambda: False, look_seconds=0.02)
    path.write_bytes(DEFAULT_MODEL.read_bytes())
    session = Session("s", in_use)
    watch.start()
    names: list[str] = []
    position = 0
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while "moodstream-default" not in names and time.monotonic() < deadline:
        for chunk in chunks(tune(3), first=position):
            names += [each.model.name for each in estimates(session.feed(chunk))]
        position += 3 * SECOND
    watch.close()
    assert names.count("first") > 1 and names[-1] == "moodstream-default"
    assert seen.names == ["moodstream-default"]
