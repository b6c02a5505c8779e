"""Through Kafka a song gets what ``--file`` says of it: the same windows, numbers, events, and one final."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.kafka.wire.chunks import decode
from tests import models
from tests.stream.command import environment, listen, records
from tests.stream.files import write
from tests.stream.kafka import songs, topic_io
from tests.stream.kafka.consumers import Listener, Results
from tests.stream.kafka.songs import Song
from tests.stream.kafka.topic_io import TopicNames

EXACT = 1e-5
MEANS = 1e-6
ROUNDED = 5e-3
"""What a probability may change where MP3 or Opus, which decode to floats, are sent in 16 bits."""

SAME = (
    "stream",
    "track",
    "start_sample",
    "start_s",
    "end_s",
    "status",
    "windows",
    "model",
    "event",
    "mood_name",
    "at_s",
)


def publish(servers: str, topics: TopicNames, library: Sequence[Song]) -> None:
    """Send all songs: a process for each encoding, all at once."""
    running = []
    for kind, group in itertools.groupby(library, key=lambda song: (song.kind.encoding, song.kind.chunk_seconds)):
        options = ["--encoding", kind[0], "--chunk-seconds", kind[1], "--bootstrap-servers", servers]
        paths = [str(song.path) for song in group]
        command = [sys.executable, "-m", "stream.publish", "--topic", topics.input, *options, "--file", *paths]
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()))
    for process in running:
        said = process.communicate(timeout=120)[1]
        assert process.returncode == 0, said


def said_of_files(paths: Sequence[Path], *arguments: str | Path) -> Results:
    done = listen("--file", *paths, "--output", "jsonl", *arguments)
    assert done.returncode == 0, done.stderr
    return Results(records(done.stdout))


def compare(found: Results, expected: Results, stream: str, of: str | None = None, *, within: float = EXACT) -> None:
    """See that a stream has the results that are expected of it, or of a file with another name."""
    pairs = zip(found.of(stream), expected.of(of or stream), strict=True)
    for ours, theirs in pairs:
        assert ours["type"] == theirs["type"]
        same = [key for key in SAME if key in theirs and not (of and key in ("stream", "track"))]
        assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
        assert ours["input"]["first_offset"] <= ours["input"]["last_offset"]
        if ours["type"] == "event":
            assert ours["probability"] == pytest.approx(theirs["probability"], abs=within)
            continue
        means = max(MEANS, within) if within > EXACT else MEANS
        assert ours["running"] == pytest.approx(theirs["running"], abs=means)
        if ours["type"] == "estimate":
            assert ours["window"] == theirs["window"]
            assert ours["mood"] == pytest.approx(theirs["mood"], abs=within)
            assert ours["rms_dbfs"] == pytest.approx(theirs["rms_dbfs"], abs=0.011)
    assert len(found.finals[stream]) == 1
    assert len(found.estimates[stream]) == len(expected.estimates[of or stream]) > 1


def sent(servers: str, topics: TopicNames, folder: Path) -> dict[str, Path]:
    """Write what is in the input topic as 16-bit files, by stream."""
    parts: dict[str, list[Any]] = {}
    for record in topic_io.read_all(servers, topics.input):
        chunk = decode(record.key, record.value, record.headers, record.timestamp)
        parts.setdefault(chunk.stream, []).append(chunk)
    paths = {}
    for number, (stream, chunks) in enumerate(parts.items()):
        samples = np.concatenate([chunk.samples for chunk in chunks])
        paths[stream] = write(folder / f"sent-{number}.wav", samples, chunks[0].samplerate, codec="pcm_s16le")
    return paths


def check(broker: Any, topics: TopicNames, library: Sequence[Song], folder: Path, *arguments: str | Path) -> None:
    servers = broker.bootstrap_servers
    with Listener(servers, topics, folder, *arguments) as listener:
        publish(servers, topics, library)
        found = listener.results(finals=len(library))
        listener.wait_until(lambda: len(listener.shown) == len(found.records), "all is shown")
        listener.stop()
        shown = listener.shown
    assert found.doubled == []
    by_stream = Results([{**record, "input": None} for record in shown])
    for song in library:
        committed = [{**record, "input": None} for record in found.of(str(song.path))]
        assert by_stream.of(str(song.path)) == committed
    expected = said_of_files([song.path for song in library], *arguments)
    rounded = sent(servers, topics, folder)
    again = said_of_files([rounded[str(song.path)] for song in library if song.is_rounded], *arguments)
    for song in library:
        stream = str(song.path)
        if song.is_rounded:
            compare(found, again, stream, of=str(rounded[stream]))
            # Without events: rounding may move a probability over the threshold.
            compare(found.without_events, expected.without_events, stream, within=ROUNDED)
        else:
            compare(found, expected, stream)


def test_made_songs_of_all_kinds_on_one_partition(broker: Any, topic_names: TopicNames, tmp_path: Path) -> None:
    topic_io.create(broker.bootstrap_servers, topic_names, partitions=1)
    library = songs.make(tmp_path, None)
    check(broker, topic_names, library, tmp_path, "--model", models.save(tmp_path / "tiny.onnx"), "--hop-seconds", "1")
    offsets = [record["input"]["partition"] for record in map(json.loads, _values(broker, topic_names))]
    assert set(offsets) == {0}


def test_real_songs_of_all_kinds(broker: Any, topic_names: TopicNames, music: Path, tmp_path: Path) -> None:
    topic_io.create(broker.bootstrap_servers, topic_names, partitions=3)
    check(broker, topic_names, songs.make(tmp_path, music), tmp_path)


def _values(broker: Any, topics: TopicNames) -> list[bytes]:
    return [record.value for record in topic_io.read_all(broker.bootstrap_servers, topics.output)]
