"""A stream that moves to another tagger: what the screen of the one that had it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stream.kafka.wire.chunks import Chunk, encode
from tests import models
from tests.stream.command import environment
from tests.stream.kafka import topic_io
from tests.stream.kafka.consumers import Listener, names
from tests.stream.kafka.log import speak
from tests.stream.kafka.topic_io import Record, TopicNames

_PATIENCE = 30.0
_IDLE = ("--idle-seconds", "600")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model") / "tiny.onnx")


def wire(chunks: Sequence[Chunk], partition: int) -> list[Record]:
    """Chunks as records to send."""
    messages = [encode(chunk, "S16LE", "test") for chunk in chunks]
    return [Record(each.value, each.key, each.headers, each.timestamp_ms, partition) for each in messages]


@pytest.mark.skipif(sys.platform != "linux", reason="the terminal is Linux's")
def test_a_card_goes_when_its_stream_goes_to_another_tagger(
    broker: Any, topics: TopicNames, tmp_path: Path, model_file: Path
) -> None:
    servers = broker.bootstrap_servers
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = [sys.executable, "-m", "stream.listen", "--kafka", "--bootstrap-servers", servers, *names(topics)]
    with subprocess.Popen(
        [*command, "--model", str(model_file), "--metrics-port", "off", *_IDLE],
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env={**environment(), "TERM": "xterm"},
    ) as process:
        os.close(terminal)
        try:
            for partition, shown in enumerate(("avg", "2 streams")):  # a column of the picture that one has for itself
                chunks = speak(f"s{partition}", 4, ends=False)
                topic_io.send(servers, topics.input, wire(chunks, partition))
                _await_shown(screen, shown)
            with Listener(servers, topics, tmp_path, "--model", model_file, *_IDLE) as other:
                other.await_ready()  # it has one of the two partitions
                _await_shown(screen, "avg")
        finally:
            process.kill()
    os.close(screen)


def _await_shown(screen: int, text: str) -> None:
    """Read what is drawn from now on until a text is in it."""
    shown, deadline = "", time.monotonic() + _PATIENCE
    while text not in shown:
        readable, _, _ = select.select([screen], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise TimeoutError(f"not shown after {_PATIENCE:g} s: {text!r}\n{shown[-4000:]}")
        shown += os.read(screen, 65_536).decode(errors="replace")
