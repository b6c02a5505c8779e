"""What ``python -m stream.listen --kafka`` cannot work with is said in one line."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from tests.stream.command import environment, listen
from tests.stream.kafka import consumers, topic_io
from tests.stream.kafka.topic_io import TopicNames


@pytest.fixture(scope="module")
def nobody_there() -> Any:
    """A listener that waits for a broker at a port where none is; it gives up at some time."""
    command = [
        sys.executable,
        "-m",
        "stream.listen",
        "--kafka",
        "--bootstrap-servers",
        "127.0.0.1:9",
        "--metrics-port",
        "off",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
    yield process
    process.kill()
    process.communicate()


def test_topics_that_cannot_work_are_refused_in_one_line(
    nobody_there: Any, broker: Any, topic_names: TopicNames
) -> None:
    servers = broker.bootstrap_servers
    topic_io.create(servers, topic_names)
    plain, narrow = topic_io.unique_names(), topic_io.unique_names()
    topic_io.create(servers, plain, **{"cleanup.policy": "delete"})
    topic_io.create(servers, narrow, partitions=3)
    cases = {
        dataclasses.replace(topic_names, input="no-such-topic"): "no-such-topic does not exist",
        dataclasses.replace(topic_names, state=plain.state): f"{plain.state} is not compacted",
        dataclasses.replace(topic_names, state=narrow.state): "has 3 partitions",
    }
    try:
        for names, said in cases.items():
            done = listen("--kafka", "--bootstrap-servers", servers, *consumers.names(names), "--metrics-port", "off")
            lines = [line for line in done.stderr.splitlines() if " WARNING " not in line]
            assert (done.returncode, len(lines)) == (1, 1), done.stderr
            assert said in lines[0]
    finally:
        topic_io.delete(servers, plain)
        topic_io.delete(servers, narrow)


def test_no_broker_is_said_in_one_line(nobody_there: Any) -> None:
    _, said = nobody_there.communicate(timeout=60)
    assert nobody_there.returncode == 1
    lines = [line for line in said.splitlines() if " WARNING " not in line]
    assert len(lines) == 1, said
    assert "no broker answers at 127.0.0.1:9" in lines[0]
