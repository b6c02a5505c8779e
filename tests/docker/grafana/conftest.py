"""A real run for the dashboards: a tagger of the demo, one of Kafka, some trouble, and a Prometheus that asks both."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.kafka.wire.chunks import encode
from tests import models
from tests.prometheus.server import Prometheus, hastened, prometheus
from tests.stream.command import environment
from tests.stream.kafka import topic_io
from tests.stream.kafka.consumers import Listener
from tests.stream.kafka.hostile import hostile
from tests.stream.kafka.log import speak
from tests.stream.kafka.topic_io import Record

_AT_URL = re.compile(r"metrics and status at http://(\S+)/")
_PATIENCE_SECONDS = 60.0
# Short windows and moods that begin at once: a minute of sound has then more to show.
_QUICKLY = ("--hop-seconds", "0.5", "--min-duration", "0", "--threshold", "0.4")


@pytest.fixture(scope="package")
def run(broker: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the rules of the project that asks a tagger of the demo, with a shadow model beside the
    default one, and one of Kafka, which gets the demo, records that nobody can use, and a stream with a hole."""
    folder = tmp_path_factory.mktemp("grafana")
    servers, names = broker.bootstrap_servers, topic_io.unique_names()
    topic_io.create(servers, names)
    shadow = models.save(folder / "shadow.onnx")
    with contextlib.ExitStack() as stack:
        stack.callback(topic_io.delete, servers, names)
        demo = stack.enter_context(_running(folder / "demo.log", "listen", "--demo", "--shadow-model", shadow))
        tagger = stack.enter_context(Listener(servers, names, folder, *_QUICKLY))
        to_kafka = ("--stream", "kafka", "--bootstrap-servers", servers, "--topic", names.input)
        stack.enter_context(_running(folder / "publish.log", "publish", "--demo", "--chunk-seconds", "0.5", *to_kafka))
        addresses = [_address(demo.read_text), _address(lambda: tagger.said)]
        server = stack.enter_context(prometheus(folder, addresses, hastened(folder / "rules", seconds=600)))
        # A counter's rise is seen from its first scrape on.
        server.wait_for("moodstream_kafka_partitions_assigned == 2")
        topic_io.send(servers, names.input, [bad.record for bad in hostile(60, seed=1)])
        topic_io.send(servers, names.input, _holed())
        yield server


def _holed() -> list[Record]:
    chunks = [dataclasses.replace(chunk, captured_at=time.time()) for chunk in speak("holed", 12)]
    messages = [encode(chunk, "S16LE", "test") for chunk in chunks[:10] + chunks[12:]]
    return [Record(each.value, each.key, each.headers, each.timestamp_ms) for each in messages]


@contextlib.contextmanager
def _running(log: Path, command: str, *arguments: str | Path) -> Iterator[Path]:
    """Run a command of ours until the end of the block; its standard error is in the log."""
    quickly = ("--metrics-port", "0", "--output", "jsonl", *_QUICKLY) if command == "listen" else ()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", f"stream.{command}", *map(str, arguments), *quickly],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(),
        )
    try:
        yield log
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait()


def _address(said: Callable[[], str]) -> str:
    """Wait until a tagger says where its metrics are."""
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, threading.Event()
    while (found := _AT_URL.search(said())) is None:
        assert time.monotonic() < deadline, said()
        pause.wait(0.1)
    return found[1]
