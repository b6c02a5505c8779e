"""``python -m stream.publish`` on a real broker: all that was heard is in the log, in order and exactly."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from stream.kafka.wire.chunks import Chunk, decode
from stream.sources.demo import PIECES
from tests.stream.command import environment
from tests.stream.files import write
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import TopicNames
from tests.stream.sound import tune

COMMAND = (sys.executable, "-m", "stream.publish")


def publish(
    broker: Any, topics: TopicNames, *arguments: str | Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Publish and return exit code and standard error."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments), "--bootstrap-servers", broker.bootstrap_servers, "--topic", topics.input],
        input=stdin,
        capture_output=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    assert done.stdout == b""
    return subprocess.CompletedProcess(done.args, done.returncode, "", done.stderr.decode())


def published(broker: Any, topics: TopicNames) -> dict[str, list[Chunk]]:
    """All chunks in the topic by stream, each stream in the order of the log, without repetitions."""
    streams: dict[str, list[Chunk]] = {}
    for record in topic_io.read_all(broker.bootstrap_servers, topics.input):
        chunk = decode(record.key, record.value, record.headers, record.timestamp)
        so_far = streams.setdefault(chunk.stream, [])
        if chunk.seq >= len(so_far):
            so_far.append(chunk)
    return streams


def sound(chunks: Sequence[Chunk]) -> np.ndarray:
    """The samples of one stream, whose numbers must be in order and without a hole."""
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.session for chunk in chunks}) == 1
    ends = [chunk.sample + len(chunk.samples) for chunk in chunks]
    assert [chunk.sample for chunk in chunks] == [0, *ends[:-1]]
    return np.concatenate([chunk.samples for chunk in chunks])


def integers(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")


@pytest.mark.parametrize("encoding", ["flac", "s16le", "l16", "f32le"])
def test_a_file_is_in_the_log_sample_for_sample(broker: Any, topics: TopicNames, tmp_path: Path, encoding: str) -> None:
    samples = np.stack([tune(5.3, 44_100), tune(5.3, 44_100, seed=1)], axis=1)
    path = write(tmp_path / "Ein Märchen.wav", samples, 44_100, codec="pcm_s16le")
    done = publish(broker, topics, "--file", path, "--encoding", encoding, "--chunk-seconds", "0.5")
    assert done.returncode == 0, done.stderr
    ((stream, chunks),) = published(broker, topics).items()
    assert stream == str(path)
    with av.open(str(path)) as container:
        expected = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)])
    assert np.array_equal(sound(chunks) * 32768, expected)
    assert {len(chunk.samples) for chunk in chunks[:-1]} == {22_050}
    assert [chunk.start for chunk in chunks] == [True, *[False] * 10]
    assert [chunk.end for chunk in chunks] == [*[False] * 10, True]
    assert not any(chunk.discontinuity for chunk in chunks)
    assert f"{path}: published 11 chunks, {len(expected) / 44_100:.1f} s of sound" in done.stderr
    assert "nothing lost" in done.stderr


def test_the_demo_is_one_stream_and_each_piece_a_track(broker: Any, topics: TopicNames) -> None:
    done = publish(broker, topics, "--demo", "--as-fast-as-possible", "--stream", "shop/1")
    assert done.returncode == 0, done.stderr
    ((stream, chunks),) = published(broker, topics).items()
    assert stream == "shop/1"
    sound(chunks)
    tracks = [list(group) for _, group in itertools.groupby(chunks, key=lambda chunk: chunk.track)]
    assert [track[0].track for track in tracks] == [piece.title for piece in PIECES]
    for track in tracks:
        assert [chunk.start for chunk in track] == [True, *[False] * (len(track) - 1)]
        assert [chunk.end for chunk in track] == [*[False] * (len(track) - 1), True]


def test_a_broken_file_costs_the_others_nothing(broker: Any, topics: TopicNames, tmp_path: Path) -> None:
    good = [write(tmp_path / f"{n}.flac", tune(2.0 + n, 16_000, seed=n), 16_000, codec="flac") for n in range(4)]
    (tmp_path / "broken.mp3").write_text("no sound at all")
    low = write(tmp_path / "low.wav", tune(1.0, 4_000), 4_000, codec="pcm_s16le")
    done = publish(broker, topics, "--file", tmp_path, tmp_path / "missing.ogg", "--jobs", "2")
    assert done.returncode == 1
    streams = published(broker, topics)
    assert sorted(streams) == sorted(map(str, good))
    for number, path in enumerate(good):
        assert len(sound(streams[str(path)])) == (2 + number) * 16_000
    assert "3 of 7 files could not be published" in done.stderr
    assert f"no such file: {tmp_path / 'missing.ogg'}" in done.stderr
    assert f"{low}: it cannot be published: the rate is 4000 Hz" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_stream_in_the_log(broker: Any, topics: TopicNames, signum: int, code: int) -> None:
    heard = integers(tune(2.5))
    arguments = ["--stdin", "--samplerate", "16000", "--chunk-seconds", "0.25", "--stream", "pipe"]
    with subprocess.Popen(
        [*COMMAND, *arguments, "--bootstrap-servers", broker.bootstrap_servers, "--topic", topics.input],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(heard.tobytes())
        process.stdin.flush()
        topic_io.read(broker.bootstrap_servers, topics.input, 8)
        process.send_signal(signum)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == code, stderr
    chunks = published(broker, topics)["pipe"]
    assert np.array_equal(integers(sound(chunks))[:, 0], heard[: len(sound(chunks))])
    assert [chunk.end for chunk in chunks] == [*[False] * (len(chunks) - 1), True]


def test_paced_sound_has_its_capture_time(broker: Any, topics: TopicNames, tmp_path: Path) -> None:
    path = write(tmp_path / "short.wav", tune(1.0), 16_000, codec="pcm_s16le")
    done = publish(broker, topics, "--file", path, "--realtime", "--chunk-seconds", "0.25", "--log-format", "json")
    assert done.returncode == 0, done.stderr
    chunks = published(broker, topics)[str(path)]
    assert (len(chunks[-1].samples), chunks[-1].end) == (0, True)
    moments = [chunk.captured_at for chunk in chunks if chunk.captured_at is not None]
    assert moments == sorted(moments)
    assert moments[3] - moments[0] > 0.7
    assert json.loads(done.stderr.splitlines()[-1])["message"].startswith(f"{path}: published 5 chunks, 1.0 s")


@pytest.mark.skipif(sys.platform != "linux", reason="the terminal is Linux's")
def test_publishers_that_share_a_terminal_name_their_rooms(broker: Any, topics: TopicNames, tmp_path: Path) -> None:
    """The line that moves is each one's own only by its name, and so is what stays of it."""
    path = write(tmp_path / "short.wav", tune(1.0), 16_000, codec="pcm_s16le")
    ours, theirs = pty.openpty()
    arguments = ["--file", str(path), "--realtime", "--stream", "room [bold]1"]
    with subprocess.Popen(
        [*COMMAND, *arguments, "--bootstrap-servers", broker.bootstrap_servers, "--topic", topics.input],
        stderr=theirs,
        env={**environment(), "TERM": "xterm", "COLUMNS": "160"},
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side has closed it
            while data := os.read(ours, 65_536):
                shown += data
        assert process.wait(timeout=30) == 0, shown
    os.close(ours)
    text = shown.decode()
    assert f"room [bold]1 to {topics.input}" in text
    assert "room [bold]1: published 2 chunks, 1.0 s of sound" in text


def test_a_chunk_that_the_broker_refuses_costs_its_stream_only(broker: Any, topics: TopicNames, tmp_path: Path) -> None:
    loud = np.random.default_rng(0).uniform(-1, 1, (192_000, 6)).astype(np.float32)  # 4.6 MB a second
    write(tmp_path / "1.wav", loud, 192_000)
    write(tmp_path / "2.wav", tune(3.0), 16_000)
    done = publish(broker, topics, "--file", tmp_path, "--encoding", "f32le")
    assert done.returncode == 1
    assert list(published(broker, topics)) == [str(tmp_path / "2.wav")]
    assert len(sound(published(broker, topics)[str(tmp_path / "2.wav")])) == 48_000
    assert "a chunk of 4.6 MB is more than the topic" in done.stderr
    assert "--chunk-seconds" in done.stderr


def test_a_missing_topic_is_said_with_the_command_that_makes_it(broker: Any, topic_names: TopicNames) -> None:
    done = publish(broker, topic_names, "--demo")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"python -m stream.topics create --topic {topic_names.input}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to publish"),
        (["--demo", "--mic"], "exactly one source"),
        (["--demo", "--chunk-seconds", "2"], "--chunk-seconds needs"),
        (["--mic", "--jobs", "2"], "--jobs is for --file"),
        (["--file", "a.mp3", "b.mp3", "--stream", "x"], "--stream names one stream"),
        (["--demo", "--threshold", "0.5"], "--threshold is unknown"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
