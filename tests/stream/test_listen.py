"""The command as its users run it: files, standard input, what goes wrong, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from model.resample import resample
from tests import models
from tests.stream.command import COMMAND, environment, listen, records, start
from tests.stream.files import write
from tests.stream.sound import tune


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stereo = np.stack([tune(13, 44100, seed=1), tune(13, 44100, seed=2)], axis=1)
    return write(tmp_path_factory.mktemp("music") / "song.flac", stereo, 44100, codec="flac")


def moods(output: str) -> np.ndarray:
    return np.array([list(record["mood"].values()) for record in records(output, "estimate")])


def test_files_give_their_estimates_and_one_final_each(model: Path, song: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.opus", tune(7, 48000), 48000, codec="libopus")
    done = listen("--file", song, other, "--model", model, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    for path, windows in ((song, 4), (other, 2)):
        mine = [record for record in records(done.stdout) if record["stream"] == str(path)]
        kinds = [record["type"] for record in mine if record["type"] != "event"]
        assert kinds == ["estimate"] * windows + ["final"]
        last_estimate = [record for record in mine if record["type"] == "estimate"][-1]
        assert mine[-1]["running"] == last_estimate["running"]


def test_the_same_bytes_through_standard_input_give_the_same_numbers(model: Path, song: Path) -> None:
    from_file = listen("--file", song, "--model", model, "--output", "jsonl")
    from_stdin = listen("--stdin", "--model", model, "--output", "jsonl", stdin=song.read_bytes())
    assert from_stdin.returncode == 0, from_stdin.stderr
    np.testing.assert_allclose(moods(from_stdin.stdout), moods(from_file.stdout), atol=1e-5)


def test_raw_samples_through_standard_input(model: Path) -> None:
    sound = tune(7, 22050)
    raw = (sound * 32767).astype("<i2").tobytes()
    arguments = ["--stdin", "--samplerate", "22050", "--channels", "1", "--format", "s16le"]
    done = listen(*arguments, "--model", model, "--output", "jsonl", stdin=raw)
    floats = ["--stdin", "--samplerate", "22050", "--channels", "1", "--format", "f32le"]
    exact = listen(*floats, "--model", model, "--output", "jsonl", stdin=sound.tobytes())
    assert done.returncode == exact.returncode == 0, done.stderr
    np.testing.assert_allclose(moods(done.stdout), moods(exact.stdout), atol=1e-3)


def test_jobs_change_nothing_but_the_order(model: Path, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.wav", tune(7, seed=n), 16000) for n in range(6)]
    outputs = [listen("--file", tmp_path, "--model", model, "--output", "jsonl", "--jobs", n) for n in ("1", "3")]
    one, three = ({(r["stream"], r["window"]): r["mood"] for r in records(done.stdout, "estimate")} for done in outputs)
    assert one == three
    assert len(one) == 2 * len(files)


def test_one_bad_file_among_many(model: Path, song: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("this is no music\n" * 100)
    missing = tmp_path / "missing.mp3"
    done = listen("--file", text, song, missing, "--model", model, "--output", "jsonl")
    assert done.returncode == 1
    assert len(records(done.stdout, "final")) == 1
    assert "2 of 3" in done.stderr
    for name in ("text.mp3", "missing.mp3"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_web_page_is_no_music(model: Path, tmp_path: Path) -> None:
    page = b"<html><body>radio!</body></html>" * 300
    (tmp_path / "page.mp3").write_bytes(page)
    for done in (
        listen("--file", tmp_path / "page.mp3", "--model", model, "--output", "jsonl"),
        listen("--stdin", "--model", model, "--output", "jsonl", stdin=page),
    ):
        assert done.returncode == 1
        assert done.stdout == ""
        assert "no sound" in done.stderr


@pytest.mark.parametrize("name", ["nothing", "song.mp3"])
def test_a_path_that_is_not_there(model: Path, tmp_path: Path, name: str) -> None:
    done = listen("--file", tmp_path / name, "--model", model)
    assert done.returncode == 1
    assert f"no such file: {tmp_path / name}" in done.stderr


def test_a_directory_without_sound(model: Path, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no music here")
    done = listen("--file", tmp_path, "--model", model)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_empty_directories_are_counted(model: Path, song: Path, tmp_path: Path) -> None:
    empty = [tmp_path / name for name in ("one", "two")]
    for path in empty:
        path.mkdir()
    done = listen("--file", *empty, song, "--model", model, "--output", "jsonl")
    assert done.returncode == 1
    assert "2 of 3" in done.stderr
    assert len(records(done.stdout, "final")) == 1


@pytest.mark.parametrize(("samples", "windows"), [(1, 0), (46_400, 0), (47_872, 1)])
def test_short_files(model: Path, tmp_path: Path, samples: int, windows: int) -> None:
    path = write(tmp_path / "short.wav", tune(4)[:samples], 16000)
    done = listen("--file", path, "--model", model, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    (final,) = records(done.stdout, "final")
    assert (final["windows"], final["running"] is None) == (windows, windows == 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no model file"), (b"", "empty"), (b"text, no model", "not an ONNX file")],
)
def test_a_model_that_cannot_be_used(song: Path, tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    done = listen("--file", song, "--model", path)
    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_that_was_asked_for(model: Path, song: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = listen("--file", song, "--model", model, "--metrics-port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_head_closes_it_quietly(model: Path, song: Path) -> None:
    files = " ".join([str(song)] * 20)
    command = f"{' '.join(COMMAND)} --file {files} --model {model} --output jsonl | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_final_records(model: Path, song: Path, signum: int, code: int) -> None:
    process = start("--file", song, "--realtime", "--model", model, "--output", "jsonl")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signum)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    (final,) = records(first + rest, "final")
    assert final["windows"] == 1
    assert "Traceback" not in errors


def test_a_full_disk_is_said_once_and_what_was_written_is_whole(model: Path, song: Path) -> None:
    done = listen("--file", song, "--model", model, "--output", "jsonl", "--output-file", "/dev/full")
    assert done.returncode == 1
    assert done.stderr.count("No space left") == 1
    assert "Traceback" not in done.stderr
    assert len(records(done.stdout, "final")) == 1  # standard output had room


def test_the_output_may_not_replace_the_music_or_the_model(model: Path, song: Path, tmp_path: Path) -> None:
    copies = [tmp_path / "song.flac", tmp_path / "model.onnx"]
    for copy, original in zip(copies, (song, model), strict=True):
        copy.write_bytes(original.read_bytes())
    for output in (*copies, tmp_path / "." / "song.flac"):
        done = listen("--file", copies[0], "--model", copies[1], "--output-file", output)
        assert done.returncode == 2
        assert "would replace" in done.stderr
    assert copies[0].read_bytes() == song.read_bytes()
    assert copies[1].read_bytes() == model.read_bytes()


def test_a_reader_that_leaves_does_not_cost_the_file_its_records(model: Path, song: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    files = " ".join([str(song)] * 5)
    command = f"{' '.join(COMMAND)} --file {files} --model {model} --output jsonl --output-file {kept} | head -n 1"
    subprocess.run(["bash", "-c", command], capture_output=True, env=environment(), timeout=60, check=True)
    assert len(records(kept.read_text(), "final")) == 5


def test_the_records_can_be_kept_in_a_file_beside_the_screen(model: Path, song: Path, tmp_path: Path) -> None:
    for name in ("kept.jsonl", "kept.csv"):
        done = listen("--file", song, "--model", model, "--output-file", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "final" in done.stdout  # plain lines: no terminal here
    assert [r["type"] for r in records((tmp_path / "kept.jsonl").read_text())][-1] == "final"
    assert (tmp_path / "kept.csv").read_text().splitlines()[0].startswith("schema,type,stream")


def test_help_needs_neither_model_nor_device() -> None:
    done = listen("--help")
    assert done.returncode == 0
    for flag in ("--mic", "--file", "--stdin", "--url", "--demo", "--hop-seconds"):
        assert flag in done.stdout


def test_a_wrong_call_is_one_line_and_exit_code_2() -> None:
    done = listen("--fiel", "x.mp3")
    assert done.returncode == 2
    assert "--file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# Real music


def test_rates_and_channels_of_one_song_agree(music: Path, tmp_path: Path) -> None:
    import av  # noqa: PLC0415

    path = sorted((music / "emotify").glob("*.opus"))[0]
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    samples = np.concatenate(frames, axis=1).mean(axis=0).astype(np.float32)
    mono = write(tmp_path / "mono.wav", resample(samples, rate, 16000), 16000)
    high = resample(samples, rate, 44100)
    stereo = write(tmp_path / "stereo.wav", np.stack([high * 1.2, high * 0.8], axis=1), 44100)
    done = listen("--file", mono, stereo, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    one, other = (
        np.array([list(r["mood"].values()) for r in records(done.stdout, "estimate") if r["stream"] == str(p)])
        for p in (mono, stereo)
    )
    windows = min(len(one), len(other))
    assert windows >= 10
    np.testing.assert_allclose(one[:windows], other[:windows], atol=0.02)
