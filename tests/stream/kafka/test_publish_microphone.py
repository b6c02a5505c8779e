"""A microphone published to Kafka, on a real sound server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from stream.kafka.wire.chunks import decode
from tests import pulse as server
from tests.stream.command import environment
from tests.stream.files import write
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import TopicNames
from tests.stream.sound import tune

pulse = server.pulse


def test_a_microphone_is_named_after_its_machine(broker: Any, topics: TopicNames, pulse: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "said.wav", tune(8.0, 44_100), 44_100, codec="pcm_s16le")
    arguments = ["--mic", "--channels", "1", "--chunk-seconds", "0.25"]
    with (
        pulse.playing(path),
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stream.publish",
                *arguments,
                "--bootstrap-servers",
                broker.bootstrap_servers,
                "--topic",
                topics.input,
            ],
            stderr=subprocess.PIPE,
            env=environment(**pulse.environment),
        ) as process,
    ):
        topic_io.read(broker.bootstrap_servers, topics.input, 6)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 143, stderr
    records = topic_io.read_all(broker.bootstrap_servers, topics.input)
    chunks = [decode(each.key, each.value, each.headers, each.timestamp) for each in records]
    assert {chunk.stream for chunk in chunks} == {f"mic@{socket.gethostname()}"}
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.start for chunk in chunks] == [True, *[False] * (len(chunks) - 1)]
    assert [chunk.end for chunk in chunks] == [*[False] * (len(chunks) - 1), True]
    moments = [chunk.captured_at for chunk in chunks if chunk.captured_at is not None]
    assert moments == sorted(moments)
