"""The reader of the state topic on a real broker: what it takes for the last value of each key, and when it is done."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from stream.kafka.client.connection import Connection
from stream.kafka.client.input import InputConsumer
from stream.kafka.tagger.restore import Restorer, StateReader, States
from stream.settings.kafka import ConsumerOptions
from tests.stream.kafka import topic_io
from tests.stream.kafka.topic_io import Record, TopicNames

_PATIENCE = 60.0


@pytest.fixture
def reader(broker: Any, topics: TopicNames) -> Iterator[StateReader]:
    """A reader of the test's state topic."""
    with contextlib.closing(StateReader(Connection((broker.bootstrap_servers,)).config(), topics.state)) as made:
        yield made


@pytest.fixture
def producer(broker: Any) -> Iterator[Callable[[str], Any]]:
    """Makes transactional producers by their ids."""
    with contextlib.ExitStack() as stack:

        def make(name: str) -> Any:
            made = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, transactional_id=name)
            stack.callback(made.close, 5)
            made.init_transactions()
            return made

        yield make


def _await(reader: StateReader, *partitions: int) -> dict[int, States]:
    """Poll as the input's loop does, without waiting inside, until partitions are read."""
    found: dict[int, States] = {}
    deadline = time.monotonic() + _PATIENCE
    while not found.keys() >= set(partitions):
        found |= reader.poll(0.0)
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {found}")
        time.sleep(0.001)  # the loop would poll the input here
    return found


def _write(broker: Any, topics: TopicNames, partition: int, *states: tuple[bytes, bytes | None]) -> list[int]:
    records = [Record(value, key=key, partition=partition) for key, value in states]
    return topic_io.send(broker.bootstrap_servers, topics.state, records)


def test_the_last_value_of_each_key_and_tombstones(broker: Any, topics: TopicNames, reader: StateReader) -> None:
    _write(broker, topics, 1, (b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None), (b"c", b"behind the end"))
    reader.begin(1, 0, 4)
    assert _await(reader, 1) == {1: {b"a": (2, b"2"), b"b": (3, None)}}
    reader.begin(1, 2, 3)
    assert _await(reader, 1) == {1: {b"a": (2, b"2")}}


def test_an_empty_stretch_is_read_at_once(reader: StateReader) -> None:
    reader.begin(0, 7, 7)
    assert reader.poll(0.0) == {0: {}}
    assert reader.poll(0.0) == {}


def test_one_that_is_cancelled_is_not_reported(broker: Any, topics: TopicNames, reader: StateReader) -> None:
    _write(broker, topics, 0, (b"a", b"1"))
    _write(broker, topics, 1, (b"b", b"1"))
    reader.begin(0, 0, 1)
    reader.begin(1, 0, 1)
    reader.cancel(0)
    assert _await(reader, 1) == {1: {b"b": (0, b"1")}}
    reader.begin(0, 0, 1)
    assert _await(reader, 0) == {0: {b"a": (0, b"1")}}


def test_aborted_transactions_and_markers(
    topics: TopicNames, reader: StateReader, producer: Callable[[str], Any]
) -> None:
    writer = producer(f"{topics.group}-a")
    for value, commit in ((b"1", True), (b"2", False), (b"3", True), (b"4", False)):
        writer.begin_transaction()
        sent = writer.send(topics.state, key=b"a", value=value, partition=0)
        writer.flush()
        assert sent.get(10).offset >= 0
        if commit:
            writer.commit_transaction()
        else:
            writer.abort_transaction()
    # 0: "1", 1: its marker, 2: "2", 3: aborted, 4: "3", 5: its marker, 6: "4", 7: aborted
    for end, value in ((1, (0, b"1")), (2, (0, b"1")), (4, (0, b"1")), (5, (4, b"3")), (8, (4, b"3"))):
        reader.begin(0, 0, end)
        assert _await(reader, 0) == {0: {b"a": value}}
    reader.begin(0, 6, 8)
    assert _await(reader, 0) == {0: {}}


