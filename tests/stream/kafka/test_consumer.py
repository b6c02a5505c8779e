"""``python -m stream.listen --kafka`` on a real broker: whoever crashes, stops or joins, the results are the same."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from model.contract import Model, load
from stream.kafka.wire.chunks import Chunk, encode
from stream.tagging.scorer import SessionOptions
from tests import models
from tests.promtool import check_metrics
from tests.stream.command import environment
from tests.stream.kafka import consumers, topic_io
from tests.stream.kafka.consumers import Listener, Results
from tests.stream.kafka.log import Consumer, log, speak
from tests.stream.kafka.secured import SecuredBroker
from tests.stream.kafka.topic_io import Record, TopicNames

HOP = ("--hop-seconds", "0.992", "--idle-seconds", "600")
OPTIONS = SessionOptions(hop_frames=62)
ASSIGNED = "moodstream_kafka_partitions_assigned"
LAG = "moodstream_kafka_consumer_lag{partition="


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file)


def wire(chunks: Iterable[Chunk], partition: int | None = None) -> list[Record]:
    """Chunks as records to send."""
    found = []
    for chunk in chunks:
        message = encode(chunk, "S16LE", "test")
        found.append(Record(message.value, message.key, message.headers, message.timestamp_ms, partition))
    return found


def in_turn(streams: Sequence[Sequence[Chunk]]) -> list[Chunk]:
    """The chunks of several streams, one of each at a time."""
    return [chunk for each in itertools.zip_longest(*streams) for chunk in each if chunk is not None]


def expected(model: Model, chunks: Sequence[Chunk]) -> Results:
    """What a consumer that never crashes makes of a log, without a broker."""
    taken = Consumer(log(chunks, "S16LE"), model, OPTIONS).run()
    return Results([{**each.record.to_json(), "input": {"session": each.session}} for each in taken.committed])


def essence(results: Results) -> dict[str, list[tuple[Any, ...]]]:
    """All that must not depend on who scored it and when."""
    fields = ("type", "track", "window", "start_sample", "end_s", "status", "windows", "gap_windows", "error", "at_s")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for each in results.records:
        session = each["input"]["session"]
        found.setdefault(each["stream"], []).append((session, *(each.get(field) for field in fields)))
    return found


def check(found: Results, wanted: Results) -> None:
    """See that each stream has just the results it should have, with the right numbers."""
    assert found.doubled == []
    assert essence(found).keys() == essence(wanted).keys()
    for stream, results in essence(wanted).items():
        assert essence(found)[stream] == results
    for stream in essence(wanted):
        for ours, theirs in zip(found.of(stream), wanted.of(stream), strict=True):
            assert ours.get("mood") == pytest.approx(theirs.get("mood"), abs=1e-5)
            assert ours.get("running") == pytest.approx(theirs.get("running"), abs=1e-6)


def test_a_standby_takes_over_in_mid_song(
    broker: Any, topic_names: TopicNames, tmp_path: Path, model: Model, model_file: Path
) -> None:
    servers = broker.bootstrap_servers
    topic_io.create(servers, topic_names, partitions=1)
    chunks = in_turn(
        [speak(f"s{seed}", 30 + seed, rate=rate, seed=seed) for seed, rate in enumerate((16000, 44100, 8000))]
    )
    half = len(chunks) // 2
    arguments = ("--model", model_file, *HOP, "--session-timeout", _shortest_session(broker))
    with (
        Listener(servers, topic_names, tmp_path, *arguments) as first,
        Listener(servers, topic_names, tmp_path, *arguments) as second,
    ):
        topic_io.send(servers, topic_names.input, wire(chunks[:half]))
        first.await_said("consuming")
        second.await_said("consuming")
        first.results(estimates=3 * 10)
        working, standby = _which(first, second)
        status, text = standby.get("/readyz")
        assert status == 503
        assert "standby" in text
        working.kill()
        standby.await_ready()
        topic_io.send(servers, topic_names.input, wire(chunks[half:]))
        found = standby.results(finals=3)
        standby.stop()
    check(found, expected(model, chunks))


def test_members_share_partitions_and_one_leaves(
    broker: Any, topics: TopicNames, tmp_path: Path, model: Model, model_file: Path
) -> None:
    servers = broker.bootstrap_servers
    streams = [speak(f"s{seed}", 24, rate=16000, seed=seed) for seed in range(4)]
    chunks = in_turn(streams)
    places = {stream[0].stream: number % 2 for number, stream in enumerate(streams)}
    records = [dataclasses.replace(each, partition=places[each.key.decode()]) for each in wire(chunks)]
    third = len(records) // 3
    with Listener(servers, topics, tmp_path, "--model", model_file, *HOP) as first:
        first.await_ready()
        topic_io.send(servers, topics.input, records[:third])
        first.results(estimates=4)
        with Listener(servers, topics, tmp_path, "--model", model_file, *HOP) as second:
            second.await_ready()
            topic_io.send(servers, topics.input, records[third : 2 * third])
            first.results(estimates=4 * 12)
            for each in (first, second):
                each.wait_until(lambda each=each: each.metrics()[ASSIGNED] == 1, "it has one of two partitions")
                assert each.metrics()["moodstream_kafka_streams_alive"] == 2
            alone = {each["stream"] for each in second.shown}
            assert alone in ({"s0", "s2"}, {"s1", "s3"})
            second.stop()
        topic_io.send(servers, topics.input, records[2 * third :])
        found = first.results(finals=4)
        first.wait_until(lambda: first.metrics()[ASSIGNED] == 2, "it has both partitions again")
        first.stop()
    check(found, expected(model, chunks))


def test_a_killed_static_member_goes_on_and_its_metrics_say_how(
    broker: Any, topics: TopicNames, tmp_path: Path, model: Model, model_file: Path
) -> None:
    servers = broker.bootstrap_servers
    now = time.time()
    late = [dataclasses.replace(each, captured_at=now - 1000) for each in speak("late", 20)]
    fresh = [dataclasses.replace(each, captured_at=now) for each in speak("fresh", 20, seed=1)]
    chunks = in_turn([late, fresh])
    half = len(chunks) // 2
    arguments = ("--model", model_file, *HOP, "--group-instance-id", "member-1")
    with Listener(servers, topics, tmp_path, *arguments) as killed:
        topic_io.send(servers, topics.input, wire(chunks[:half]))
        killed.results(estimates=10)
        killed.kill()
    with Listener(servers, topics, tmp_path, *arguments) as listener:
        listener.await_ready()
        offsets = topic_io.send(servers, topics.input, wire([*chunks[half:], *chunks[-2:]]))
        found = listener.results(finals=2)
        check(found, expected(model, chunks))
        listener.wait_until(lambda: listener.metrics()[_result("duplicate")] == 2, "two duplicates are counted")
        print(_lag(listener), [k for k in listener.metrics() if "lag" in k])
        listener.wait_until(lambda: _lag(listener) == {"0": 0, "1": 0}, "nothing waits")
        values = listener.metrics()
        assert values[_result("ok")] == len(offsets) - 2
        assert values[_result("replayed")] > 0
        assert values["moodstream_kafka_transactions_total{outcome=committed}"] >= 1
        assert values["moodstream_kafka_transaction_duration_seconds_count"] >= 1
        assert values["moodstream_kafka_restore_duration_seconds_count"] == 2
        assert values["moodstream_kafka_rebalances_total"] >= 1
        scored = len(listener.shown) - 2  # without the finals
        assert values["moodstream_emission_latency_seconds_count"] == scored - _events(listener)
        # Half of the windows were captured 1000 s before.
        assert values["moodstream_emission_latency_seconds_sum"] > 1000
        assert 0 < values["moodstream_emission_latency_seconds_bucket{le=300.0}"] < scored
        check_metrics(listener.get("/metrics")[1].encode())
        listener.stop()


def _events(listener: Listener) -> int:
    return sum(record["type"] == "event" for record in listener.shown)


def _result(name: str) -> str:
    return f"moodstream_kafka_records_total{{result={name}}}"


def _lag(listener: Listener) -> dict[str, float]:
    found = listener.metrics().items()
    return {name[len(LAG) :].partition(",")[0]: value for name, value in found if name.startswith(LAG)}


def _shortest_session(broker: Any) -> str:
    return "1.5" if broker.is_ours else "6"  # Kafka's group.min.session.timeout.ms, unless it is set


def _which(one: Listener, other: Listener) -> tuple[Listener, Listener]:
    """Return which of two has the partition, and which has not."""
    for each in (one, other):
        each.wait_until(lambda: "; 0 restored in" in one.said + other.said, "one of two is at work")
    return (one, other) if one.get("/readyz")[0] == 200 else (other, one)


def test_two_processes_with_one_name_and_the_older_ends(
    broker: Any, topics: TopicNames, tmp_path: Path, model: Model, model_file: Path
) -> None:
    servers = broker.bootstrap_servers
    chunks = speak("s", 20)
    arguments = ("--model", model_file, *HOP, "--group-instance-id", "twin")
    with Listener(servers, topics, tmp_path, *arguments) as older:
        older.await_ready()
        topic_io.send(servers, topics.input, wire(chunks[:20]))
        older.results(estimates=6)
        with Listener(servers, topics, tmp_path, *arguments) as younger:
            younger.await_ready()
            topic_io.send(servers, topics.input, wire(chunks[20:]))
            check(younger.results(finals=1), expected(model, chunks))
            assert older.await_end() == 3
            assert "another process has" in older.said.splitlines()[-1]
            younger.stop()


def test_a_slow_model_stays_in_the_group(broker: Any, topics: TopicNames, tmp_path: Path, model: Model) -> None:
    slow = models.save(tmp_path / "slow.onnx", _slow_network())
    seconds = _seconds_per_window(slow)
    limit = 3.0 if broker.is_ours else 6.0
    count = round(1.5 * limit / seconds) + 2  # all of them wait at once, for longer than the group does
    chunks = speak("s", 3 + count, chunk_seconds=1)
    topic_io.send(broker.bootstrap_servers, topics.input, wire(chunks))
    arguments = ("--model", slow, *HOP, "--max-poll-interval", str(limit), "--session-timeout", str(limit))
    with Listener(broker.bootstrap_servers, topics, tmp_path, *arguments) as listener:
        found = listener.results(finals=1)
        assert listener.metrics()["moodstream_kafka_rebalances_total"] == 1
        assert "aborted" not in listener.said
        listener.stop()
    check(found, expected(model, chunks))


def _slow_network() -> onnx.ModelProto:
    """A network whose answer is that of the tiny one, and that multiplies large matrices on the way."""
    network = models.tiny_network()
    size = 1500
    wide = np.ones((size, 96), np.float32)
    square = np.eye(size, dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["wide", "turned"], ["column"]),
        helper.make_node("Add", ["column", "square"], ["full"]),
        *[helper.make_node("MatMul", [f"p{n}" if n else "full", "full"], [f"p{n + 1}"]) for n in range(4)],
        helper.make_node("ReduceMean", ["p4"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["sigmoids", "zero"], ["sums"]),
        helper.make_node("Mul", ["sums", "gain"], ["moods"]),
    ]
    graph = network.graph
    del graph.node[-1]
    graph.node.append(helper.make_node("ReduceMean", ["bands"], ["one"], axes=[0]))
    graph.node.append(helper.make_node("Transpose", ["one"], ["turned"], perm=[1, 0]))
    graph.node.extend(nodes)
    for name, value in (("wide", wide * 1e-6), ("square", square), ("nothing", np.float32([0]))):
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    return network


def _seconds_per_window(path: Path) -> float:
    model = load(path)
    window = np.zeros((1, 187, 96), np.float32)
    model.predict(window)
    began = time.monotonic()
    model.predict(window)
    return time.monotonic() - began


def test_with_a_password_over_tls(secured_broker: SecuredBroker, tmp_path: Path, model_file: Path) -> None:
    names = topic_io.unique_names()
    security = ["--bootstrap-servers", secured_broker.address("SASL_SSL"), "--security-protocol", "SASL_SSL"]
    security += ["--sasl-mechanism", "SCRAM-SHA-512", "--sasl-username", secured_broker.username]
    security += ["--ssl-cafile", str(secured_broker.ca_file)]
    secret = {"MOODSTREAM_KAFKA__SASL_PASSWORD": secured_broker.password}
    options = [each for each in consumers.names(names) if each not in ("--group-id", names.group)]
    _run("stream.topics", "create", "--partitions", "2", *options, *security, **secret)
    publish = ["--demo", "--as-fast-as-possible", "--topic", names.input, *security]
    said = _run("stream.publish", *publish, **secret)
    arguments = ("--model", model_file, *security)
    with Listener(secured_broker.address("SASL_SSL"), names, tmp_path, *arguments, **secret) as listener:
        listener.wait_until(lambda: any(each["type"] == "final" for each in listener.shown), "a final is out")
        listener.stop()
        assert secured_broker.password not in said + listener.said
    found = consumers.parsed(topic_io.read_all(secured_broker.bootstrap_servers, names.output))
    assert len(found.finals) == 1
    assert found.doubled == []


def _run(module: str, *arguments: str, **env: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(**env), timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
