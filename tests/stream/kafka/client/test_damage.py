"""Fault 4 of kafka-python: data that is damaged on the broker's disk, and brokers that go away."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import CorruptRecordError

from stream.kafka.client.connection import Connection
from stream.kafka.tagger.restore import StateReader
from tests.stream.kafka import topic_io
from tests.stream.kafka.broker import Broker
from tests.stream.kafka.members import Member, poll_until
from tests.stream.kafka.topic_io import Record, TopicNames


@pytest.fixture
def names(own_broker: Broker) -> Iterator[TopicNames]:
    """Topics on a broker that may be broken; deleted at the end, so that nobody else meets the damage."""
    made = topic_io.unique_names()
    topic_io.create(own_broker.bootstrap_servers, made)
    yield made
    own_broker.start()
    topic_io.delete(own_broker.bootstrap_servers, made)


@pytest.fixture(scope="module")
def damages(_breakable_broker: Broker) -> Iterator[Iterator[TopicNames]]:
    """What `damaged` gives to one test after the other: all are damaged in one stop of the broker."""
    sets = [topic_io.unique_names() for _ in range(5)]
    _breakable_broker.start()
    for names in sets:
        topic_io.create(_breakable_broker.bootstrap_servers, names)
        _fill(_breakable_broker.bootstrap_servers, names)
    _breakable_broker.stop()
    for topic in (topic for names in sets for topic in (names.input, names.state)):
        segment = _breakable_broker.partition_folder(topic, 0) / f"{0:020}.log"
        data = segment.read_bytes()
        assert b"value W" in data
        segment.write_bytes(data.replace(b"value Y", b"value ?").replace(b"value W", b"value ?"))
    _breakable_broker.start()
    yield iter(sets)
    _breakable_broker.start()
    for names in sets:
        topic_io.delete(_breakable_broker.bootstrap_servers, names)


def _fill(servers: str, names: TopicNames) -> None:
    for values in (b"012", b"XYZ", b"67", b"W"):  # a batch each
        records = [Record(b"value %c" % value, partition=0) for value in values]
        topic_io.send(servers, names.input, records, linger_ms=200)
    topic_io.send(servers, names.input, [Record(b"neighbour", partition=1)])
    for key, value in ((b"a", b"value 1"), (b"b", b"value W"), (b"c", b"value 3")):
        topic_io.send(servers, names.state, [Record(value, key=key, partition=0)])


@pytest.fixture
def damaged(own_broker: Broker, damages: Iterator[TopicNames]) -> TopicNames:
    """An input where one batch of three records (offsets 3 to 5), and the last (8), are damaged; and a state."""
    return next(damages)


@pytest.fixture
def member(own_broker: Broker, damaged: TopicNames) -> Iterator[Member]:
    """The only member of the group, on the damaged input."""
    made = Member(own_broker.bootstrap_servers, damaged)
    with contextlib.closing(made.consumer):
        yield made


def test_fault_4_damaged_batches_are_passed_over(own_broker: Broker, damaged: TopicNames, member: Member) -> None:
    poll_until([member], lambda: len(member.values(0)) == 5 and len(member.corrupt) == 2)
    assert member.values(0) == [b"value 0", b"value 1", b"value 2", b"value 6", b"value 7"]
    poll_until([member], lambda: member.values(1) == [b"neighbour"])
    assert [(each.partition, each.offset, each.next_offset) for each in member.corrupt] == [(0, 3, 6), (0, 8, 9)]
    assert "crc" in member.corrupt[0].error
    assert member.consumer.position(0) == 9
    spent, polls = time.process_time(), member.polls
    until = time.monotonic() + 1
    while time.monotonic() < until:
        member.poll(0.1)
    assert time.process_time() - spent < 0.5  # it waits: a spinning poll takes all of the second
    assert member.polls - polls < 30
    topic_io.send(own_broker.bootstrap_servers, damaged.input, [Record(b"new", partition=0)])
    poll_until([member], lambda: member.values(0)[-1] == b"new")
    assert len(member.corrupt) == 2


def test_fault_4_a_pause_between_the_damage_and_its_report_loses_nothing(member: Member) -> None:
    poll_until([member], lambda: member.partitions == {0, 1})
    while not member.values(0):
        member.poll(0.1, 3)
    member.consumer.pause([0])
    member.poll()
    member.consumer.resume([0])
    poll_until([member], lambda: len(member.values(0)) == 5 and len(member.corrupt) == 2)


def test_fault_4_a_start_within_a_damaged_batch(member: Member) -> None:
    member.starts = False
    poll_until([member], lambda: member.partitions == {0, 1})
    member.consumer.start(0, 4, expected=None)
    poll_until([member], lambda: len(member.corrupt) == 2)
    assert (member.corrupt[0].offset, member.corrupt[0].next_offset) == (4, 6)
    assert member.values(0) == [b"value 6", b"value 7"]


def test_a_damaged_state_is_passed_over(
    own_broker: Broker, damaged: TopicNames, caplog: pytest.LogCaptureFixture
) -> None:
    config = Connection((own_broker.bootstrap_servers,)).config()
    with contextlib.closing(StateReader(config, damaged.state)) as reader:
        reader.begin(0, 0, 3)
        found: dict[int, Any] = {}
        while not found:
            found = reader.poll(0.1)
    assert found == {0: {b"a": (0, b"value 1"), b"c": (2, b"value 3")}}
    assert "states 1 to 1 of partition 0" in caplog.text


def test_the_library_still_hangs_on_damaged_data(own_broker: Broker, damaged: TopicNames) -> None:
    """Fault 4 itself: once this fails, stream/kafka/client/workarounds.py is not needed any more."""
    consumer = KafkaConsumer(bootstrap_servers=own_broker.bootstrap_servers, group_id=None)
    tp = TopicPartition(damaged.input, 0)
    consumer.assign([tp])
    consumer.seek(tp, 3)
    with pytest.raises(CorruptRecordError):
        while True:
            consumer.poll(200)
    hanging = threading.Thread(target=consumer.poll, args=(0,), daemon=True)
    hanging.start()
    hanging.join(2)
    assert hanging.is_alive()  # a poll that should not wait at all
    for _ in range(60):
        consumer.seek(tp, 6)  # which lets it go, unless it comes between two lines of that loop
        hanging.join(1)
        if not hanging.is_alive():
            break
    assert not hanging.is_alive()
    consumer.close()


def test_a_broker_that_goes_away_and_comes_back(own_broker: Broker, names: TopicNames) -> None:
    member = Member(own_broker.bootstrap_servers, names)
    with contextlib.closing(member.consumer):
        topic_io.send(own_broker.bootstrap_servers, names.input, [Record(b"before", partition=0)])
        poll_until([member], lambda: member.values(0) == [b"before"])
        own_broker.kill()
        spent = time.process_time()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            member.poll(0.1)
        assert time.process_time() - spent < 1.0
        own_broker.start()
        topic_io.send(own_broker.bootstrap_servers, names.input, [Record(b"after", partition=0)])
        poll_until([member], lambda: b"after" in member.values(0))
        # Nothing was committed, so a partition that was given anew is read from its beginning.
        assert member.values(0) in ([b"before", b"after"], [b"before", b"before", b"after"])