def test_an_open_transaction_holds_its_own_partition_only(
    broker: Any, topics: TopicNames, reader: StateReader, producer: Callable[[str], Any]
) -> None:
    _write(broker, topics, 1, (b"b", b"1"))
    writer = producer(f"{topics.group}-a")
    writer.begin_transaction()
    writer.send(topics.state, key=b"a", value=b"1", partition=0)
    writer.flush()
    reader.begin(0, 0, 1)
    reader.begin(1, 0, 1)
    assert _await(reader, 1) == {1: {b"b": (0, b"1")}}
    until = time.monotonic() + 3  # longer than the reader takes for a sign that nothing comes
    while time.monotonic() < until:
        assert reader.poll(0.1) == {}
    writer.commit_transaction()
    assert _await(reader, 0) == {0: {b"a": (0, b"1")}}


def test_what_was_deleted_is_passed_over(broker: Any, topics: TopicNames, reader: StateReader) -> None:
    _write(broker, topics, 0, *((b"%d" % number, b"x") for number in range(5)))
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        admin.alter_configs(_both_policies(topics.state))
        admin.delete_records({TopicPartition(topics.state, 0): 3})
    finally:
        admin.close()
    reader.begin(0, 1, 5)
    assert _await(reader, 0) == {0: {b"3": (3, b"x"), b"4": (4, b"x")}}
    reader.begin(0, 1, 2)  # nothing of it is left
    assert _await(reader, 0) == {0: {}}


def _both_policies(topic: str) -> Any:
    return [ConfigResource(ConfigResourceType.TOPIC, topic, configs={"cleanup.policy": "compact,delete"})]


def test_a_compacted_topic(broker: Any, topic_names: TopicNames) -> None:
    """Small segments that may be compacted at once: offsets go missing, at the end of the stretch as well."""
    servers = broker.bootstrap_servers
    small = {"segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1"}
    topic_io.create(servers, topic_names, partitions=1, **small)
    big = bytes(300_000)
    sent = [
        Record(big if number % 5 else b"%d" % number, key=b"%d" % (number % 3), partition=0) for number in range(30)
    ]
    for each in sent:
        topic_io.send(servers, topic_names.state, [each])
    expected = {b"%d" % key: (number, sent[number].value) for key in range(3) for number in [27 + key]}
    deadline = time.monotonic() + _PATIENCE
    while len(topic_io.read_all(servers, topic_names.state)) > 15:
        if time.monotonic() > deadline:
            pytest.skip("this broker does not compact soon enough")
        time.sleep(0.2)  # the cleaner says nothing to its clients
    with contextlib.closing(StateReader(Connection((servers,)).config(), topic_names.state)) as reader:
        reader.begin(0, 3, 30)
        assert _await(reader, 0) == {0: expected}
        reader.begin(0, 3, 10)  # all of it is replaced by what came later
        assert _await(reader, 0) == {0: {}}


def test_a_log_that_lost_its_end_is_read_as_far_as_it_goes(
    broker: Any, topics: TopicNames, reader: StateReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.kafka.tagger.restore._STALLED_SECONDS", 0.2)
    monkeypatch.setattr("stream.kafka.tagger.restore._LOST_SECONDS", 0.1)
    _write(broker, topics, 0, (b"a", b"1"), (b"b", b"2"))
    reader.begin(0, 0, 50)
    reader.begin(1, 0, 50)  # made anew: nothing is there
    assert _await(reader, 0, 1) == {0: {b"a": (0, b"1"), b"b": (1, b"2")}, 1: {}}
    assert reader.cut == {0: 2, 1: 0}


def test_a_broker_that_goes_while_a_partition_is_looked_up_is_asked_again(own_broker: Any) -> None:
    names = topic_io.unique_names()
    topic_io.create(own_broker.bootstrap_servers, names)
    config = Connection((own_broker.bootstrap_servers,)).config()
    with (
        contextlib.closing(InputConsumer(config, names.input, ConsumerOptions(group_id=names.group))) as consumer,
        contextlib.closing(StateReader(config, names.state)) as reader,
    ):
        restorer = Restorer(consumer, reader, "earliest")
        own_broker.kill()  # before anybody has told the reader of its topic
        restorer.begin(0)
        assert restorer.poll() == []
        assert len(restorer) == 1
        own_broker.start()
        deadline = time.monotonic() + _PATIENCE
        found = []
        while not found and time.monotonic() < deadline:
            found = restorer.poll()
        assert [each.partition for each in found] == [0]
