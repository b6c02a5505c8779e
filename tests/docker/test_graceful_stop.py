"""A pod that is told to end while sound pours in has ended before it is killed, and no window is lost or doubled."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from stream.kafka.wire.chunks import encode
from tests import models
from tests.docker.compose import Compose
from tests.docker.kustomize import OVERLAYS, render
from tests.stream.kafka import topic_io
from tests.stream.kafka.conftest import topic_names, topics
from tests.stream.kafka.consumers import Listener, committed
from tests.stream.kafka.log import speak
from tests.stream.kafka.shared import UsersBroker
from tests.stream.kafka.topic_io import Record, TopicNames

__all__ = ["topic_names", "topics"]

STREAMS = 8
SECONDS = 60.0
HOP_SECONDS = 0.496
# Small batches: what is read at once would else be most of it, and the stop would find nothing left to do.
QUICKLY = ("--hop-seconds", str(HOP_SECONDS), "--max-batch", "20")


def grace_seconds() -> float:
    """The least that any of the deployments gives."""
    deployments = [each for folder in OVERLAYS.iterdir() for each in render(folder) if each["kind"] == "Deployment"]
    granted = [each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for each in deployments]
    services = [each for each in Compose().services.values() if "stream.listen" in each.get("command", [])]
    return min([*granted, *(float(each["stop_grace_period"].removesuffix("s")) for each in services)])


def sound() -> list[Record]:
    """Songs of all streams, a second of each in turn."""
    songs = [
        [encode(chunk, "S16LE", "test") for chunk in speak(f"room-{number}", SECONDS, chunk_seconds=1.0, seed=number)]
        for number in range(STREAMS)
    ]
    return [
        Record(one.value, one.key, one.headers, one.timestamp_ms)
        for second in zip(*songs, strict=True)
        for one in second
    ]


def test_a_stop_under_load_is_in_time_and_loses_and_doubles_nothing(
    broker: UsersBroker, topics: TopicNames, tmp_path: Path
) -> None:
    records, servers = sound(), broker.bootstrap_servers
    half = len(records) // 2
    options = ("--model", models.save(tmp_path / "model.onnx"), *QUICKLY)
    offsets: list[int] = []
    publisher = threading.Thread(target=lambda: offsets.extend(topic_io.send(servers, topics.input, records[half:])))
    with Listener(servers, topics, tmp_path, *options) as first:
        topic_io.send(servers, topics.input, records[:half])
        publisher.start()
        first.results(estimates=100)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(grace_seconds()) == 128 + signal.SIGTERM, first.said
    publisher.join()
    done = sum(committed(servers, topics).values())
    assert 0 < done < len(records), "the stop came when there was nothing to do, or before anything was done"

    with Listener(servers, topics, tmp_path, *options) as second:
        found = second.results(finals=STREAMS)
        second.stop()
    assert found.doubled == []
    windows = 1 + int((SECONDS - 187 * 0.016) / HOP_SECONDS)
    assert {name: [each["window"] for each in estimates] for name, estimates in found.estimates.items()} == {
        f"room-{number}": list(range(windows)) for number in range(STREAMS)
    }
    assert all(len(finals) == 1 for finals in found.finals.values())
